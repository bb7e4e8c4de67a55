// Matrices between any strides and dtype and the packed rows that the tiles read and write.
#pragma once

#include "core/dtype.h"
#include "cpu/gemm_kernel.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

/// to[r * ld + c] = element (r, c) of a matrix of this dtype with these strides; columns from cols to `padded` become zero.
template <class T>
void read_matrix(DType dtype, const void* from, int64_t row_stride, int64_t col_stride, int64_t rows, int64_t cols, T* to,
                 int64_t ld, int64_t padded);

/// The way back, rounding to the dtype.
template <class T>
void write_matrix(const T* from, int64_t ld, int64_t rows, int64_t cols, DType dtype, void* to, int64_t row_stride,
                  int64_t col_stride);

DN_INLINE const void* advance(const void* p, DType dtype, int64_t elements) {
  return static_cast<const char*>(p) + elements * itemsize(dtype);
}
DN_INLINE void* advance(void* p, DType dtype, int64_t elements) { return static_cast<char*>(p) + elements * itemsize(dtype); }

}  // namespace DEEPNET_ISA
}  // namespace deepnet
