#include "ops/dense.h"

#include <algorithm>
#include <cmath>
#include <vector>

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

namespace {

/// The reflector I - tau v v^T (v[0] = 1) that takes (alpha, x) to (beta, 0); x becomes the rest of v. Returns tau.
double reflector(double& alpha, double* x, int64_t count, int64_t stride) {
  double norm = 0;
  for (int64_t i = 0; i < count; ++i) norm = std::hypot(norm, x[i * stride]);
  if (norm == 0) return 0;
  double beta = -std::copysign(std::hypot(alpha, norm), alpha), tau = (beta - alpha) / beta;
  for (int64_t i = 0; i < count; ++i) x[i * stride] /= alpha - beta;
  alpha = beta;
  return tau;
}

}  // namespace

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

/// c and s with c f + s g = r and c g - s f = 0; r's sign is such that c is not negative where |f| > |g|.
void rotation(double f, double g, double& c, double& s, double& r) {
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
bool iterate_block(double* d, double* e, double* z, int64_t n, int64_t from, int64_t to, int64_t& budget) {
  const int64_t step = from <= to ? 1 : -1;
  auto line = [&](int64_t i) -> double& { return step > 0 ? e[i] : e[i - 1]; };  // couples i and i + step
  const double eps = 0x1p-53, tiny = 0x1p-1022;
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
      rotation(g, f, c, s, r);
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

bool symmetric_eigen(double* a, int64_t n, double* w, bool upper) {
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
      if (t == 0 || t <= std::sqrt(std::fabs(w[end])) * std::sqrt(std::fabs(w[end + 1])) * 0x1p-53) {
        e[end] = 0;
        break;
      }
    }
    bool mirrored = std::fabs(w[end]) < std::fabs(w[start]);
    if (!iterate_block(w, e.data(), a, n, mirrored ? end : start, mirrored ? start : end, budget)) return false;
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

bool jacobi_svd(double* a, int64_t m, int64_t n, double* s, double* v) {
  std::fill(v, v + n * n, 0.0);
  for (int64_t i = 0; i < n; ++i) v[i * n + i] = 1;
  bool turned = true;
  for (int sweep = 0; turned; ++sweep) {
    if (sweep == 60) return false;
    turned = false;
    for (int64_t i = 0; i + 1 < n; ++i) {
      for (int64_t j = i + 1; j < n; ++j) {
        double p = 0, q = 0, dot = 0;
        for (int64_t r = 0; r < m; ++r) {
          double x = a[r * n + i], y = a[r * n + j];
          p += x * x;
          q += y * y;
          dot += x * y;
        }
        if (std::fabs(dot) <= 1e-15 * std::sqrt(p) * std::sqrt(q) || dot == 0) continue;
        turned = true;
        double zeta = (q - p) / (2 * dot), t = std::copysign(1 / (std::fabs(zeta) + std::hypot(zeta, 1.0)), zeta);
        double c = 1 / std::sqrt(1 + t * t), sine = c * t;
        for (int64_t r = 0; r < m; ++r) {
          double x = a[r * n + i], y = a[r * n + j];
          a[r * n + i] = c * x - sine * y;
          a[r * n + j] = sine * x + c * y;
        }
        for (int64_t r = 0; r < n; ++r) {
          double x = v[r * n + i], y = v[r * n + j];
          v[r * n + i] = c * x - sine * y;
          v[r * n + j] = sine * x + c * y;
        }
      }
    }
  }
  std::vector<std::pair<double, int64_t>> order;
  for (int64_t c = 0; c < n; ++c) {
    double norm = 0;
    for (int64_t r = 0; r < m; ++r) norm = std::hypot(norm, a[r * n + c]);
    order.push_back({-norm, c});
  }
  std::sort(order.begin(), order.end());
  std::vector<double> u(a, a + m * n), w(v, v + n * n);
  for (int64_t c = 0; c < n; ++c) {
    s[c] = -order[size_t(c)].first;
    int64_t from = order[size_t(c)].second;
    for (int64_t r = 0; r < m; ++r) a[r * n + c] = s[c] > 0 ? u[size_t(r * n + from)] / s[c] : 0;
    for (int64_t r = 0; r < n; ++r) v[r * n + c] = w[size_t(r * n + from)];
  }
  return true;
}

}  // namespace deepnet::dense
