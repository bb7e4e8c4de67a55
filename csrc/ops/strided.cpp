// Slices by strides with their gradients: what the graph needs of geometry.
#include "autograd/arithmetic.h"
#include "ops/copy.h"
#include "ops/factories.h"
#include "ops/views.h"

namespace deepnet {

Tensor strided_slice(const Tensor& x, const Shape& shape, const Strides& strides, int64_t offset) {
  Tensor c = contiguous(x);
  return as_strided(c, shape, strides, c.impl()->offset + offset);
}

Tensor strided_slice_backward(const Tensor& dy, const Shape& from, const Strides& strides, int64_t offset) {
  Tensor dx = zeros(from, dy.dtype(), dy.device());
  Shape shape = dy.shape();
  if (dy.numel()) {
    // Overlapping windows add up, in logical order; others are a plain copy.
    int64_t span = 0;
    bool overlaps = false;
    int by_stride[kMaxDims];
    for (int i = 0; i < shape.n; ++i) by_stride[i] = i;
    for (int i = 1; i < shape.n; ++i)
      for (int j = i; j > 0 && strides.v[by_stride[j]] < strides.v[by_stride[j - 1]]; --j)
        std::swap(by_stride[j], by_stride[j - 1]);
    for (int i = 0; i < shape.n; ++i) {
      int d = by_stride[i];
      if (shape.v[d] == 1) continue;
      overlaps |= strides.v[d] <= span;
      span += strides.v[d] * (shape.v[d] - 1);
    }
    Tensor target = alias(dx, shape, strides, offset);
    if (!overlaps) {
      launch("slice_backward", dy.device(), [x = dy.view(), y = target.view()](Backend& b) { b.copy(x, y); });
    } else {
      Tensor places = alias(strided_positions(from, shape, strides, offset, dy.device()), {numel(shape)}, {1}, 0);
      Tensor source = contiguous(detach(dy)), flat = alias(dx, {dx.numel()}, {1}, 0);
      launch("unfold_backward", dy.device(),
             [y = flat.view(), i = places.view(), s = alias(source, {numel(shape)}, {1}, source.impl()->offset).view()](
                 Backend& b) { b.index_put(y, i, s, ScatterOp::Add); });
    }
  }
  if (wants_grad(dy))
    record("slice_backward", {dy}, {dx},
           [shape, strides, offset](const Backward& b) -> Tensors { return {strided_slice(b.dy(0), shape, strides, offset)}; });
  return dx;
}

Tensor strided_scatter(const Tensor& x, const Tensor& src, const Shape& shape, const Strides& strides, int64_t offset) {
  Tensor y = copy_of(x);
  Tensor place = alias(y, shape, strides, offset);
  if (src.defined())
    copy_data("strided_scatter", src, place);
  else if (place.numel())
    launch("strided_scatter", y.device(), [v = place.view()](Backend& b) { b.fill(v, Number{true, 0, 0}); });
  if (wants_grad(x) || (src.defined() && wants_grad(src)))
    record("strided_scatter", {x, src}, {y}, [shape, strides, offset](const Backward& b) -> Tensors {
      return {b.needs(0) ? strided_scatter(b.dy(0), Tensor(), shape, strides, offset) : Tensor(),
              b.needs(1) ? strided_slice(b.dy(0), shape, strides, offset) : Tensor()};
    });
  return y;
}

}  // namespace deepnet
