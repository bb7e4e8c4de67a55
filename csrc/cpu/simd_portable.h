// Vectors as plain arrays: what the other sets must agree with, and the last resort.
#pragma once

#include "core/dtype.h"
#include "math/scalar.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// N numbers (or, as a mask, bools).
template <class T, int N>
struct Array {
  using Scalar = T;
  static constexpr int lanes = N;
  T v[N];

  DN_INLINE Array() {}
  DN_INLINE Array(T x) {
    for (int i = 0; i < N; ++i) v[i] = x;
  }
  template <class F>
  DN_INLINE static Array each(F f) {
    Array r;
    for (int i = 0; i < N; ++i) r.v[i] = f(i);
    return r;
  }
  DN_INLINE static Array load(const T* p) {
    return each([=](int i) { return p[i]; });
  }
  DN_INLINE static Array load(const T* p, int64_t n) {
    return each([=](int i) { return i < n ? p[i] : T(0); });
  }
  DN_INLINE void store(T* p) const {
    for (int i = 0; i < N; ++i) p[i] = v[i];
  }
  DN_INLINE void store(T* p, int64_t n) const {
    for (int i = 0; i < n; ++i) p[i] = v[i];
  }

  DN_INLINE friend Array operator+(Array a, Array b) {
    return each([&](int i) { return add(a.v[i], b.v[i]); });
  }
  DN_INLINE friend Array operator-(Array a, Array b) {
    return each([&](int i) { return sub(a.v[i], b.v[i]); });
  }
  DN_INLINE friend Array operator*(Array a, Array b) {
    return each([&](int i) { return mul(a.v[i], b.v[i]); });
  }
  DN_INLINE friend Array operator/(Array a, Array b) {
    return each([&](int i) { return a.v[i] / b.v[i]; });
  }
  DN_INLINE friend Array operator-(Array a) {
    return each([&](int i) { return neg(a.v[i]); });
  }
  DN_INLINE friend Array operator&(Array a, Array b) {
    return each([&](int i) { return T(a.v[i] & b.v[i]); });
  }
  DN_INLINE friend Array operator|(Array a, Array b) {
    return each([&](int i) { return T(a.v[i] | b.v[i]); });
  }
  DN_INLINE friend Array operator^(Array a, Array b) {
    return each([&](int i) { return T(a.v[i] ^ b.v[i]); });
  }
  DN_INLINE friend Array operator~(Array a) {
    return each([&](int i) { return inverse(a.v[i]); });
  }
  DN_INLINE friend auto operator<(Array a, Array b) {
    return Array<bool, N>::each([&](int i) { return a.v[i] < b.v[i]; });
  }
  DN_INLINE friend auto operator<=(Array a, Array b) {
    return Array<bool, N>::each([&](int i) { return a.v[i] <= b.v[i]; });
  }
  DN_INLINE friend auto operator>(Array a, Array b) {
    return Array<bool, N>::each([&](int i) { return a.v[i] > b.v[i]; });
  }
  DN_INLINE friend auto operator>=(Array a, Array b) {
    return Array<bool, N>::each([&](int i) { return a.v[i] >= b.v[i]; });
  }
  DN_INLINE friend auto operator==(Array a, Array b) {
    return Array<bool, N>::each([&](int i) { return a.v[i] == b.v[i]; });
  }
  DN_INLINE friend auto operator!=(Array a, Array b) {
    return Array<bool, N>::each([&](int i) { return a.v[i] != b.v[i]; });
  }
  DN_INLINE friend Array fma(Array a, Array b, Array c) {
    return each([&](int i) { return DEEPNET_ISA::fma(a.v[i], b.v[i], c.v[i]); });
  }
  DN_INLINE friend Array sqrt(Array a) {
    return each([&](int i) { return DEEPNET_ISA::sqrt(a.v[i]); });
  }
  DN_INLINE friend Array abs(Array a) {
    return each([&](int i) { return DEEPNET_ISA::abs(a.v[i]); });
  }
  DN_INLINE friend Array floor(Array a) {
    return each([&](int i) { return DEEPNET_ISA::floor(a.v[i]); });
  }
  DN_INLINE friend Array ceil(Array a) {
    return each([&](int i) { return DEEPNET_ISA::ceil(a.v[i]); });
  }
  DN_INLINE friend Array trunc(Array a) {
    return each([&](int i) { return DEEPNET_ISA::trunc(a.v[i]); });
  }
  DN_INLINE friend Array rint(Array a) {
    return each([&](int i) { return DEEPNET_ISA::rint(a.v[i]); });
  }
  DN_INLINE friend Array vmin(Array a, Array b) {
    return each([&](int i) { return DEEPNET_ISA::vmin(a.v[i], b.v[i]); });
  }
  DN_INLINE friend Array vmax(Array a, Array b) {
    return each([&](int i) { return DEEPNET_ISA::vmax(a.v[i], b.v[i]); });
  }
  DN_INLINE friend Array scale(Array a, Array n) {
    return each([&](int i) { return DEEPNET_ISA::scale(a.v[i], n.v[i]); });
  }
  DN_INLINE friend auto isnan(Array a) { return a != a; }
  DN_INLINE friend Array select(Array<bool, N> m, Array a, Array b) {
    return each([&](int i) { return m.v[i] ? a.v[i] : b.v[i]; });
  }
  DN_INLINE friend bool any(Array m) {
    bool r = false;
    for (int i = 0; i < N; ++i) r |= bool(m.v[i]);
    return r;
  }
  DN_INLINE friend bool all(Array m) {
    bool r = true;
    for (int i = 0; i < N; ++i) r &= bool(m.v[i]);
    return r;
  }
  DN_INLINE friend auto bits(Array a) {
    return Array<decltype(DEEPNET_ISA::bits(T())), N>::each([&](int i) { return DEEPNET_ISA::bits(a.v[i]); });
  }
  DN_INLINE friend auto from_bits(Array a) {
    return Array<decltype(DEEPNET_ISA::from_bits(T())), N>::each([&](int i) { return DEEPNET_ISA::from_bits(a.v[i]); });
  }
  DN_INLINE friend auto to_int(Array a) {
    return Array<decltype(DEEPNET_ISA::to_int(T())), N>::each([&](int i) { return DEEPNET_ISA::to_int(a.v[i]); });
  }
  DN_INLINE friend auto to_float(Array a) {
    return Array<decltype(DEEPNET_ISA::to_float(T())), N>::each([&](int i) { return DEEPNET_ISA::to_float(a.v[i]); });
  }
  template <int k>
  DN_INLINE friend Array shl(Array a) {
    return each([&](int i) { return DEEPNET_ISA::shl<k>(a.v[i]); });
  }
  template <int k>
  DN_INLINE friend Array shr(Array a) {
    return each([&](int i) { return DEEPNET_ISA::shr<k>(a.v[i]); });
  }
  template <int k>
  DN_INLINE friend Array shr_logical(Array a) {
    return each([&](int i) { return DEEPNET_ISA::shr_logical<k>(a.v[i]); });
  }
  /// Lane i of the result is lane i ^ k.
  template <int k>
  DN_INLINE friend Array exchange(Array a) {
    return each([&](int i) { return a.v[i ^ k]; });
  }
  DN_INLINE friend T lane(Array a, int i) { return a.v[i]; }

