// Shapes and strides: up to kMaxDims sizes in place, without the heap.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <ostream>

#include "core/config.h"

namespace deepnet {

constexpr int kMaxDims = 12;

/// A short list of sizes or strides (strides count elements).
struct Dims {
  int64_t v[kMaxDims];
  int n = 0;

  DN_INLINE Dims() {}
  DN_INLINE Dims(std::initializer_list<int64_t> list) {
    for (int64_t x : list) v[n++] = x;
  }
  DN_INLINE Dims(const Dims& o) : n(o.n) {
    for (int i = 0; i < n; ++i) v[i] = o.v[i];
  }
  DN_INLINE Dims& operator=(const Dims& o) {
    n = o.n;
    for (int i = 0; i < n; ++i) v[i] = o.v[i];
    return *this;
  }
  DN_INLINE static Dims filled(int count, int64_t value) {
    Dims d;
    d.n = count;
    for (int i = 0; i < count; ++i) d.v[i] = value;
    return d;
  }

  DN_INLINE int64_t& operator[](int i) { return v[i < 0 ? i + n : i]; }
  DN_INLINE int64_t operator[](int i) const { return v[i < 0 ? i + n : i]; }
  DN_INLINE int size() const { return n; }
  DN_INLINE bool empty() const { return n == 0; }
  DN_INLINE int64_t* begin() { return v; }
  DN_INLINE int64_t* end() { return v + n; }
  DN_INLINE const int64_t* begin() const { return v; }
  DN_INLINE const int64_t* end() const { return v + n; }
  DN_INLINE int64_t back() const { return v[n - 1]; }
  DN_INLINE void push_back(int64_t x) { v[n++] = x; }
  DN_INLINE void erase(int i) {
    for (int j = i; j + 1 < n; ++j) v[j] = v[j + 1];
    --n;
  }
  DN_INLINE void insert(int i, int64_t x) {
    for (int j = n; j > i; --j) v[j] = v[j - 1];
    v[i] = x;
    ++n;
  }
  DN_INLINE bool operator==(const Dims& o) const {
    if (n != o.n) return false;
    for (int i = 0; i < n; ++i)
      if (v[i] != o.v[i]) return false;
    return true;
  }
};

using Shape = Dims;
using Strides = Dims;

DN_INLINE int64_t numel(const Shape& s) {
  int64_t count = 1;
  for (int i = 0; i < s.n; ++i) count *= s.v[i];
  return count;
}

DN_INLINE Strides contiguous_strides(const Shape& s) {
  Strides t;
  t.n = s.n;
  int64_t step = 1;
  for (int i = s.n - 1; i >= 0; --i) {
    t.v[i] = step;
    step *= s.v[i] > 1 ? s.v[i] : 1;
  }
  return t;
}

/// Row-major without gaps; sizes of 1 may have any stride, an empty shape any strides.
DN_INLINE bool is_contiguous(const Shape& s, const Strides& t) {
  int64_t step = 1;
  for (int i = s.n - 1; i >= 0; --i) {
    if (s.v[i] == 1) continue;
    if (s.v[i] == 0) return true;
    if (t.v[i] != step) return false;
    step *= s.v[i];
  }
  return true;
}

/// "(2, 3)"
inline std::ostream& operator<<(std::ostream& out, const Dims& d) {
  out << '(';
  for (int i = 0; i < d.n; ++i) out << (i ? ", " : "") << d.v[i];
  return out << (d.n == 1 ? ",)" : ")");
}

}  // namespace deepnet
