// Orthogonal steps that decompositions are made of. The signs are LAPACK's, so that vectors point where its do.
#pragma once

#include <cmath>
#include <cstdint>

namespace deepnet::dense {

/// The reflector I - tau v v^T (v[0] = 1) that takes (alpha, x) to (beta, 0); x becomes the rest of v. Returns tau.
inline double reflector(double& alpha, double* x, int64_t count, int64_t stride) {
  double norm = 0;
  for (int64_t i = 0; i < count; ++i) norm = std::hypot(norm, x[i * stride]);
  if (norm == 0) return 0;
  double beta = -std::copysign(std::hypot(alpha, norm), alpha), tau = (beta - alpha) / beta;
  for (int64_t i = 0; i < count; ++i) x[i * stride] /= alpha - beta;
  alpha = beta;
  return tau;
}

/// c >= 0 and s with c f + s g = r and c g - s f = 0.
inline void rotation(double f, double g, double& c, double& s, double& r) {
  if (g == 0) {
    c = 1, s = 0, r = f;
    return;
  }
  r = f == 0 ? std::fabs(g) : std::copysign(std::hypot(f, g), f);
  c = f / r;
  s = g / r;
}

/// (x, y) become (c x + s y, c y - s x), element by element.
inline void rotate(double* x, double* y, int64_t count, int64_t stride, double c, double s) {
  for (int64_t i = 0; i < count * stride; i += stride) {
    double a = x[i], b = y[i];
    x[i] = c * a + s * b;
    y[i] = c * b - s * a;
  }
}

}  // namespace deepnet::dense
