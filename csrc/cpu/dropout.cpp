// Dropout without a stored mask: the backward draws the same numbers again.
#include "core/parallel.h"
#include "cpu/copy.h"
#include "cpu/float_rows.h"
#include "cpu/isa_backend.h"
#include "cpu/philox_block.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

constexpr int64_t kRow = 512;
constexpr int64_t kRowsPerPiece = 16;

DN_INLINE void drop_row(const float* x, const int32_t* words, float* y, int64_t n, float p, float keep) {
  for_row<F32>(n,
               [=](auto at) DN_FUSED { at.put(y, select(unit_floats(words + at.i) >= F32(p), at(x) / F32(keep), F32(0.0f))); });
}
DN_INLINE void drop_row(const double* x, const int32_t* words, double* y, int64_t n, float p, double keep) {
  float u[F32::lanes];
  for (int64_t i = 0; i < n; ++i) {
    if (i % F32::lanes == 0) store(u, unit_floats(words + i));
    y[i] = u[i % F32::lanes] >= p ? x[i] / keep : 0.0;
  }
}

template <class T>
void drop(const T* x, const int64_t* state, T* y, int64_t n, double p) {
  using C = compute_of<T>;
  parallel_for(ceil_div(n, kRow), kRowsPerPiece, [=](int64_t begin, int64_t end) {
    alignas(64) int32_t words[kRow + kWordsPerCounters];
    alignas(64) C from[kRow], to[kRow];
    for (int64_t r = begin; r < end; ++r) {
      const int64_t first = r * kRow, count = smaller(kRow, n - first);
      philox_fill(uint64_t(state[0]), uint64_t(state[1]) + uint64_t(first / 4), count, words);
      C* out = row_target(y + first, to);
      drop_row(read_row(x + first, count, from), words, out, count, float(p), C(1 - p));
      write_row(y + first, out, count);
    }
  });
}

}  // namespace

void IsaBackend::dropout(const View& x, const View& state, const View& y, double p) {
  View dense = x;
  if (!x.contiguous()) {
    copy_view(x, y);
    dense = y;
  }
  visit_floats(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    drop(dense.as<const T>(), state.as<const int64_t>(), y.as<T>(), y.numel(), p);
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
