// Singular values: bidiagonal form by reflectors, then the implicit QR iteration of Demmel and Kahan (Accurate singular values
// of bidiagonal matrices, 1990), which takes no shift where one would cost the small values their relative precision.
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/dense.h"
#include "ops/dense_steps.h"

namespace deepnet::dense {

namespace {

/// A bidiagonal matrix (d on the diagonal, e above it) on its way to a diagonal one; u's columns and vt's rows follow.
struct Bidiagonal {
  double *d, *e, *u, *vt;
  int64_t n;

  void turn_u(int64_t i, int64_t j, double c, double s) { rotate(u + i, u + j, n, n, c, s); }
  void turn_vt(int64_t i, int64_t j, double c, double s) { rotate(vt + i * n, vt + j * n, n, 1, c, s); }
};

/// The smaller singular value of [[f, g], [0, h]].
double smaller_value(double f, double g, double h) {
  f = std::fabs(f), g = std::fabs(g), h = std::fabs(h);
  double low = std::min(f, h), high = std::max(f, h);
  if (low == 0) return 0;
  double sum = 1 + low / high, gap = (high - low) / high;
  if (g < high) {
    double q = (g / high) * (g / high);
    return low * (2 / (std::sqrt(sum * sum + q) + std::sqrt(gap * gap + q)));
  }
  double q = high / g;
  if (q == 0) return low * high / g;
  double c = 1 / (std::sqrt(1 + (sum * q) * (sum * q)) + std::sqrt(1 + (gap * q) * (gap * q)));
  return low * c * q * 2;
}

double sign_of(double x) { return std::copysign(1.0, x); }

struct TwoByTwo {
  double big, small, cos_left, sin_left, cos_right, sin_right;
};

/// The decomposition of [[f, g], [0, h]] with both rotations.
TwoByTwo two_by_two(double f, double g, double h) {
  bool swapped = std::fabs(h) > std::fabs(f);
  double a = swapped ? h : f, b = swapped ? f : h, fa = std::fabs(a), ha = std::fabs(b), ga = std::fabs(g);
  enum { First, Off, Last } largest = swapped ? Last : First;
  double big, small, cl = 1, sl = 0, cr = 1, sr = 0;
  if (ga == 0) {
    big = fa;
    small = ha;
  } else {
    if (ga > fa) largest = Off;
    if (ga > fa && fa / ga < 0x1p-53) {
      big = ga;
      small = ha > 1 ? fa / (ga / ha) : fa / ga * ha;
      sl = b / g;
      sr = 1;
      cr = a / g;
    } else {
      double gap = fa - ha, l = gap == fa ? 1 : gap / fa, m = g / a, t = 2 - l, mm = m * m;
      double s = std::sqrt(t * t + mm), r = l == 0 ? std::fabs(m) : std::sqrt(l * l + mm), mean = 0.5 * (s + r);
      small = ha / mean;
      big = fa * mean;
      if (mm != 0)
        t = (m / (s + t) + m / (r + l)) * (1 + mean);
      else if (l == 0)
        t = std::copysign(2.0, a) * sign_of(g);
      else
        t = g / std::copysign(gap, a) + m / t;
      double size = std::sqrt(t * t + 4);
      cr = 2 / size;
      sr = t / size;
      cl = (cr + sr * m) / mean;
      sl = b / a * sr / mean;
    }
  }
  TwoByTwo out{0, 0, swapped ? sr : cl, swapped ? cr : sl, swapped ? sl : cr, swapped ? cl : sr};
  double sign = largest == First ? sign_of(out.cos_right) * sign_of(out.cos_left) * sign_of(f)
                : largest == Off ? sign_of(out.sin_right) * sign_of(out.cos_left) * sign_of(g)
                                 : sign_of(out.sin_right) * sign_of(out.sin_left) * sign_of(h);
  out.big = std::copysign(big, sign);
  out.small = std::copysign(small, sign * sign_of(f) * sign_of(h));
  return out;
}

/// One sweep over the block from `from` to `to` (downwards, or upwards where from > to), chasing the bulge.
void sweep(Bidiagonal& b, int64_t from, int64_t to, double shift) {
  const int64_t step = from <= to ? 1 : -1;
  auto line = [&](int64_t i) -> double& { return step > 0 ? b.e[i] : b.e[i - 1]; };  // couples i and i + step
  auto first = [&](int64_t i, double c, double s) { step > 0 ? b.turn_vt(i, i + 1, c, s) : b.turn_u(i, i - 1, c, s); };
  auto second = [&](int64_t i, double c, double s) { step > 0 ? b.turn_u(i, i + 1, c, s) : b.turn_vt(i, i - 1, c, s); };
  double* d = b.d;
  if (shift == 0) {
    double c = 1, s = 0, old_c = 1, old_s = 0, r;
    for (int64_t i = from; i != to; i += step) {
      rotation(d[i] * c, line(i), c, s, r);
      if (i != from) line(i - step) = old_s * r;
      rotation(old_c * r, d[i + step] * s, old_c, old_s, d[i]);
      first(i, c, s);
      second(i, old_c, old_s);
    }
    double h = d[to] * c;
    d[to] = h * old_c;
    line(to - step) = h * old_s;
    return;
  }
  double f = (std::fabs(d[from]) - shift) * (sign_of(d[from]) + shift / d[from]), g = line(from), c, s, r;
  for (int64_t i = from; i != to; i += step) {
    rotation(f, g, c, s, r);
    if (i != from) line(i - step) = r;
    f = c * d[i] + s * line(i);
    line(i) = c * line(i) - s * d[i];
    g = s * d[i + step];
    d[i + step] *= c;
    first(i, c, s);
    rotation(f, g, c, s, r);
    d[i] = r;
    f = c * line(i) + s * d[i + step];
    d[i + step] = c * d[i + step] - s * line(i);
    if (i + step != to) {
      g = s * line(i + step);
      line(i + step) *= c;
    }
    second(i, c, s);
  }
  line(to - step) = f;
}

/// Whether e has an entry in the block that is small beside what its neighbours leave, which is then 0; else the block's least
/// value.
bool splits(Bidiagonal& b, int64_t from, int64_t to, double tol, double& least) {
  const int64_t step = from <= to ? 1 : -1;
  auto line = [&](int64_t i) -> double& { return step > 0 ? b.e[i] : b.e[i - 1]; };
  if (std::fabs(line(to - step)) <= tol * std::fabs(b.d[to])) {
    line(to - step) = 0;
    return true;
  }
  double mu = least = std::fabs(b.d[from]);
  for (int64_t i = from; i != to; i += step) {
    if (std::fabs(line(i)) <= tol * mu) {
      line(i) = 0;
      return true;
    }
    mu = std::fabs(b.d[i + step]) * (mu / (mu + std::fabs(line(i))));
    least = std::min(least, mu);
  }
  return false;
}

bool diagonalize(Bidiagonal b, double eps) {
  const int64_t n = b.n;
  const double tol = std::max(10.0, std::min(100.0, std::pow(eps, -0.125))) * eps;
  double mu = std::fabs(b.d[0]), least = mu;
  for (int64_t i = 1; i < n && least > 0; ++i) {
    mu = std::fabs(b.d[i]) * (mu / (mu + std::fabs(b.e[i - 1])));
    least = std::min(least, mu);
  }
  const double threshold = std::max(tol * least / std::sqrt(double(n)), 6.0 * double(n * n) * 0x1p-1022);
  int64_t budget = 6 * n * n, old_low = -1, old_high = -1;
  bool down = true;
  for (int64_t high = n - 1; high > 0;) {
    // The last block that is not diagonal: low to high.
    double largest = std::fabs(b.d[high]);
    int64_t low = high;
    while (low > 0 && !(std::fabs(b.e[low - 1]) <= threshold)) {
      --low;
      largest = std::max({largest, std::fabs(b.d[low]), std::fabs(b.e[low])});
    }
    if (low > 0) b.e[low - 1] = 0;
    if (low == high) {
      --high;
      continue;
    }
    if (low == high - 1) {
      TwoByTwo t = two_by_two(b.d[low], b.e[low], b.d[high]);
      b.d[low] = t.big;
      b.e[low] = 0;
      b.d[high] = t.small;
      b.turn_vt(low, high, t.cos_right, t.sin_right);
      b.turn_u(low, high, t.cos_left, t.sin_left);
      high -= 2;
      continue;
    }
    if (low > old_high || high < old_low) down = std::fabs(b.d[low]) >= std::fabs(b.d[high]);
    int64_t from = down ? low : high, to = down ? high : low;
    if (splits(b, from, to, tol, least)) continue;
    old_low = low, old_high = high;
    double shift = 0;
    if (double(n) * tol * (least / largest) > std::max(eps, 0.01 * tol)) {
      shift = down ? smaller_value(b.d[high - 1], b.e[high - 1], b.d[high]) : smaller_value(b.d[low], b.e[low], b.d[low + 1]);
      double start = std::fabs(b.d[from]);
      if (start > 0 && (shift / start) * (shift / start) < eps) shift = 0;
    }
    if ((budget -= high - low) < 0) return false;
    sweep(b, from, to, shift);
    double& tail = down ? b.e[high - 1] : b.e[low];
    if (std::fabs(tail) <= threshold) tail = 0;
  }
  if (n == 1 && std::signbit(b.d[0])) {
    b.d[0] = -b.d[0];
    b.u[0] = -1;
  }
  for (int64_t i = 0; i < n; ++i) {
    if (!std::signbit(b.d[i])) continue;
    b.d[i] = -b.d[i];
    for (int64_t c = 0; c < n; ++c) b.vt[i * n + c] = -b.vt[i * n + c];
  }
  for (int64_t end = n - 1; end > 0; --end) {
    int64_t least_at = 0;
    for (int64_t j = 1; j <= end; ++j)
      if (b.d[j] <= b.d[least_at]) least_at = j;
    if (least_at == end) continue;
    std::swap(b.d[least_at], b.d[end]);
    for (int64_t r = 0; r < n; ++r) std::swap(b.u[r * n + least_at], b.u[r * n + end]);
    for (int64_t c = 0; c < n; ++c) std::swap(b.vt[least_at * n + c], b.vt[end * n + c]);
  }
  return true;
}

/// x (rows x columns, stride apart) becomes (I - tau v v^T) x, where v is 1 and then `rest` (count entries).
void reflect(double* x, int64_t columns, int64_t row_stride, int64_t column_stride, const double* rest, int64_t count,
             int64_t stride, double tau) {
  if (tau == 0) return;
  for (int64_t c = 0; c < columns; ++c) {
    double* top = x + c * column_stride;
    double s = top[0];
    for (int64_t i = 0; i < count; ++i) s += rest[i * stride] * top[(i + 1) * row_stride];
    s *= tau;
    top[0] -= s;
    for (int64_t i = 0; i < count; ++i) top[(i + 1) * row_stride] -= s * rest[i * stride];
  }
}

}  // namespace

bool svd(double* a, int64_t m, int64_t n, double* s, double* u, int64_t columns, double* vt, int64_t rows, double eps) {
  if (m > n) {  // the decomposition of R, turned by Q
    std::vector<double> tau(size_t(n) + 1, 0.0), r(size_t(n * n), 0.0), small(size_t(n * n), 0.0);
    qr(a, m, n, tau.data());
    for (int64_t i = 0; i < n; ++i) std::copy(a + i * n + i, a + i * n + n, r.data() + i * n + i);
    if (!svd(r.data(), n, n, s, small.data(), n, vt, rows, eps)) return false;
    std::fill(u, u + m * columns, 0.0);
    for (int64_t i = 0; i < n; ++i) std::copy(small.data() + i * n, small.data() + (i + 1) * n, u + i * columns);
    for (int64_t i = n; i < columns; ++i) u[i * columns + i] = 1;
    for (int64_t i = n - 1; i >= 0; --i)
      reflect(u + i * columns, columns, columns, 1, a + (i + 1) * n + i, m - i - 1, n, tau[size_t(i)]);
    return true;
  }
  const int64_t k = m;
  const bool wide = m < n;
  std::vector<double> e(size_t(k) + 1, 0.0), left(size_t(k) + 1, 0.0), right(size_t(k) + 1, 0.0);
  // Reflectors from the left clear columns, from the right rows: first the diagonal's side, then the line's.
  auto clear_column = [&](int64_t i, int64_t at) {  // of column i, all below row at
    left[i] = reflector(a[at * n + i], a + (at + 1) * n + i, m - at - 1, n);
    reflect(a + at * n + i + 1, n - i - 1, n, 1, a + (at + 1) * n + i, m - at - 1, n, left[i]);
    return a[at * n + i];
  };
  auto clear_row = [&](int64_t i, int64_t at) {  // of row i, all right of column at
    right[i] = reflector(a[i * n + at], a + i * n + at + 1, n - at - 1, 1);
    reflect(a + (i + 1) * n + at, m - i - 1, 1, n, a + i * n + at + 1, n - at - 1, 1, right[i]);
    return a[i * n + at];
  };
  for (int64_t i = 0; i < k; ++i) {
    s[i] = wide ? clear_row(i, i) : clear_column(i, i);
    if (i + 1 < k) e[i] = wide ? clear_column(i, i + 1) : clear_row(i, i + 1);
  }
  std::vector<double> bu(size_t(k * k), 0.0), bvt(size_t(k * k), 0.0), turns;
  for (int64_t i = 0; i < k; ++i) bu[i * k + i] = bvt[i * k + i] = 1;
  if (wide) {
    // e stands below the diagonal: rotations from the left bring it above.
    for (int64_t i = 0; i + 1 < k; ++i) {
      double c, t, r;
      rotation(s[i], e[i], c, t, r);
      s[i] = r;
      e[i] = t * s[i + 1];
      s[i + 1] *= c;
      turns.push_back(c);
      turns.push_back(t);
    }
  }
  if (k && !diagonalize({s, e.data(), bu.data(), bvt.data(), k}, eps)) return false;
  for (int64_t i = int64_t(turns.size() / 2) - 1; i >= 0; --i)
    rotate(bu.data() + i * k, bu.data() + (i + 1) * k, k, 1, turns[2 * i], -turns[2 * i + 1]);
  // The reflectors' products, times what the iteration did.
  std::copy(bu.begin(), bu.end(), u);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < n; ++i) vt[r * n + i] = i < k && r < k ? bvt[r * k + i] : i == r ? 1 : 0;
  for (int64_t i = k - 1; i >= 0; --i) {
    int64_t at = wide ? i + 1 : i;
    if (at < m) reflect(u + at * columns, columns, columns, 1, a + (at + 1) * n + i, m - at - 1, n, left[i]);
    at = wide ? i : i + 1;
    if (at < n) reflect(vt + at, rows, 1, n, a + i * n + at + 1, n - at - 1, 1, right[i]);
  }
  return true;
}

}  // namespace deepnet::dense
