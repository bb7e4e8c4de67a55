// Activations that networks are made of; gelu stands in gelu.h.
#pragma once

#include "math/exp.h"
#include "math/hyperbolic.h"
#include "math/log.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// v / (1 + e^-x); kUnit: v is 1. e^-|x| keeps what its last rounding lost, and the quotient is corrected once: a
/// plain quotient would be up to 3 ulp off where e^-|x| is small.
template <bool kUnit, class V>
DN_INLINE V over_one_plus_exp(V v, V x) {
  const Exponent<V> e = exp_parts(vmax(constant<V>(-130.0f, -800.0), -abs(x)), V(0));
  const V one = V(1) + e.m1, lost = e.m1 - (one - V(1));  // e^-|x| = (one + lost) 2^n
  const V z = scale(one, e.n), d = V(1) + z, d_low = z - (d - V(1)), inverse = V(1) / d;
  const auto negative = x < V(0);
  V top, top_low;
  if constexpr (kUnit) {
    top = select(negative, one, V(1));
    top_low = select(negative, lost, V(0));
  } else {
    top = select(negative, v * one, v);
    top_low = select(negative, fma(v, lost, fma(v, one, -top)), V(0));
  }
  const V q = top * inverse;
  const V y = fma(fma(-q, d_low, fma(-q, d, top)) + top_low, inverse, q);
  return scale(y, select(negative, e.n, V(0)));
}

template <class V>
DN_INLINE V sigmoid(V x) {
  return over_one_plus_exp<true>(x, x);
}

/// log(1 + e^x)
template <class V>
DN_INLINE V log1p_exp(V x) {
  return vmax(x, V(0)) + log1p(exp(-abs(x)));
}

/// tanh(log(1 + e^x)) without cancellation.
template <class V>
DN_INLINE V tanh_softplus(V x) {
  const V e = exp(vmin(V(20), x)), n = e * (e + V(2));
  return select(x > V(20), V(1), n / (n + V(2)));
}

struct Sigmoid : Signature<1> {
  template <class V> DN_INLINE V operator()(V x) const { return sigmoid(x); }
};
struct LogSigmoid : Signature<1> {
  template <class V> DN_INLINE V operator()(V x) const { return vmin(V(0), x) - log1p(exp(-abs(x))); }
};
struct Relu : Signature<1> {
  template <class V> DN_INLINE V operator()(V x) const { return vmax(V(0), x); }
};
struct Silu : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    // Beyond these bounds the result is -0 or x; the corrections need finite numbers.
    const V v = vmax(constant<V>(-128.0f, -1024.0), x);
    return select(x > constant<V>(128.0f, 1024.0), x, over_one_plus_exp<false>(v, v));
  }
};
struct Mish : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    // Far below 0 it is x e^x, whose factors may be subnormal where it is not.
    const V v = vmax(constant<V>(-128.0f, -800.0), x), bound = constant<V>(-20.0f, -40.0), w = vmin(bound, v);
    const Exponent<V> e = exp_parts(w, V(0));
    return select(x < bound, scale(fma(w, e.m1, w), e.n), v * tanh_softplus(v));
  }
};
struct Hardsigmoid : Signature<1> {
  template <class V> DN_INLINE V operator()(V x) const { return vmin(V(6), vmax(V(0), x + V(3))) / V(6); }
};
struct Hardswish : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return vmax(V(-4), x) * vmin(V(6), vmax(V(0), x + V(3))) / V(6);
  }
};
struct LeakyRelu : Signature<2> {
  template <class V> DN_INLINE V operator()(V x, V slope) const { return select(x > V(0), x, x * slope); }
};
struct Celu : Signature<2> {
  template <class V> DN_INLINE V operator()(V x, V alpha) const { return select(x > V(0), x, alpha * expm1(x / alpha)); }
};
struct Elu : Signature<4> {
  template <class V>
  DN_INLINE V operator()(V x, V alpha, V scale, V input_scale) const {
    return select(x > V(0), x * scale, (alpha * scale) * expm1(x * input_scale));
  }
};
struct Softplus : Signature<3> {
  template <class V>
  DN_INLINE V operator()(V x, V beta, V threshold) const {
    const V z = x * beta;
    return select(z > threshold, x, log1p_exp(z) / beta);
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
