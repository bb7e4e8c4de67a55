// A product of matrices with any strides, and the ways to compute it.
#pragma once

#include "backend/backend.h"
#include "cpu/gemm_block.h"
#include "cpu/gemm_pack.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

struct Matrix {
  const void* data;
  DType dtype;
  int64_t batch, row, col;  // strides

  DN_INLINE explicit Matrix(const View& v)
      : data(v.data), dtype(v.dtype), batch(v.stride(0)), row(v.stride(1)), col(v.stride(2)) {}
  DN_INLINE const void* at(int64_t b, int64_t i, int64_t j) const {
    return advance(data, dtype, b * batch + i * row + j * col);
  }
  DN_INLINE void transpose() {
    const int64_t t = row;
    row = col;
    col = t;
  }
};

/// y = a b + bias; a (batch, m, k), b (batch, k, n). bias.data is null where there is none.
struct Product {
  int64_t batch, m, n;
  KPlan plan;
  Matrix a, b, bias, y;
};

/// Computes products of few rows, which are bound by reading b: at memory's speed, straight from where b lies. False, with
/// nothing done, where the product is not of that kind.
bool multiply_few_rows(const Product& p);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
