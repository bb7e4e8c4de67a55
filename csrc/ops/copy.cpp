#include "ops/copy.h"

#include "autograd/arithmetic.h"
#include "ops/views.h"

namespace deepnet {

void copy_data(const char* op, const Tensor& x, const Tensor& y) {
  if (!(broadcast_shapes(op, x.shape(), y.shape()) == y.shape()))
    fail<RuntimeError>(op, "a tensor of shape ", x.shape(), " does not fit shape ", y.shape());
  if (y.numel() == 0) return;
  if (x.device() == y.device()) {
    View from = broadcast_view(x, y.shape()), to = y.view();
    if (x.impl()->storage.get() == y.impl()->storage.get()) {
      if (from.data == to.data && from.strides == to.strides && from.dtype == to.dtype) return;
      Tensor keep = copy_of(x);  // the two may overlap
      from = broadcast_view(keep, y.shape());
      launch(op, y.device(), [from, to](Backend& b) { b.copy(from, to); });
      return;
    }
    launch(op, y.device(), [from, to](Backend& b) { b.copy(from, to); });
    return;
  }
  // Between devices bytes move as they lie: bring both sides to one dtype and no gaps first.
  Tensor source = empty(y.shape(), y.dtype(), x.device());
  copy_data(op, x, source);
  Tensor target = y.contiguous() ? y : empty(y.shape(), y.dtype(), y.device());
  Device mover = y.device().is_cuda() ? y.device() : x.device();
  launch(op, mover, [s = source.view(), t = target.view()](Backend& b) {
    b.copy_bytes(t.data, t.device, s.data, s.device, size_t(t.numel() * itemsize(t.dtype)));
  });
  if (!target.is_same(y)) copy_data(op, target, y);
}

Tensor copy_of(const Tensor& x) {
  Tensor y = empty_like(x);
  if (x.numel()) launch("clone", x.device(), [x = x.view(), y = y.view()](Backend& b) { b.copy(x, y); });
  return y;
}

Tensor clone(const Tensor& x) {
  Tensor y = copy_of(x);
  if (wants_grad(x)) record("clone", {x}, {y}, [](const Backward& b) -> Tensors { return {b.dy(0)}; });
  return y;
}

Tensor contiguous(const Tensor& x) { return x.contiguous() ? x : clone(x); }

Tensor to(const Tensor& x, std::optional<DType> dtype, std::optional<Device> device, bool copy) {
  DType t = dtype.value_or(x.dtype());
  Device d = device.value_or(x.device());
  if (t == x.dtype() && d == x.device() && !copy) return x;
  Tensor y = empty(x.shape(), t, d);
  copy_data("to", x, y);
  if (is_floating(t) && wants_grad(x))
    record("to", {x}, {y},
           [from = x.dtype(), at = x.device()](const Backward& b) -> Tensors { return {to(b.dy(0), from, at, false)}; });
  return y;
}

void write_out(const char* op, const Tensor& out, const Tensor& value) {
  if (grad_enabled() && (requires_grad(out) || requires_grad(value)))
    fail<RuntimeError>(op, "out= takes no part in autograd; call it under no_grad() or on detached tensors");
  bool narrows =
      is_floating(value.dtype()) > is_floating(out.dtype()) || (out.dtype() == DType::Bool && value.dtype() != DType::Bool);
  if (narrows)
    fail<RuntimeError>(op, "the result is ", name(value.dtype()), " and cannot be stored in out of ", name(out.dtype()));
  if (!(out.shape() == value.shape())) {
    Tensor fresh = empty(value.shape(), out.dtype(), out.device());
    TensorImpl& impl = *out.impl();
    impl.storage = fresh.impl()->storage;
    impl.offset = 0;
    impl.shape = fresh.shape();
    impl.strides = fresh.strides();
  }
  copy_data(op, detach(value), out);
  out.written(op);
}

void copy_(const Tensor& x, const Tensor& src) { assign("copy_", x, src, true); }

void fill_(const Tensor& x, Number value) {
  check_inplace("fill_", x);
  check_distinct("fill_", x);
  if (grad_enabled() && requires_grad(x)) {
    assign("fill_", x, number(value, value.integral ? DType::Int64 : DType::Float64, x.device()), true);
    return;
  }
  if (x.numel()) launch("fill_", x.device(), [x = x.view(), value](Backend& b) { b.fill(x, value); });
  x.written("fill_");
}

Tensor convert_gradient(const Tensor& g, DType dtype) { return to(g, dtype); }

}  // namespace deepnet
