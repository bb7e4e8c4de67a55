// Boxes of elements between a tensor's memory (any dtype, any strides) and a dense block of the compute type in L1.
#pragma once

#include "core/convert.h"
#include "core/view.h"
#include "cpu/gemm_transpose.h"
#include "cpu/simd.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// rows x columns elements; strides count elements.
struct Box {
  int64_t rows, columns;
};

template <class T>
using Gather = void (*)(const void* from, int64_t row_stride, int64_t column_stride, Box box, T* to);
template <class T>
using Scatter = void (*)(const T* from, void* to, int64_t row_stride, int64_t column_stride, Box box);

/// n dense elements converted.
template <class S, class T>
DN_INLINE void convert_row(const S* from, T* to, int64_t n) {
  if constexpr (std::is_same_v<S, bool> && !std::is_same_v<T, bool>)  // bytes vectorise, bools do not
    return convert_row(reinterpret_cast<const uint8_t*>(from), to, n);
  int64_t i = 0;
  if constexpr (is_narrow_float_type<S> && std::is_same_v<T, float>) {
    for (; i + F32::lanes <= n; i += F32::lanes) store(to + i, load_floats(from + i));
  } else if constexpr (is_narrow_float_type<T> && std::is_same_v<S, float>) {
    for (; i + F32::lanes <= n; i += F32::lanes) store_floats(to + i, F32::load(from + i));
  }
  for (; i < n; ++i) to[i] = convert<T>(from[i]);
}

/// The float squares of 16 x 16 that make up a box are turned in registers: to[j * to_stride + i] = from[i * from_stride + j].
DN_INLINE void turn(const float* from, int64_t from_stride, float* to, int64_t to_stride, int64_t height, int64_t width) {
  for (int64_t i = 0; i < height; i += 16) {
    for (int64_t j = 0; j < width; j += 16) {
      const float* corner = from + i * from_stride + j;
      float* other = to + j * to_stride + i;
      transpose16([=](int k) __attribute__((always_inline)) { return F32::load(corner + k * from_stride); },
                  [=](int k, F32 v) __attribute__((always_inline)) { v.store(other + k * to_stride); });
    }
  }
}

template <class S, class T>
constexpr bool kTurns = std::is_same_v<S, float> && std::is_same_v<T, float>;

template <class S, class T>
void gather(const void* data, int64_t row_stride, int64_t column_stride, Box box, T* to) {
  const S* from = static_cast<const S*>(data);
  if (column_stride == 1) {
    for (int64_t r = 0; r < box.rows; ++r) convert_row(from + r * row_stride, to + r * box.columns, box.columns);
  } else if (column_stride == 0) {
    for (int64_t r = 0; r < box.rows; ++r) {
      const T value = convert<T>(from[r * row_stride]);
      T* row = to + r * box.columns;
      for (int64_t c = 0; c < box.columns; ++c) row[c] = value;
    }
  } else if (row_stride == 1) {  // lines of memory are read along the rows
    if constexpr (kTurns<S, T>) {
      if (box.rows % 16 == 0 && box.columns % 16 == 0) return turn(from, column_stride, to, box.columns, box.columns, box.rows);
    }
    for (int64_t c = 0; c < box.columns; ++c)
      for (int64_t r = 0; r < box.rows; ++r) to[r * box.columns + c] = convert<T>(from[c * column_stride + r]);
  } else {
    for (int64_t r = 0; r < box.rows; ++r)
      for (int64_t c = 0; c < box.columns; ++c) to[r * box.columns + c] = convert<T>(from[r * row_stride + c * column_stride]);
  }
}

template <class S, class T>
void scatter(const T* from, void* data, int64_t row_stride, int64_t column_stride, Box box) {
  S* to = static_cast<S*>(data);
  if (column_stride == 1) {
    for (int64_t r = 0; r < box.rows; ++r) convert_row(from + r * box.columns, to + r * row_stride, box.columns);
    return;
  }
  if constexpr (kTurns<S, T>) {
    if (row_stride == 1 && box.rows % 16 == 0 && box.columns % 16 == 0)
      return turn(from, box.columns, to, column_stride, box.rows, box.columns);
  }
  for (int64_t r = 0; r < box.rows; ++r)
    for (int64_t c = 0; c < box.columns; ++c) to[r * row_stride + c * column_stride] = convert<S>(from[r * box.columns + c]);
}

template <class T>
Gather<T> gather_from(DType t) {
  return visit(t, [](auto tag) -> Gather<T> { return gather<typename decltype(tag)::type, T>; });
}
template <class T>
Scatter<T> scatter_to(DType t) {
  return visit(t, [](auto tag) -> Scatter<T> { return scatter<typename decltype(tag)::type, T>; });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
