// The elementwise kernels in float64.
#include "elementwise.h"

namespace deepnet::gpu {

bool map_doubles(Call& call, MapOp op, const View* in, const View& y) {
  return dispatch_map(op, [&](auto f) {
    using Op = decltype(f);
    if constexpr (Op::real) run_strided<Op, double>(call, in, y, layout_for<Op>(in, y));
    return Op::real;
  });
}

}  // namespace deepnet::gpu
