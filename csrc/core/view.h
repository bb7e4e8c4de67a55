// What a kernel sees of a tensor.
#pragma once

#include "core/device.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace deepnet {

/// Memory with a shape; owns nothing. Strides count elements and may be zero (broadcast). data is null where the shape
/// is empty or an optional operand is absent.
struct View {
  void* data = nullptr;
  DType dtype = DType::Float32;
  Device device;
  Shape shape;
  Strides strides;

  DN_INLINE View() {}
  DN_INLINE View(void* at, DType type, Device where, const Shape& sizes, const Strides& steps)
      : data(at), dtype(type), device(where), shape(sizes), strides(steps) {}
  DN_INLINE View(const View& o) : data(o.data), dtype(o.dtype), device(o.device), shape(o.shape), strides(o.strides) {}
  DN_INLINE View& operator=(const View& o) {
    data = o.data;
    dtype = o.dtype;
    device = o.device;
    shape = o.shape;
    strides = o.strides;
    return *this;
  }

  DN_INLINE bool defined() const { return data != nullptr; }
  DN_INLINE int ndim() const { return shape.n; }
  DN_INLINE int64_t numel() const { return deepnet::numel(shape); }
  DN_INLINE int64_t size(int i) const { return shape[i]; }
  DN_INLINE int64_t stride(int i) const { return strides[i]; }
  DN_INLINE bool contiguous() const { return is_contiguous(shape, strides); }
  template <class T>
  DN_INLINE T* as() const {
    return static_cast<T*>(data);
  }
};

}  // namespace deepnet
