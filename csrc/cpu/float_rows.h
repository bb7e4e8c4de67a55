// Rows of any float type as the kernels read them: float32 and float64 where they lie, narrow floats through a buffer; and
// the walk over a row, vector by vector.
#pragma once

#include "core/view.h"
#include "cpu/simd.h"

// A lambda that must melt into its caller: it takes vectors by reference.
#define DN_FUSED __attribute__((always_inline))

namespace deepnet {
inline namespace DEEPNET_ISA {

DN_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
DN_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
DN_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Elements of work that a task of parallel_for should have at least.
constexpr int64_t kGrainElements = 8192;
DN_INLINE int64_t grain_for(int64_t elements_per_item) { return kGrainElements / (elements_per_item + 1) + 1; }

/// The vector of T's, and the type that T is computed in.
template <class T>
struct FloatTraits {
  using Vector = F32;
  using Compute = float;
};
template <>
struct FloatTraits<double> {
  using Vector = F64;
  using Compute = double;
};
template <class T>
using vector_of = typename FloatTraits<T>::Vector;
template <class T>
using compute_of = typename FloatTraits<T>::Compute;
template <class T>
constexpr bool is_narrow = !std::is_same<T, compute_of<T>>::value;

/// Calls f(TypeTag<T>{}) with the C++ type of a floating dtype.
template <class F>
DN_INLINE void visit_floats(DType t, F&& f) {
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

DN_INLINE float widen(float x) { return x; }
DN_INLINE double widen(double x) { return x; }
DN_INLINE float widen(Half x) { return deepnet::to_float(x); }
DN_INLINE float widen(BFloat16 x) { return deepnet::to_float(x); }
DN_INLINE void assign(float& y, float x) { y = x; }
DN_INLINE void assign(double& y, double x) { y = x; }
DN_INLINE void assign(Half& y, float x) { y = to_half(x); }
DN_INLINE void assign(BFloat16& y, float x) { y = to_bfloat16(x); }

/// The row at p as numbers to compute with: p itself, or `buffer` filled from it.
template <class T>
DN_INLINE const compute_of<T>* read_row(const T* p, int64_t n, compute_of<T>* buffer) {
  if constexpr (!is_narrow<T>) {
    return p;
  } else {
    int64_t i = 0;
    for (; i + F32::lanes <= n; i += F32::lanes) store(buffer + i, load_floats(p + i));
    for (; i < n; ++i) buffer[i] = widen(p[i]);
    return buffer;
  }
}

/// Where a row that belongs at p is written first: p itself, or `buffer`; write_row then takes it home.
template <class T>
DN_INLINE compute_of<T>* row_target(T* p, compute_of<T>* buffer) {
  if constexpr (!is_narrow<T>) {
    return p;
  } else {
    return buffer;
  }
}
template <class T>
DN_INLINE void write_row(T* p, const compute_of<T>* row, int64_t n) {
  if constexpr (is_narrow<T>) {
    int64_t i = 0;
    for (; i + F32::lanes <= n; i += F32::lanes) store_floats(p + i, load<F32>(row + i));
    for (; i < n; ++i) assign(p[i], row[i]);
  }
}

/// One number at an offset into float memory of any dtype.
template <class S>
DN_INLINE S read_number(const View& v, int64_t offset) {
  S x = 0;
  visit_floats(v.dtype, [&](auto tag) { x = S(widen(v.as<typename decltype(tag)::type>()[offset])); });
  return x;
}
template <class S>
DN_INLINE void write_number(const View& v, int64_t offset, S x) {
  visit_floats(v.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    assign(v.as<T>()[offset], compute_of<T>(x));
  });
}

/// A weight or bias of n as numbers to compute with, through `buffer` where its dtype is another; null where undefined.
template <class S>
DN_INLINE const S* read_parameter(const View& v, int64_t n, S* buffer) {
  if (!v.defined()) return nullptr;
  if (v.dtype == dtype_of<S>()) return v.as<S>();
  visit_floats(v.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < n; ++i) buffer[i] = S(widen(v.as<T>()[i]));
  });
  return buffer;
}

struct LaneIndex {
  float f[16];
  double d[8];
};
constexpr LaneIndex kLaneIndex = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {0, 1, 2, 3, 4, 5, 6, 7}};

/// 0, 1, 2, ...
template <class V>
DN_INLINE V lane_index() {
  if constexpr (std::is_same<scalar_of<V>, float>::value) {
    return load<V>(kLaneIndex.f);
  } else {
    return load<V>(kLaneIndex.d);
  }
}

/// The first n lanes.
template <class V>
DN_INLINE mask_of<V> first_lanes(int64_t n) {
  return lane_index<V>() < V(scalar_of<V>(n));
}

/// A position in rows of scalars: a whole vector at i, or the first n lanes of one.
template <class V>
struct FullVector {
  int64_t i;
  DN_INLINE V operator()(const scalar_of<V>* row) const { return load<V>(row + i); }
  DN_INLINE void put(scalar_of<V>* row, V v) const { store(row + i, v); }
};
template <class V>
struct PartVector {
  int64_t i, n;
  DN_INLINE V operator()(const scalar_of<V>* row) const { return load<V>(row + i, n); }
  DN_INLINE void put(scalar_of<V>* row, V v) const { store(row + i, v, n); }
};

/// f(at) for the vectors of a row of n: at(row) loads from any row at that place, at.put(row, v) stores.
template <class V, class F>
DN_INLINE void for_row(int64_t n, F f) {
  int64_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) f(FullVector<V>{i});
  if (i < n) f(PartVector<V>{i, n - i});
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
