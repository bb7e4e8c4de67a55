// The elementwise kernels in float32.
#include "elementwise.h"

namespace deepnet::gpu {

bool map_floats_flat(Call& call, MapOp op, const View* in, const View& y);

bool map_floats(Call& call, MapOp op, const View* in, const View& y) {
  if (map_floats_flat(call, op, in, y)) return true;
  return dispatch_map(op, [&](auto f) {
    using Op = decltype(f);
    if constexpr (Op::real) run_strided<Op, float>(call, in, y, layout_for<Op>(in, y));
    return Op::real;
  });
}

}  // namespace deepnet::gpu
