#include "ops/gamma.h"

#include <cmath>

#include "ops/copy.h"
#include "ops/elementwise.h"

namespace deepnet {

namespace {

// Bernoulli numbers B_2, B_4, ...
constexpr double kBernoulli[] = {1.0 / 6,       -1.0 / 30, 1.0 / 42,      -1.0 / 30,     5.0 / 66,
                                 -691.0 / 2730, 7.0 / 6,   -3617.0 / 510, 43867.0 / 798, -174611.0 / 330};

Tensor num(double v, const Tensor& like) { return number(v, DType::Float64, like.device()); }
Tensor power(const Tensor& x, double e) { return apply("pow", x, num(e, x)); }

/// |polygamma_n(z)| for z >= 1/2: n! times the sum of (z + k)^-(n+1), the first terms one by one, the rest by Euler and
/// Maclaurin.
Tensor magnitude(const Tensor& z, int64_t n) {
  double factorial = std::tgamma(double(n) + 1);
  int64_t shift = 10 + n;
  Tensor w = add(z, double(shift));
  Tensor y = add(mul(power(w, -double(n)), factorial / double(n)), mul(power(w, -double(n) - 1), factorial / 2));
  double rising = factorial * double(n + 1);  // (2j + n - 1)!
  double factor = 2;                          // (2j)!
  for (int j = 1; j <= 10; ++j) {
    y = add(y, mul(power(w, -double(n) - 2 * j), kBernoulli[j - 1] * rising / factor));
    rising *= double(2 * j + n) * double(2 * j + n + 1);
    factor *= double(2 * j + 1) * double(2 * j + 2);
  }
  for (int64_t k = shift - 1; k >= 0; --k) y = add(y, mul(power(add(z, double(k)), -double(n) - 1), factorial));
  return y;
}

/// The n-th derivative of cot(pi x): a polynomial in the cotangent, since its own derivative is -pi (1 + cot^2).
Tensor cotangent_derivative(const Tensor& x, int64_t n) {
  std::vector<double> p = {0, 1};
  for (int64_t i = 0; i < n; ++i) {
    std::vector<double> q(p.size() + 1, 0);
    for (size_t k = 1; k < p.size(); ++k) {
      q[k - 1] -= M_PI * double(k) * p[k];
      q[k + 1] -= M_PI * double(k) * p[k];
    }
    p = q;
  }
  // The angle within half a turn, where the tangent keeps its digits.
  Tensor angle = mul(sub(x, apply("round", x)), M_PI);
  Tensor c = apply("reciprocal", apply("tan", angle)), y = add(mul(c, 0.0), p.back());
  for (size_t k = p.size() - 1; k-- > 0;) y = add(mul(y, c), p[k]);
  return y;
}

}  // namespace

Tensor polygamma(const Tensor& x, int64_t n) {
  if (n < 0) fail<RuntimeError>("polygamma", "n must not be negative, got ", n);
  // From here on its series' factorials leave float64.
  if (n > 150) fail<RuntimeError>("polygamma", "n must be at most 150, got ", n);
  check_floating("polygamma", "input", x);
  if (n == 0) return apply("digamma", x);
  Tensor y;
  {
    GradGuard off(false);
    Tensor t = to(detach(x), DType::Float64);
    Tensor low = lt(t, num(0.5, t));
    Tensor size = magnitude(where(low, sub(num(1, t), t), t), n);
    if (is_true("polygamma", low)) {
      // Reflection: psi_n(1 - x) + (-1)^(n+1) psi_n(x) = (-1)^n pi d^n cot(pi x) / dx^n.
      Tensor turn = mul(cotangent_derivative(t, n), n % 2 ? -M_PI : M_PI);
      size = where(low, n % 2 ? sub(turn, size) : add(turn, size), size);
    }
    y = to(n % 2 ? size : neg(size), x.dtype());
  }
  if (wants_grad(x))
    record("polygamma", {x}, {y},
           [x = saved(x), n](const Backward& b) -> Tensors { return {mul(b.dy(0), polygamma(b.unpack(x), n + 1))}; });
  return y;
}

}  // namespace deepnet
