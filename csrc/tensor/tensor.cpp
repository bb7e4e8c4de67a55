#include "tensor/tensor.h"

#include "backend/launch.h"
#include "tensor/inference.h"

namespace deepnet {

Storage::Storage(size_t size, Device where) : data(nullptr), bytes(size), device(where) {
  if (size == 0) return;
  if (where.is_cpu()) {
    pool_ = Ref<Pool>(&current_pool());
    data = pool_->allocate(size);
  } else {
    data = backend(where).allocate(size);
  }
}

Storage::Storage(void* memory, size_t size, Device where, void* owner, void (*free)(void*))
    : data(memory), bytes(size), device(where), owner_(owner), free_(free) {}

Storage::~Storage() {
  if (free_) {
    free_(owner_);
  } else if (data) {
    if (pool_)
      pool_->deallocate(data, bytes);
    else
      backend(device).deallocate(data, bytes);
  }
}

thread_local bool inference_mode = false;

TensorImpl::~TensorImpl() {
  if (autograd) deepnet::destroy(autograd);
}

void* Tensor::data() const { return static_cast<char*>(impl_->storage->data) + impl_->offset * itemsize(impl_->dtype); }

View Tensor::view() const {
  View v;
  v.data = data();
  v.dtype = impl_->dtype;
  v.device = impl_->storage->device;
  v.shape = impl_->shape;
  v.strides = impl_->strides;
  if (current_recorder) [[unlikely]]
    current_recorder->sees(*impl_->storage);
  return v;
}

void check_numel(const char* op, const Shape& shape) {
  int64_t total = 1;
  for (int64_t s : shape) {
    if (s < 0) fail(op, "sizes must not be negative, got ", shape);
    if (__builtin_mul_overflow(total, s, &total) || total > int64_t(1) << 58) fail(op, "too many elements: ", shape);
  }
}

Tensor empty(const Shape& shape, DType dtype, Device device) {
  auto impl = make_ref<TensorImpl>();
  impl->storage = make_ref<Storage>(size_t(numel(shape) * itemsize(dtype)), device);
  impl->shape = shape;
  impl->strides = contiguous_strides(shape);
  impl->dtype = dtype;
  impl->is_inference = inference_mode;
  return Tensor(std::move(impl));
}

Tensor empty_like(const Tensor& x) { return empty(x.shape(), x.dtype(), x.device()); }
Tensor empty_like(const Tensor& x, DType dtype) { return empty(x.shape(), dtype, x.device()); }

Tensor full(const Shape& shape, Number value, DType dtype, Device device) {
  Tensor y = empty(shape, dtype, device);
  if (y.numel()) launch("fill", device, [y = y.view(), value](Backend& b) { b.fill(y, value); });
  return y;
}

Tensor zeros(const Shape& shape, DType dtype, Device device) { return full(shape, Number{true, 0, 0}, dtype, device); }
Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype(), x.device()); }

Tensor number(Number value, DType dtype, Device device) {
  Tensor t = full(Shape{}, value, dtype, device);
  t.impl()->is_number = true;
  return t;
}

Tensor alias(const Tensor& x, const Shape& shape, const Strides& strides, int64_t offset) {
  auto impl = make_ref<TensorImpl>();
  impl->storage = x.impl()->storage;
  impl->offset = offset;
  impl->shape = shape;
  impl->strides = strides;
  impl->dtype = x.dtype();
  impl->untracked = x.impl()->untracked;
  impl->is_inference = inference_mode;
  return Tensor(std::move(impl));
}

Tensor detach(const Tensor& x) {
  Tensor t = alias(x, x.shape(), x.strides(), x.impl()->offset);
  t.impl()->is_number = x.impl()->is_number;
  return t;
}

}  // namespace deepnet
