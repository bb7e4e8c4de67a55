// Elements of a dtype known only at run time.
#pragma once

#include "core/convert.h"
#include "device.h"

namespace deepnet::gpu {

DN_INLINE float half_of(DType t, uint16_t bits) { return t == DType::Float16 ? half_to_float(bits) : to_float(BFloat16{bits}); }
DN_INLINE uint16_t half_bits(DType t, float x) { return t == DType::Float16 ? float_to_half(x) : to_bfloat16(x).bits; }

/// Element i of p, of dtype t, converted to T (float, double or int64_t) as Backend::copy converts.
template <class T>
DN_INLINE T load_as(const void* p, DType t, int64_t i) {
  switch (t) {
    case DType::Bool:
    case DType::UInt8:
      return T(static_cast<const uint8_t*>(p)[i]);
    case DType::Int8:
      return T(static_cast<const int8_t*>(p)[i]);
    case DType::Int16:
      return T(static_cast<const int16_t*>(p)[i]);
    case DType::Int32:
      return T(static_cast<const int32_t*>(p)[i]);
    case DType::Int64:
      return T(static_cast<const int64_t*>(p)[i]);
    case DType::Float16:
    case DType::BFloat16:
      return convert<T>(half_of(t, static_cast<const uint16_t*>(p)[i]));
    case DType::Float32:
      return convert<T>(static_cast<const float*>(p)[i]);
    default:
      return convert<T>(static_cast<const double*>(p)[i]);
  }
}

/// Element i of p, of dtype t, becomes v (float, double or int64_t) as Backend::copy converts.
template <class T>
DN_INLINE void store_as(void* p, DType t, int64_t i, T v) {
  switch (t) {
    case DType::Bool:
      static_cast<bool*>(p)[i] = convert<bool>(v);
      return;
    case DType::UInt8:
      static_cast<uint8_t*>(p)[i] = convert<uint8_t>(v);
      return;
    case DType::Int8:
      static_cast<int8_t*>(p)[i] = convert<int8_t>(v);
      return;
    case DType::Int16:
      static_cast<int16_t*>(p)[i] = convert<int16_t>(v);
      return;
    case DType::Int32:
      static_cast<int32_t*>(p)[i] = convert<int32_t>(v);
      return;
    case DType::Int64:
      static_cast<int64_t*>(p)[i] = convert<int64_t>(v);
      return;
    case DType::Float16:
    case DType::BFloat16:
      static_cast<uint16_t*>(p)[i] = half_bits(t, float(v));
      return;
    case DType::Float32:
      static_cast<float*>(p)[i] = convert<float>(v);
      return;
    default:
      static_cast<double*>(p)[i] = convert<double>(v);
      return;
  }
}

/// load_as where it is not worth its size at every place of call.
template <class T>
DN_OUTLINED T load_any(const void* p, DType t, int64_t i) {
  return load_as<T>(p, t, i);
}

template <class T>
DN_OUTLINED void store_any(void* p, DType t, int64_t i, T v) {
  store_as(p, t, i, v);
}

/// A weight, a bias, a loss: numbers of a float dtype that need not be the rows' own; null where there is none.
struct Numbers {
  const void* data;
  DType dtype;
  int64_t stride;
  explicit Numbers(const View& v) : data(v.data), dtype(v.dtype), stride(v.defined() && v.ndim() ? v.stride(0) : 1) {}
  explicit DN_DEVICE operator bool() const { return data != nullptr; }
  template <class S>
  DN_DEVICE S get(int64_t i) const {
    i *= stride;
    if (dtype == (sizeof(S) == 8 ? DType::Float64 : DType::Float32)) return static_cast<const S*>(data)[i];
    return load_any<S>(data, dtype, i);
  }
  template <class S>
  DN_DEVICE void put(int64_t i, S v) const {
    i *= stride;
    if (dtype == (sizeof(S) == 8 ? DType::Float64 : DType::Float32))
      static_cast<S*>(const_cast<void*>(data))[i] = v;
    else
      store_any<S>(const_cast<void*>(data), dtype, i, v);
  }
};

/// Calls f(TypeTag<T>{}) with the C++ type of a dtype; on the host alone, unlike visit.
template <class F>
void visit_types(DType t, F&& f) {
  switch (t) {
    case DType::Bool:
      return f(TypeTag<bool>{});
    case DType::UInt8:
      return f(TypeTag<uint8_t>{});
    case DType::Int8:
      return f(TypeTag<int8_t>{});
    case DType::Int16:
      return f(TypeTag<int16_t>{});
    case DType::Int32:
      return f(TypeTag<int32_t>{});
    case DType::Int64:
      return f(TypeTag<int64_t>{});
    case DType::Float16:
      return f(TypeTag<Half>{});
    case DType::BFloat16:
      return f(TypeTag<BFloat16>{});
    case DType::Float32:
      return f(TypeTag<float>{});
    default:
      return f(TypeTag<double>{});
  }
}

/// Calls f(TypeTag<T>{}) with the C++ type of a floating dtype.
template <class F>
void visit_floats(DType t, F&& f) {
  switch (t) {
    case DType::Float16:
      return f(TypeTag<Half>{});
    case DType::BFloat16:
      return f(TypeTag<BFloat16>{});
    case DType::Float64:
      return f(TypeTag<double>{});
    default:
      return f(TypeTag<float>{});
  }
}

}  // namespace deepnet::gpu
