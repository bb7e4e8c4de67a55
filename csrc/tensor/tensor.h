// Tensor: a handle on a view of a storage.
#pragma once

#include <vector>

#include "backend/backend.h"
#include "core/allocator.h"
#include "core/error.h"
#include "core/ref.h"

namespace deepnet {

/// A block of memory and the count of writes to it.
class Storage : public RefCounted {
 public:
  Storage(size_t bytes, Device device);
  /// Memory of somebody else, handed back by calling free(owner).
  Storage(void* data, size_t bytes, Device device, void* owner, void (*free)(void*));
  ~Storage() override;

  void* data;
  size_t bytes;
  Device device;
  uint32_t version = 0;              // writes so far
  const char* last_write = nullptr;  // the operator of the latest
  const Pool* pool() const { return pool_.get(); }

 private:
  Ref<Pool> pool_;
  void* owner_ = nullptr;
  void (*free_)(void*) = nullptr;
};

struct AutogradMeta;  // autograd/meta.h, which also says how it is destroyed
void destroy(AutogradMeta* meta);

class TensorImpl : public RefCounted {
 public:
  Ref<Storage> storage;
  int64_t offset = 0;  // elements
  Shape shape;
  Strides strides;
  DType dtype = DType::Float32;
  bool is_number = false;     // made from a Python number: weak in type promotion
  bool untracked = false;     // writes through it are not counted (.data)
  bool is_inference = false;  // made in inference mode: takes no part in autograd, ever
  AutogradMeta* autograd = nullptr;
  Ref<TensorImpl> base;    // of a differentiable view: the tensor whose memory it shows, itself no view
  uint32_t seen = 0;       // the base's history count when this view's grad_fn was set
  void* python = nullptr;  // the living Python object, borrowed

  ~TensorImpl() override;
};

class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}

  bool defined() const { return bool(impl_); }
  TensorImpl* impl() const { return impl_.get(); }
  const Ref<TensorImpl>& ref() const { return impl_; }

  const Shape& shape() const { return impl_->shape; }
  const Strides& strides() const { return impl_->strides; }
  int64_t size(int i) const { return impl_->shape[i]; }
  int64_t stride(int i) const { return impl_->strides[i]; }
  int ndim() const { return impl_->shape.n; }
  int64_t numel() const { return deepnet::numel(impl_->shape); }
  DType dtype() const { return impl_->dtype; }
  Device device() const { return impl_->storage->device; }
  bool contiguous() const { return is_contiguous(impl_->shape, impl_->strides); }
  bool is_inference() const { return impl_->is_inference; }
  bool is_same(const Tensor& o) const { return impl_.get() == o.impl_.get(); }
  uint32_t version() const { return impl_->storage->version; }

  void* data() const;
  template <class T>
  T* as() const {
    return static_cast<T*>(data());
  }
  /// What a kernel sees. A capture under way keeps the storage alive from here on.
  View view() const;
  /// Counts a write by `op`.
  void written(const char* op) const {
    if (impl_->untracked) return;
    ++impl_->storage->version;
    impl_->storage->last_write = op;
  }

 private:
  Ref<TensorImpl> impl_;
};

using Tensors = std::vector<Tensor>;

// ---- making tensors; all without gradient history
Tensor empty(const Shape& shape, DType dtype, Device device = {});
Tensor empty_like(const Tensor& x);
Tensor empty_like(const Tensor& x, DType dtype);
Tensor full(const Shape& shape, Number value, DType dtype, Device device = {});
Tensor zeros(const Shape& shape, DType dtype, Device device = {});
Tensor zeros_like(const Tensor& x);
/// A 0-d tensor that promotes weakly, as a Python number does.
Tensor number(Number value, DType dtype, Device device = {});
inline Tensor number(double v, DType dtype, Device device = {}) { return number(Number{false, 0, v}, dtype, device); }
inline Tensor number(int64_t v, DType dtype, Device device = {}) { return number(Number{true, v, 0}, dtype, device); }
/// The same memory under another geometry, without history.
Tensor alias(const Tensor& x, const Shape& shape, const Strides& strides, int64_t offset);
/// The same memory and geometry, without history. Shares the count of writes.
Tensor detach(const Tensor& x);

void check_numel(const char* op, const Shape& shape);

}  // namespace deepnet
