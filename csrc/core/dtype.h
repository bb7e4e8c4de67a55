// Element types, their sizes, and how two of them promote.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/config.h"

namespace deepnet {

enum class DType : uint8_t { Bool, UInt8, Int8, Int16, Int32, Int64, Float16, BFloat16, Float32, Float64 };

/// IEEE binary16, stored as bits; arithmetic goes through float.
struct Half {
  uint16_t bits;
};

/// The upper half of a float32, stored as bits; arithmetic goes through float.
struct BFloat16 {
  uint16_t bits;
};

DN_INLINE float bits_to_float(uint32_t b) {
  float f;
  memcpy(&f, &b, 4);
  return f;
}

DN_INLINE uint32_t float_to_bits(float f) {
  uint32_t b;
  memcpy(&b, &f, 4);
  return b;
}

DN_INLINE float to_float(BFloat16 x) { return bits_to_float(uint32_t(x.bits) << 16); }

/// Round to nearest even; NaN stays NaN.
DN_INLINE BFloat16 to_bfloat16(float f) {
  uint32_t b = float_to_bits(f);
  if ((b & 0x7fffffffu) > 0x7f800000u) return {uint16_t((b >> 16) | 0x40)};
  return {uint16_t((b + 0x7fffu + ((b >> 16) & 1)) >> 16)};
}

DN_INLINE float to_float(Half h) {
  uint32_t sign = uint32_t(h.bits & 0x8000) << 16, magnitude = h.bits & 0x7fff;
  if (magnitude >= 0x7c00) return bits_to_float(sign | 0x7f800000u | (magnitude & 0x3ff) << 13);
  // A subnormal half times 2^112 in float32 is exact.
  return bits_to_float(sign | float_to_bits(bits_to_float(magnitude << 13) * bits_to_float(0x77800000u)));
}

/// Round to nearest even; overflow becomes infinity, NaN stays NaN.
DN_INLINE Half to_half(float f) {
  uint32_t b = float_to_bits(f), sign = (b >> 16) & 0x8000, m = b & 0x7fffffffu;
  if (m > 0x7f800000u) return {uint16_t(sign | 0x7e00 | ((m >> 13) & 0x3ff))};
  if (m >= 0x477ff000u) return {uint16_t(sign | 0x7c00)};
  if (m < 0x38800000u) {  // subnormal or zero: adding 0.5 puts the rounding where float32 does it
    return {uint16_t(sign | (float_to_bits(bits_to_float(m) + 0.5f) - 0x3f000000u))};
  }
  return {uint16_t(sign | ((m - 0x38000000u + 0xfff + ((m >> 13) & 1)) >> 13))};
}

template <class T>
struct TypeTag {
  using type = T;
};

/// Calls f(TypeTag<T>{}) with the C++ type of a dtype.
template <class F>
DN_INLINE decltype(auto) visit(DType t, F&& f) {
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

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<bool>() {
  return DType::Bool;
}
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::UInt8;
}
template <>
constexpr DType dtype_of<int8_t>() {
  return DType::Int8;
}
template <>
constexpr DType dtype_of<int16_t>() {
  return DType::Int16;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::Int32;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::Int64;
}
template <>
constexpr DType dtype_of<Half>() {
  return DType::Float16;
}
template <>
constexpr DType dtype_of<BFloat16>() {
  return DType::BFloat16;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::Float32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::Float64;
}

DN_INLINE constexpr int64_t itemsize(DType t) {
  switch (t) {
    case DType::Bool:
    case DType::UInt8:
    case DType::Int8:
      return 1;
    case DType::Int16:
    case DType::Float16:
    case DType::BFloat16:
      return 2;
    case DType::Int32:
    case DType::Float32:
      return 4;
    default:
      return 8;
  }
}

DN_INLINE constexpr bool is_floating(DType t) { return t >= DType::Float16; }
DN_INLINE constexpr bool is_integral(DType t) { return t >= DType::UInt8 && t <= DType::Int64; }
/// float16 and bfloat16, whose kernels compute in float32.
DN_INLINE constexpr bool is_narrow_float(DType t) { return t == DType::Float16 || t == DType::BFloat16; }

/// "float32"
const char* name(DType t);

/// The smallest type that holds both, by PyTorch's lattice: bool < integers < floats; float16 with bfloat16 gives float32;
/// uint8 with a signed integer gives the next wider signed one.
DType promote(DType a, DType b);

}  // namespace deepnet
