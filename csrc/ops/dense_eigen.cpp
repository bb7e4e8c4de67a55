// Eigenvalues of symmetric matrices: Householder's tridiagonal form, then implicitly shifted QL and QR.
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/dense.h"
#include "ops/dense_steps.h"

namespace deepnet::dense {

namespace {

/// a = Q T Q^T for a symmetric a (lower triangle): T's diagonal d and the line e below it; a becomes Q.
void tridiagonalize(double* a, int64_t n, double* d, double* e) {
  std::vector<double> tau(size_t(n), 0.0), w(size_t(n), 0.0);
  for (int64_t i = 0; i + 1 < n; ++i) {
    double* below = a + (i + 1) * n + i;
    tau[i] = reflector(*below, below + n, n - i - 2, n);
    e[i] = *below;
    if (tau[i] == 0) continue;
    *below = 1;
    // w = tau A v - (tau (w . v) / 2) v; A -= v w^T + w v^T.
    for (int64_t r = i + 1; r < n; ++r) {
      double s = 0;
      for (int64_t c = i + 1; c < n; ++c) s += (c <= r ? a[r * n + c] : a[c * n + r]) * a[c * n + i];
      w[r] = tau[i] * s;
    }
    double half = 0;
    for (int64_t r = i + 1; r < n; ++r) half += w[r] * a[r * n + i];
    half *= -0.5 * tau[i];
    for (int64_t r = i + 1; r < n; ++r) w[r] += half * a[r * n + i];
    for (int64_t r = i + 1; r < n; ++r)
      for (int64_t c = i + 1; c <= r; ++c) a[r * n + c] -= a[r * n + i] * w[c] + w[r] * a[c * n + i];
  }
  for (int64_t i = 0; i < n; ++i) d[i] = a[i * n + i];
  std::vector<double> q(size_t(n * n), 0.0);
  for (int64_t i = 0; i < n; ++i) q[i * n + i] = 1;
  for (int64_t i = n - 2; i >= 0; --i) {
    if (tau[i] == 0) continue;
    for (int64_t c = i + 1; c < n; ++c) {
      double s = 0;
      for (int64_t r = i + 1; r < n; ++r) s += (r == i + 1 ? 1.0 : a[r * n + i]) * q[r * n + c];
      s *= tau[i];
      for (int64_t r = i + 1; r < n; ++r) q[r * n + c] -= s * (r == i + 1 ? 1.0 : a[r * n + i]);
    }
  }
  std::copy(q.begin(), q.end(), a);
}

/// c and s with c f + s g = r and c g - s f = 0; c is negative where f is, unless |f| > |g|.
void signed_rotation(double f, double g, double& c, double& s, double& r) {
  if (g == 0) {
    c = 1, s = 0, r = f;
    return;
  }
  r = std::hypot(f, g);
  if (f == 0) r = g;
  if (f < 0 && std::fabs(f) > std::fabs(g)) r = -r;
  c = f / r;
  s = g / r;
}

/// The eigenvalues of [[a, b], [b, c]], the one of larger size first, and that one's unit vector (x, y).
void two_by_two(double a, double b, double c, double& big, double& small, double& x, double& y) {
  double sum = a + c, gap = a - c, twice = b + b, root = std::hypot(gap, twice);
  double larger = std::fabs(a) > std::fabs(c) ? a : c, lesser = std::fabs(a) > std::fabs(c) ? c : a;
  bool negative = sum < 0;
  big = sum == 0 ? 0.5 * root : 0.5 * (negative ? sum - root : sum + root);
  small = sum == 0 ? -0.5 * root : (larger / big) * lesser - (b / big) * b;
  double cs = gap >= 0 ? gap + root : gap - root;
  if (std::fabs(cs) > std::fabs(twice)) {
    double t = -twice / cs;
    y = 1 / std::sqrt(1 + t * t);
    x = t * y;
  } else if (twice == 0) {
    x = 1, y = 0;
  } else {
    double t = -cs / twice;
    x = 1 / std::sqrt(1 + t * t);
    y = t * x;
  }
  if (negative == (gap < 0)) {
    double t = x;
    x = -y;
    y = t;
  }
}

/// Columns i and j of z (n x n) become s zj + c zi and c zj - s zi.
void turn(double* z, int64_t n, int64_t i, int64_t j, double c, double s) {
  for (int64_t r = 0; r < n; ++r) {
    double zi = z[r * n + i], zj = z[r * n + j];
    z[r * n + j] = c * zj - s * zi;
    z[r * n + i] = s * zj + c * zi;
  }
}

/// Implicitly shifted QL on the block of a tridiagonal matrix from `from` to `to`; where from > to, the mirrored steps (QR).
bool iterate_block(double* d, double* e, double* z, int64_t n, int64_t from, int64_t to, double eps, int64_t& budget) {
  const int64_t step = from <= to ? 1 : -1;
  auto line = [&](int64_t i) -> double& { return step > 0 ? e[i] : e[i - 1]; };  // couples i and i + step
  const double tiny = 0x1p-1022;
  int64_t l = from;
  while ((to - l) * step >= 0) {
    int64_t m = l;
    for (; m != to; m += step) {
      double t = std::fabs(line(m));
      if (t * t <= eps * eps * std::fabs(d[m]) * std::fabs(d[m + step]) + tiny) break;
    }
    if (m != to) line(m) = 0;
    if (m == l) {
      l += step;
      continue;
    }
    if (m == l + step) {
      int64_t low = std::min(l, m);
      double big, small, x, y;
      two_by_two(d[low], e[low], d[low + 1], big, small, x, y);
      turn(z, n, low, low + 1, x, y);
      d[low] = big;
      d[low + 1] = small;
      e[low] = 0;
      l += 2 * step;
      continue;
    }
    if (budget-- == 0) return false;
    double p = d[l], g = (d[l + step] - p) / (2 * line(l)), r = std::hypot(g, 1.0);
    g = d[m] - p + line(l) / (g + std::copysign(r, g));
    double s = 1, c = 1;
    p = 0;
    for (int64_t i = m - step; (i - l) * step >= 0; i -= step) {
      double f = s * line(i), b = c * line(i);
      signed_rotation(g, f, c, s, r);
      if (i != m - step) line(i + step) = r;
      g = d[i + step] - p;
      r = (d[i] - g) * s + 2 * c * b;
      p = s * r;
      d[i + step] = g + p;
      g = c * r - b;
      turn(z, n, i, i + step, c, -s);
    }
    d[l] -= p;
    line(l) = g;
  }
  return true;
}

}  // namespace

bool symmetric_eigen(double* a, int64_t n, double* w, bool upper, double eps) {
  if (n == 0) return true;
  std::vector<double> e(size_t(n), 0.0);
  // The upper triangle is the lower one of the matrix read backwards.
  if (upper) std::reverse(a, a + n * n);
  tridiagonalize(a, n, w, e.data());
  if (upper) {
    std::reverse(a, a + n * n);
    std::reverse(w, w + n);
    std::reverse(e.begin(), e.begin() + n - 1);
  }
  int64_t budget = 30 * n;
  for (int64_t start = 0; start < n;) {
    // A block ends where the line below the diagonal vanishes.
    int64_t end = start;
    for (; end + 1 < n; ++end) {
      double t = std::fabs(e[end]);
      if (t == 0 || t <= std::sqrt(std::fabs(w[end])) * std::sqrt(std::fabs(w[end + 1])) * eps) {
        e[end] = 0;
        break;
      }
    }
    bool mirrored = std::fabs(w[end]) < std::fabs(w[start]);
    if (!iterate_block(w, e.data(), a, n, mirrored ? end : start, mirrored ? start : end, eps, budget)) return false;
    start = end + 1;
  }
  for (int64_t i = 0; i + 1 < n; ++i) {
    int64_t least = i;
    for (int64_t j = i + 1; j < n; ++j)
      if (w[j] < w[least]) least = j;
    if (least == i) continue;
    std::swap(w[i], w[least]);
    for (int64_t r = 0; r < n; ++r) std::swap(a[r * n + i], a[r * n + least]);
  }
  return true;
}

}  // namespace deepnet::dense
