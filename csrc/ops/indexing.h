// What the indexing operators share.
#pragma once

#include "ops/copy.h"
#include "ops/views.h"

namespace deepnet {

/// v with dim in front, as kernels that work along dim 0 want it.
inline View front(const View& v, int dim) {
  View w = v;
  for (int i = dim; i > 0; --i) {
    w.shape.v[i] = v.shape.v[i - 1];
    w.strides.v[i] = v.strides.v[i - 1];
  }
  if (v.shape.n) {
    w.shape.v[0] = v.shape.v[dim];
    w.strides.v[0] = v.strides.v[dim];
  }
  return w;
}

inline Tensor as_int64(const Tensor& index) {
  GradGuard off(false);
  return to(detach(index), DType::Int64);
}

inline Tensor one_d(const char* op, const Tensor& index) {
  check_index(op, "index", index);
  if (index.ndim() > 1) fail<IndexError>(op, "index must be 1-d, got shape ", index.shape());
  return index.ndim() == 0 ? reshape(index, {1}) : index;
}

/// y[index[k]] op= src[k] along dim, without history.
inline void put(const char* op, const Tensor& target, int dim, const Tensor& index, const Tensor& src, ScatterOp how) {
  if (index.numel() == 0 || src.numel() == 0) return;
  launch(op, target.device(), [y = front(target.view(), dim), i = index.view(), s = front(src.view(), dim), how](Backend& b) {
    b.index_put(y, i, s, how);
  });
}

inline Tensor at_least_1d(const Tensor& x) { return x.ndim() == 0 ? reshape(x, {1}) : x; }

}  // namespace deepnet
