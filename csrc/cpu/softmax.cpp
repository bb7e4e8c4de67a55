// Softmax and log-softmax over the last axis.
//
//   softmax       y = exp(x - max) * (1 / sum);            dx = y * (dy - sum(y * dy)), a sum of fma chains
//   log-softmax   y = (x - max) - log(sum);                dx = fma(-exp(y), sum(dy), dy)
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/isa_backend.h"
#include "cpu/softmax_rows.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

template <class S>
void forward_row(const S* x, S* y, int64_t n, bool log) {
  using V = vector_of<S>;
  const S max = max_row<V>(x, n);
  if (log) {
    const S sum = sum_exponentials<V>(x, n, max, [](auto, V) DN_FUSED {});
    const V m(max), l(math::log(sum));
    for_row<V>(n, [&](auto at) DN_FUSED { at.put(y, (at(x) - m) - l); });
  } else {
    const S sum = sum_exponentials<V>(x, n, max, [&](auto at, V e) DN_FUSED { at.put(y, e); });
    const V inverse(S(1) / sum);
    for_row<V>(n, [&](auto at) DN_FUSED { at.put(y, at(y) * inverse); });
  }
}

template <class S>
void backward_row(const S* y, const S* dy, S* dx, int64_t n, bool log) {
  using V = vector_of<S>;
  if (log) {
    const V sum(sum_row<V>(n, [&](auto at) DN_FUSED { return at(dy); }));
    for_row<V>(n, [&](auto at) DN_FUSED { at.put(dx, fma(-math::exp(at(y)), sum, at(dy))); });
  } else {
    S dot;
    reduce_row<V, 1>(0, n, Adding{}, [&](auto at, V* acc) DN_FUSED { acc[0] = fma(at(y), at(dy), acc[0]); }, &dot);
    const V sum(dot);
    for_row<V>(n, [&](auto at) DN_FUSED { at.put(dx, at(y) * (at(dy) - sum)); });
  }
}

}  // namespace

void IsaBackend::softmax_forward(const View& x, const View& y, bool log) {
  const int64_t R = x.size(0), C = x.size(1);
  visit_floats(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = compute_of<T>;
    parallel_for(R, grain_for(C), [&](int64_t begin, int64_t end) {
      Scratch buffer(is_narrow<T> ? size_t(2 * C) * sizeof(S) : 0);
      S* read = buffer.template as<S>();
      for (int64_t r = begin; r < end; ++r) {
        S* to = row_target(y.as<T>() + r * C, read + C);
        forward_row(read_row(x.as<T>() + r * C, C, read), to, C, log);
        write_row(y.as<T>() + r * C, to, C);
      }
    });
  });
}

void IsaBackend::softmax_backward(const View& y, const View& dy, const View& dx, bool log) {
  const int64_t R = y.size(0), C = y.size(1);
  visit_floats(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = compute_of<T>;
    parallel_for(R, grain_for(C), [&](int64_t begin, int64_t end) {
      Scratch buffer(is_narrow<T> ? size_t(3 * C) * sizeof(S) : 0);
      S* read = buffer.template as<S>();
      for (int64_t r = begin; r < end; ++r) {
        S* to = row_target(dx.as<T>() + r * C, read + 2 * C);
        backward_row(read_row(y.as<T>() + r * C, C, read), read_row(dy.as<T>() + r * C, C, read + C), to, C, log);
        write_row(dx.as<T>() + r * C, to, C);
      }
    });
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
