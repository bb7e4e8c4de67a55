// Joining, turning and padding tensors.
#include "ops/index.h"

#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/views.h"

namespace deepnet {

Tensor cat(const Tensors& all, int64_t dim) {
  if (all.empty()) fail<RuntimeError>("cat", "needs at least one tensor");
  Tensors list;
  for (const Tensor& t : all) {
    if (t.ndim() == 0) fail<RuntimeError>("cat", "0-d tensors cannot be joined; use stack");
    if (!(t.ndim() == 1 && t.size(0) == 0)) list.push_back(t);  // the legacy empty tensor fits anywhere
  }
  if (list.empty()) list.push_back(all[0]);
  DType dtype = result_type(all);
  const Tensor& first = list[0];
  int d = wrap_dim("cat", dim, first.ndim());
  Shape shape = first.shape();
  shape.v[d] = 0;
  for (const Tensor& t : list) {
    check_same_device("cat", first, t);
    Shape s = t.shape();
    if (s.n == shape.n) s.v[d] = 0;
    Shape expected = shape;
    expected.v[d] = 0;
    if (!(s == expected))
      fail<RuntimeError>("cat", "shapes must agree outside dim ", d, ", got ", first.shape(), " and ", t.shape());
    shape.v[d] += t.size(d);
  }
  Tensor y = empty(shape, dtype, first.device());
  int64_t start = 0;
  for (const Tensor& t : list) {
    Tensor place = alias(y, t.shape(), y.strides(), start * y.stride(d));
    if (t.numel()) launch("cat", y.device(), [x = t.view(), y = place.view()](Backend& b) { b.copy(x, y); });
    start += t.size(d);
  }
  if (is_floating(dtype) && wants_grad_any(all)) {
    std::vector<int64_t> rows;  // of each operand along d; none of a legacy empty one
    for (const Tensor& t : all) rows.push_back(t.ndim() == 1 && t.size(0) == 0 ? -1 : t.size(d));
    record("cat", all, {y}, [rows, d](const Backward& b) -> Tensors {
      Tensors dxs(rows.size());
      int64_t start = 0;
      for (size_t i = 0; i < rows.size(); ++i) {
        if (b.needs(int(i)))
          dxs[i] = rows[i] < 0 ? zeros({0}, b.dy(0).dtype(), b.dy(0).device()) : slice(b.dy(0), d, start, start + rows[i], 1);
        start += std::max<int64_t>(rows[i], 0);
      }
      return dxs;
    });
  }
  return y;
}

Tensor stack(const Tensors& list, int64_t dim) {
  if (list.empty()) fail<RuntimeError>("stack", "needs at least one tensor");
  int d = wrap_dim("stack", dim, list[0].ndim() + 1);
  Tensors wide;
  for (const Tensor& t : list) {
    if (!(t.shape() == list[0].shape()))
      fail<RuntimeError>("stack", "shapes must agree, got ", list[0].shape(), " and ", t.shape());
    wide.push_back(unsqueeze(t, d));
  }
  return cat(wide, d);
}

Tensor flip(const Tensor& x, const Dims& dims) {
  std::vector<bool> mask = dim_mask("flip", dims, x.ndim());
  if (dims.empty() || x.ndim() == 0) return clone(x);
  // A kernel's view may run backwards; only tensors may not.
  Tensor y = empty_like(x);
  View from = x.view();
  for (int i = 0; i < x.ndim(); ++i) {
    if (!mask[i] || x.size(i) == 0) continue;
    from.data = static_cast<char*>(from.data) + (x.size(i) - 1) * from.strides.v[i] * itemsize(x.dtype());
    from.strides.v[i] = -from.strides.v[i];
  }
  if (x.numel()) launch("flip", x.device(), [from, y = y.view()](Backend& b) { b.copy(from, y); });
  if (wants_grad(x)) record("flip", {x}, {y}, [dims](const Backward& b) -> Tensors { return {flip(b.dy(0), dims)}; });
  return y;
}

Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims) {
  if (dims.empty()) {
    if (shifts.n != 1) fail<RuntimeError>("roll", "without dims there must be one shift, got ", shifts);
    return reshape(roll(reshape(x, {-1}), shifts, {0}), x.shape());
  }
  if (shifts.n != dims.n) fail<RuntimeError>("roll", "shifts ", shifts, " and dims ", dims, " must have one length");
  Tensor y = x;
  for (int i = 0; i < dims.n; ++i) {
    int d = wrap_dim("roll", dims.v[i], x.ndim());
    if (x.ndim() == 0 || x.size(d) == 0) continue;
    int64_t n = x.size(d), s = ((shifts.v[i] % n) + n) % n;
    y = cat({slice(y, d, n - s, n, 1), slice(y, d, 0, n - s, 1)}, d);
  }
  return y.is_same(x) ? clone(x) : y;
}

Tensor constant_pad(const Tensor& x, const Dims& pads, const Tensor& value) {
  if (pads.n % 2 || pads.n > 2 * x.ndim()) fail<RuntimeError>("pad", "needs pairs for at most ", x.ndim(), " dims, got ", pads);
  Shape shape = x.shape();
  Tensor inner = x;
  Dims before = Dims::filled(x.ndim(), 0);
  bool grows = false;
  for (int i = 0; i < pads.n / 2; ++i) {
    int d = x.ndim() - 1 - i;
    int64_t a = pads.v[2 * i], b = pads.v[2 * i + 1];
    shape.v[d] += a + b;
    if (shape.v[d] < 0) fail<RuntimeError>("pad", "dim ", d, " of size ", x.size(d), " cannot be padded by ", a, " and ", b);
    if (a < 0 || b < 0)
      inner =
          slice(inner, d, std::max<int64_t>(0, -a), std::max(std::max<int64_t>(0, -a), x.size(d) + std::min<int64_t>(0, b)), 1);
    before.v[d] = std::max<int64_t>(0, a);
    grows |= a > 0 || b > 0;
  }
  if (!grows) return clone(inner);
  Tensor y = empty(shape, x.dtype(), x.device());
  copy_data("pad", value.device() == x.device() ? value : to(value, value.dtype(), x.device(), false), y);
  int64_t offset = 0;
  for (int i = 0; i < shape.n; ++i) offset += before.v[i] * y.stride(i);
  Tensor place = alias(y, inner.shape(), y.strides(), offset);
  if (inner.numel()) launch("pad", y.device(), [x = inner.view(), y = place.view()](Backend& b) { b.copy(x, y); });
  if (is_floating(x.dtype()) && wants_grad(inner))
    record("pad", {inner}, {y}, [before, from = inner.shape()](const Backward& b) -> Tensors {
      Tensor dx = b.dy(0);
      for (int i = 0; i < from.n; ++i)
        if (from.v[i] != dx.size(i)) dx = slice(dx, i, before.v[i], before.v[i] + from.v[i], 1);
      return {dx};
    });
  return y;
}

}  // namespace deepnet
