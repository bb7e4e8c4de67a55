// Decompositions of batches of matrices (..., M, N): on the host in float64 whatever the device and dtype, so that every device
// has the same bits. Results have the input's dtype and device, and no history: the gradients are composed in Python.
#pragma once

#include <tuple>

#include "ops/check.h"

namespace deepnet {

/// a^-1 b for a (..., N, N) and b (..., N, K) of one batch shape. RuntimeError where a is singular.
Tensor solve_plain(const Tensor& a, const Tensor& b);
Tensor triangular_solve_plain(const Tensor& a, const Tensor& b, bool upper, bool unitriangular);
/// The determinant, its sign, and the logarithm of its size.
std::tuple<Tensor, Tensor, Tensor> det_plain(const Tensor& a);
/// The lower factor. RuntimeError where a is not positive definite.
Tensor cholesky_plain(const Tensor& a);
/// Q (..., M, columns) and R (..., columns, N).
std::pair<Tensor, Tensor> qr_plain(const Tensor& a, int64_t columns);
/// Eigenvalues, ascending, and eigenvectors as columns, of a symmetric matrix's lower or upper triangle.
std::pair<Tensor, Tensor> eigh_plain(const Tensor& a, bool upper);
/// U (..., M, min or M), S (..., min) descending, V^T (..., min or N, N).
std::tuple<Tensor, Tensor, Tensor> svd_plain(const Tensor& a, bool full_matrices);

}  // namespace deepnet
