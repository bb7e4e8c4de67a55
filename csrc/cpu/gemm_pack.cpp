#include "cpu/gemm_pack.h"

#include "cpu/float_vectors.h"
#include "cpu/gemm_transpose.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

DN_INLINE float number(float x) { return x; }
DN_INLINE double number(double x) { return x; }
DN_INLINE float number(Half x) { return to_float(x); }
DN_INLINE float number(BFloat16 x) { return to_float(x); }
DN_INLINE void set(float& to, float x) { to = x; }
DN_INLINE void set(double& to, double x) { to = x; }
DN_INLINE void set(Half& to, float x) { to = to_half(x); }
DN_INLINE void set(BFloat16& to, float x) { to = to_bfloat16(x); }

// The first n of 16 numbers of any float dtype.
template <class S>
DN_INLINE F32 load_part(const S* p, int64_t n) {
  return get(p, n < 16 ? n : 16);
}
template <class S>
DN_INLINE void store_part(S* p, F32 v, int64_t n) {
  put(p, v, n < 16 ? n : 16);
}

// to[j * to_line + i * to_step] = from[i * from_line + j] for i < lines, j < length; from lines on to `whole`, zero.
template <class S, class D>
void transpose(const S* from, int64_t from_line, int64_t lines, int64_t length, D* to, int64_t to_line, int64_t to_step,
               int64_t whole) {
  const auto square = [&](int64_t i, int64_t j) {
    const int64_t have = lines - i, room = whole - i, n = length - j;
    const S* f = from + i * from_line + j;
    D* t = to + j * to_line + i * to_step;
    if (have >= 16 && n >= 16 && to_step == 1) {
      transpose16([&](int l) { return load_floats(f + l * from_line); },
                  [&](int c, F32 v) { store_floats(t + c * to_line, v); });
      return;
    }
    const auto line = [&](int l) { return l < have ? load_part(f + l * from_line, n) : F32(0.0f); };
    if (to_step == 1) {
      transpose16(line, [&](int c, F32 v) {
        if (c < n) store_part(t + c * to_line, v, room);
      });
      return;
    }
    float turned[16][16];
    transpose16(line, [&](int c, F32 v) { v.store(turned[c]); });
    for (int64_t c = 0; c < (n < 16 ? n : 16); ++c) {
      for (int64_t l = 0; l < (room < 16 ? room : 16); ++l) set(t[c * to_line + l * to_step], turned[c][l]);
    }
  };
  // The side whose lines lie farther apart is walked along its lines.
  if (from_line > to_line) {
    for (int64_t i = 0; i < whole; i += 16) {
      for (int64_t j = 0; j < length; j += 16) square(i, j);
    }
  } else {
    for (int64_t j = 0; j < length; j += 16) {
      for (int64_t i = 0; i < whole; i += 16) square(i, j);
    }
  }
}

template <class T, class S>
void read(const S* from, int64_t row_stride, int64_t col_stride, int64_t rows, int64_t cols, T* to, int64_t ld,
          int64_t padded) {
  if constexpr (sizeof(T) == 4) {
    if (row_stride == 1 && col_stride != 1 && rows >= 4) {
      transpose(from, col_stride, cols, rows, to, ld, 1, padded);
      return;
    }
  }
  using Vec = Vector<T>;
  for (int64_t r = 0; r < rows; ++r) {
    const S* f = from + r * row_stride;
    T* t = to + r * ld;
    int64_t c = 0;
    if (col_stride == 1) {
      if constexpr (sizeof(T) == 4) {
        for (; c + 16 <= cols; c += 16) load_floats(f + c).store(t + c);
      } else {
        for (; c + Vec::lanes <= cols; c += Vec::lanes) Vec::load(f + c).store(t + c);
      }
      for (; c < cols; ++c) t[c] = number(f[c]);
    } else {
      for (; c < cols; ++c) t[c] = number(f[c * col_stride]);
    }
    for (; c < padded; ++c) t[c] = T(0);
  }
}

template <class T, class D>
void write(const T* from, int64_t ld, int64_t rows, int64_t cols, D* to, int64_t row_stride, int64_t col_stride) {
  if constexpr (sizeof(T) == 4) {
    if (row_stride < col_stride && rows >= 4) {
      transpose(from, ld, rows, cols, to, col_stride, row_stride, rows);
      return;
    }
  }
  using Vec = Vector<T>;
  for (int64_t r = 0; r < rows; ++r) {
    const T* f = from + r * ld;
    D* t = to + r * row_stride;
    int64_t c = 0;
    if (col_stride == 1) {
      if constexpr (sizeof(T) == 4) {
        for (; c + 16 <= cols; c += 16) store_floats(t + c, F32::load(f + c));
      } else {
        for (; c + Vec::lanes <= cols; c += Vec::lanes) Vec::load(f + c).store(t + c);
      }
      for (; c < cols; ++c) set(t[c], f[c]);
    } else {
      for (; c < cols; ++c) set(t[c * col_stride], f[c]);
    }
  }
}

}  // namespace

template <class T>
void read_matrix(DType dtype, const void* from, int64_t row_stride, int64_t col_stride, int64_t rows, int64_t cols, T* to,
                 int64_t ld, int64_t padded) {
  if constexpr (sizeof(T) == 4) {
    if (dtype == DType::Float16) {
      return read(static_cast<const Half*>(from), row_stride, col_stride, rows, cols, to, ld, padded);
    }
    if (dtype == DType::BFloat16) {
      return read(static_cast<const BFloat16*>(from), row_stride, col_stride, rows, cols, to, ld, padded);
    }
  }
  read(static_cast<const T*>(from), row_stride, col_stride, rows, cols, to, ld, padded);
}

template <class T>
void write_matrix(const T* from, int64_t ld, int64_t rows, int64_t cols, DType dtype, void* to, int64_t row_stride,
                  int64_t col_stride) {
  if constexpr (sizeof(T) == 4) {
    if (dtype == DType::Float16) return write(from, ld, rows, cols, static_cast<Half*>(to), row_stride, col_stride);
    if (dtype == DType::BFloat16) return write(from, ld, rows, cols, static_cast<BFloat16*>(to), row_stride, col_stride);
  }
  write(from, ld, rows, cols, static_cast<T*>(to), row_stride, col_stride);
}

template void read_matrix<float>(DType, const void*, int64_t, int64_t, int64_t, int64_t, float*, int64_t, int64_t);
template void read_matrix<double>(DType, const void*, int64_t, int64_t, int64_t, int64_t, double*, int64_t, int64_t);
template void write_matrix<float>(const float*, int64_t, int64_t, int64_t, DType, void*, int64_t, int64_t);
template void write_matrix<double>(const double*, int64_t, int64_t, int64_t, DType, void*, int64_t, int64_t);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
