// Elementwise operators on integers and bools: computed in int64, wrapping.
#include "core/error.h"
#include "cpu/cpu_backend.h"
#include "cpu/elementwise_engine.h"
#include "math/map_dispatch.h"

namespace deepnet {
namespace {

template <class Op>
void integer_loop(const int64_t* const* in, int64_t* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (Op::arity == 1) {
      out[i] = Op()(in[0][i]);
    } else if constexpr (Op::arity == 2) {
      out[i] = Op()(in[0][i], in[1][i]);
    } else if constexpr (Op::arity == 3) {
      out[i] = Op()(in[0][i], in[1][i], in[2][i]);
    } else {
      out[i] = Op()(in[0][i], in[1][i], in[2][i], in[3][i]);
    }
  }
}

}  // namespace

void CpuBackend::integer_map(MapOp op, const View* in, int count, const View& y) {
  const ElementwiseKernel<int64_t> kernel = dispatch_map(op, [](auto f) -> ElementwiseKernel<int64_t> {
    using Op = decltype(f);
    if constexpr (Op::integer) {
      return integer_loop<Op>;
    } else {
      return nullptr;
    }
  });
  if (!kernel) fail<TypeError>("map", "this operator has no integer form; compute it in float32 or float64");
  elementwise(kernel, in, count, y);
}

}  // namespace deepnet