 private:
  // Integers wrap.
  DN_INLINE static float add(float a, float b) { return a + b; }
  DN_INLINE static float sub(float a, float b) { return a - b; }
  DN_INLINE static float mul(float a, float b) { return a * b; }
  DN_INLINE static float neg(float a) { return -a; }
  DN_INLINE static double add(double a, double b) { return a + b; }
  DN_INLINE static double sub(double a, double b) { return a - b; }
  DN_INLINE static double mul(double a, double b) { return a * b; }
  DN_INLINE static double neg(double a) { return -a; }
  DN_INLINE static int32_t add(int32_t a, int32_t b) { return int32_t(uint32_t(a) + uint32_t(b)); }
  DN_INLINE static int32_t sub(int32_t a, int32_t b) { return int32_t(uint32_t(a) - uint32_t(b)); }
  DN_INLINE static int32_t mul(int32_t a, int32_t b) { return int32_t(uint32_t(a) * uint32_t(b)); }
  DN_INLINE static int32_t neg(int32_t a) { return int32_t(0u - uint32_t(a)); }
  DN_INLINE static int64_t add(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
  DN_INLINE static int64_t sub(int64_t a, int64_t b) { return int64_t(uint64_t(a) - uint64_t(b)); }
  DN_INLINE static int64_t mul(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }
  DN_INLINE static int64_t neg(int64_t a) { return int64_t(uint64_t(0) - uint64_t(a)); }
  DN_INLINE static bool inverse(bool a) { return !a; }
  DN_INLINE static int32_t inverse(int32_t a) { return ~a; }
  DN_INLINE static int64_t inverse(int64_t a) { return ~a; }
};

using F32 = Array<float, 16>;
using F64 = Array<double, 8>;
using I32 = Array<int32_t, 16>;
using I64 = Array<int64_t, 8>;
using M32 = Array<bool, 16>;
using M64 = Array<bool, 8>;

DN_INLINE F32 lookup16(const float* table, I32 i) {
  return F32::each([&](int l) { return table[i.v[l] & 15]; });
}
DN_INLINE F64 lookup16(const double* table, I64 i) {
  return F64::each([&](int l) { return table[i.v[l] & 15]; });
}
DN_INLINE F64 widen_low(F32 a) {
  return F64::each([&](int i) { return double(a.v[i]); });
}
DN_INLINE F64 widen_high(F32 a) {
  return F64::each([&](int i) { return double(a.v[i + 8]); });
}
DN_INLINE F32 narrow(F64 low, F64 high) {
  return F32::each([&](int i) { return float(i < 8 ? low.v[i] : high.v[i - 8]); });
}
DN_INLINE I32 load_u16(const uint16_t* p) {
  return I32::each([=](int i) { return int32_t(p[i]); });
}
DN_INLINE void store_u16(uint16_t* p, I32 a) {
  for (int i = 0; i < 16; ++i) p[i] = uint16_t(a.v[i]);
}
DN_INLINE F32 load_half(const Half* p) {
  return F32::each([=](int i) { return deepnet::to_float(p[i]); });
}
DN_INLINE void store_half(Half* p, F32 a) {
  for (int i = 0; i < 16; ++i) p[i] = to_half(a.v[i]);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
