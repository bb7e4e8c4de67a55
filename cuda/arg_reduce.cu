// The largest or smallest element of each (A, R, B) column and where it is first; NaN wins.
#include "convert.h"
#include "cuda_backend.h"
#include "rows.h"
#include "runtime.h"

namespace deepnet::gpu {

template <class S>
struct Found {
  S value;
  int64_t index;  // -1: nothing yet
};
template <class S>
DN_DEVICE Found<S> exchange_xor(Found<S> v, int mask) {
  return {__shfl_xor_sync(kAllLanes, v.value, mask), __shfl_xor_sync(kAllLanes, v.index, mask)};
}

namespace {

template <class S>
struct Better {
  bool largest;
  DN_DEVICE Found<S> identity() const { return {S(0), -1}; }
  DN_DEVICE Found<S> combine(Found<S> a, Found<S> b) const {
    if (a.index < 0) return b;
    if (b.index < 0) return a;
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    const bool same = (a_nan && b_nan) || a.value == b.value;
    const bool b_wins = same ? b.index < a.index : !a_nan && (b_nan || (largest ? b.value > a.value : b.value < a.value));
    return b_wins ? b : a;
  }
  DN_DEVICE Found<S> step(Found<S> acc, Found<S> x) const { return combine(acc, x); }
};

struct Source {
  const void* data;
  DType dtype;
  int64_t R, columns, B, sa, sr, sb;
};
struct Target {
  void* values;
  int64_t* indices;
  DType dtype;
  int64_t va, vb, ia, ib;
};

template <class S>
DN_DEVICE void write(const Target& t, int64_t a, int64_t b, Found<S> best) {
  if (t.values) store_any<S>(t.values, t.dtype, a * t.va + b * t.vb, best.value);
  if (t.indices) t.indices[a * t.ia + b * t.ib] = best.index;
}

template <class S>
DN_DEVICE Found<S> element(const Source& x, int64_t base, int64_t r) {
  return {load_any<S>(x.data, x.dtype, base + r * x.sr), r};
}

template <class Team, class S>
DN_KERNEL void __launch_bounds__(Team::kThreads) search_rows(Source x, Target t, Better<S> op) {
  __shared__ typename Team::template Memory<Found<S>> memory;
  const int64_t column = Team::row();
  if (column >= x.columns) return;
  const int64_t a = quotient(column, x.B), b = column - a * x.B, base = a * x.sa + b * x.sb;
  const Found<S> best = Team::template reduce<Found<S>>(x.R, op, memory, [&](int64_t r) { return element<S>(x, base, r); });
  if (Team::rank() == 0) write(t, a, b, best);
}

template <class S>
DN_KERNEL void search_columns(Source x, Target t, Better<S> op) {
  for (int64_t i = thread_id(); i < x.columns; i += thread_count()) {
    const int64_t a = quotient(i, x.B), b = i - a * x.B, base = a * x.sa + b * x.sb;
    Found<S> best = element<S>(x, base, 0);
    for (int64_t r = 1; r < x.R; ++r) best = op.combine(best, element<S>(x, base, r));
    write(t, a, b, best);
  }
}

template <class S>
void search(Call& call, const Source& x, const Target& t, bool largest) {
  constexpr int64_t kEnoughColumns = 4096;
  const Better<S> op{largest};
  if (x.B > 1 && x.columns >= kEnoughColumns) return call.run_items(search_columns<S>, x.columns, x, t, op);
  with_team(x.R, [&](auto team) {
    using Team = decltype(team);
    call.run(search_rows<Team, S>, Team::grid(x.columns), dim3(Team::kThreads), 0, x, t, op);
  });
}

}  // namespace

void CudaBackend::arg_reduce(bool largest, const View& x, const View& values, const View& indices) {
  Call call(device_, "arg_reduce");
  if (x.numel() == 0) return;
  const Source from{x.data, x.dtype, x.size(1), x.size(0) * x.size(2), x.size(2), x.stride(0), x.stride(1), x.stride(2)};
  Target to{values.data, indices.as<int64_t>(), values.dtype, 0, 0, 0, 0};
  if (values.defined()) {
    to.va = values.stride(0);
    to.vb = values.stride(1);
  }
  if (indices.defined()) {
    to.ia = indices.stride(0);
    to.ib = indices.stride(1);
  }
  if (!is_floating(x.dtype)) return search<int64_t>(call, from, to, largest);
  if (x.dtype == DType::Float64) return search<double>(call, from, to, largest);
  search<float>(call, from, to, largest);
}

}  // namespace deepnet::gpu
