#include "ops/dense.h"

#include <algorithm>
#include <cmath>

#include "ops/dense_steps.h"

namespace deepnet::dense {

int lu(double* a, int64_t m, int64_t n, int64_t* swaps) {
  int sign = 1;
  for (int64_t i = 0; i < std::min(m, n); ++i) {
    int64_t pivot = i;
    for (int64_t r = i + 1; r < m; ++r)
      if (std::fabs(a[r * n + i]) > std::fabs(a[pivot * n + i])) pivot = r;
    swaps[i] = pivot;
    if (pivot != i) {
      sign = -sign;
      for (int64_t c = 0; c < n; ++c) std::swap(a[i * n + c], a[pivot * n + c]);
    }
    double d = a[i * n + i];
    if (d == 0) continue;
    for (int64_t r = i + 1; r < m; ++r) {
      double f = a[r * n + i] /= d;
      for (int64_t c = i + 1; c < n; ++c) a[r * n + c] -= f * a[i * n + c];
    }
  }
  return sign;
}

bool lu_solve(const double* lu, const int64_t* swaps, int64_t n, double* b, int64_t k) {
  for (int64_t i = 0; i < n; ++i) {
    if (lu[i * n + i] == 0) return false;
    for (int64_t c = 0; c < k && swaps[i] != i; ++c) std::swap(b[i * k + c], b[swaps[i] * k + c]);
  }
  triangular_solve(lu, n, b, k, false, false, true);
  triangular_solve(lu, n, b, k, true, false, false);
  return true;
}

void triangular_solve(const double* a, int64_t n, double* b, int64_t k, bool upper, bool transposed, bool unit) {
  bool backwards = upper != transposed;  // whether the last unknown comes first
  for (int64_t step = 0; step < n; ++step) {
    int64_t i = backwards ? n - 1 - step : step;
    double* row = b + i * k;
    for (int64_t other = 0; other < step; ++other) {
      int64_t j = backwards ? n - 1 - other : other;
      double f = transposed ? a[j * n + i] : a[i * n + j];
      for (int64_t c = 0; c < k; ++c) row[c] -= f * b[j * k + c];
    }
    if (!unit)
      for (int64_t c = 0; c < k; ++c) row[c] /= a[i * n + i];
  }
}

int64_t cholesky(double* a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double s = a[i * n + j];
      for (int64_t k = 0; k < j; ++k) s -= a[i * n + k] * a[j * n + k];
      if (i == j) {
        if (!(s > 0)) return i + 1;
        a[i * n + i] = std::sqrt(s);
      } else {
        a[i * n + j] = s / a[j * n + j];
      }
    }
    for (int64_t j = i + 1; j < n; ++j) a[i * n + j] = 0;
  }
  return 0;
}

void qr(double* a, int64_t m, int64_t n, double* tau) {
  for (int64_t i = 0; i < std::min(m, n); ++i) {
    tau[i] = reflector(a[i * n + i], a + (i + 1) * n + i, m - i - 1, n);
    for (int64_t c = i + 1; c < n; ++c) {
      double s = a[i * n + c];
      for (int64_t r = i + 1; r < m; ++r) s += a[r * n + i] * a[r * n + c];
      s *= tau[i];
      a[i * n + c] -= s;
      for (int64_t r = i + 1; r < m; ++r) a[r * n + c] -= s * a[r * n + i];
    }
  }
}

void qr_columns(const double* a, int64_t m, int64_t n, const double* tau, double* q, int64_t columns) {
  std::fill(q, q + m * columns, 0.0);
  for (int64_t i = 0; i < std::min(m, columns); ++i) q[i * columns + i] = 1;
  for (int64_t i = std::min(m, n); i-- > 0;) {
    for (int64_t c = 0; c < columns; ++c) {
      double s = q[i * columns + c];
      for (int64_t r = i + 1; r < m; ++r) s += a[r * n + i] * q[r * columns + c];
      s *= tau[i];
      q[i * columns + c] -= s;
      for (int64_t r = i + 1; r < m; ++r) q[r * columns + c] -= s * a[r * n + i];
    }
  }
}

}  // namespace deepnet::dense
