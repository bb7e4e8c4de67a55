// The elementwise kernels on integers and bools: computed in int64, wrapping.
#include "elementwise.h"

namespace deepnet::gpu {

bool map_integers(Call& call, MapOp op, const View* in, const View& y) {
  return dispatch_map(op, [&](auto f) {
    using Op = decltype(f);
    if constexpr (Op::integer) run_strided<Op, int64_t>(call, in, y, layout_for<Op>(in, y));
    return Op::integer;
  });
}

}  // namespace deepnet::gpu
