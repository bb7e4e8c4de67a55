// Decompositions of one dense matrix, row-major in float64, on the host: plain loops whose order is fixed, so their bits are
// too.
#pragma once

#include <cstdint>

namespace deepnet::dense {

/// a (m x n) becomes L (unit diagonal, below) and U; step i swapped rows i and swaps[i]. Returns the sign of the permutation.
int lu(double* a, int64_t m, int64_t n, int64_t* swaps);
/// b (n x k) becomes a^-1 b, from lu's factors of a. False where a is exactly singular.
bool lu_solve(const double* lu, const int64_t* swaps, int64_t n, double* b, int64_t k);
/// b (n x k) becomes a^-1 b for a triangular a, or its transpose.
void triangular_solve(const double* a, int64_t n, double* b, int64_t k, bool upper, bool transposed, bool unit);
/// The lower triangle of a (n x n) becomes its Cholesky factor, what is above zero. 0, or the order of the minor that is not
/// positive.
int64_t cholesky(double* a, int64_t n);
/// a (m x n) becomes R (above and on the diagonal) and Householder vectors below; tau has min(m, n) entries.
void qr(double* a, int64_t m, int64_t n, double* tau);
/// The first `columns` columns of Q, into q (m x columns), from qr's factors.
void qr_columns(const double* a, int64_t m, int64_t n, const double* tau, double* q, int64_t columns);
/// The eigenvalues w, ascending, of the symmetric a (n x n, of which one triangle is read); a becomes the eigenvectors, as
/// columns; to a relative precision of eps. False where the iteration does not converge.
bool symmetric_eigen(double* a, int64_t n, double* w, bool upper, double eps);
/// Singular values s, descending, of a (m x n), with the first `columns` left vectors as columns of u (m x columns) and the
/// first `rows` right ones as rows of vt (rows x n); columns and rows are min(m, n), or m and n. a is overwritten.
bool svd(double* a, int64_t m, int64_t n, double* s, double* u, int64_t columns, double* vt, int64_t rows, double eps);

}  // namespace deepnet::dense
