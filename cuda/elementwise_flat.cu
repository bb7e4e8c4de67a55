// The elementwise kernels in float32 where every operand is one run of memory, or one element.
#include "elementwise.h"

namespace deepnet::gpu {

/// False where the operands lie otherwise.
bool map_floats_flat(Call& call, MapOp op, const View* in, const View& y) {
  return dispatch_map(op, [&](auto f) {
    using Op = decltype(f);
    if constexpr (Op::real) {
      const auto layout = layout_for<Op>(in, y);
      const int64_t threads = layout.total / 4 + 3;  // the last three elements may need some of their own
      unsigned constant;
      if (flat<Op, float>(in, y, layout, DType::Float32, constant)) {
        call.run_items(map_flat<Op, float>, threads, inputs_of<Op>(in), y.as<float>(), y.dtype, layout.total, constant);
        return true;
      }
      if (is_narrow_float(y.dtype) && flat<Op, uint16_t>(in, y, layout, y.dtype, constant)) {
        call.run_items(map_flat<Op, uint16_t>, threads, inputs_of<Op>(in), y.as<uint16_t>(), y.dtype, layout.total, constant);
        return true;
      }
    }
    return false;
  });
}

}  // namespace deepnet::gpu
