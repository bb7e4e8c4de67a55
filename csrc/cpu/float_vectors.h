// Single vectors of any float type, whole or in part, narrow ones through float32.
#pragma once

#include "cpu/float_rows.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// The first n <= lanes elements at p, the rest 0.
template <class T>
DN_INLINE vector_of<T> get(const T* p, int64_t n) {
  using V = vector_of<T>;
  if constexpr (is_narrow<T>) {
    if (n == V::lanes) return load_floats(p);
    float row[V::lanes] = {};
    return load<V>(read_row(p, n, row), n);
  } else {
    return n == V::lanes ? load<V>(p) : load<V>(p, n);
  }
}

/// The first n lanes to p.
template <class T>
DN_INLINE void put(T* p, vector_of<T> v, int64_t n) {
  using V = vector_of<T>;
  if constexpr (is_narrow<T>) {
    if (n == V::lanes) return store_floats(p, v);
    float row[V::lanes];
    store(row, v);
    write_row(p, row, n);
  } else if (n == V::lanes) {
    store(p, v);
  } else {
    store(p, v, n);
  }
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
