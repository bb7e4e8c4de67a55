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

/// 1 / (1 + e^u) for 0 <= u <= 15.5, in float32, by table: half the work of the quotient.
template <class V>
DN_INLINE V sigmoid_near(V u) {
  static constexpr float kSigmoid[8][16] = {
      {5.e-01f, 2.6894143e-01f, 1.1920292e-01f, 4.7425874e-02f, 1.798621e-02f, 6.692851e-03f, 2.4726233e-03f, 9.110512e-04f,
       3.3535014e-04f, 1.2339458e-04f, 4.539787e-05f, 1.6701422e-05f, 6.1441747e-06f, 2.2603242e-06f, 8.3152804e-07f,
       3.0590223e-07f},
      {-2.5e-01f, -1.9661194e-01f, -1.0499359e-01f, -4.517666e-02f, -1.7662706e-02f, -6.6480567e-03f, -2.4665094e-03f,
       -9.102212e-04f, -3.3523768e-04f, -1.2337934e-04f, -4.539581e-05f, -1.6701142e-05f, -6.144137e-06f, -2.2603192e-06f,
       -8.3152736e-07f, -3.0590215e-07f},
      {5.588784e-08f, 4.5428813e-02f, 3.9981302e-02f, 2.044578e-02f, 8.513665e-03f, 3.2795337e-03f, 1.227156e-03f,
       4.542814e-04f, 1.6750644e-04f, 6.167446e-05f, 2.2695847e-05f, 8.350294e-06f, 3.0720312e-06f, 1.1301547e-06f,
       4.1576305e-07f, 1.52951e-07f},
      {2.0832483e-02f, 5.8876527e-03f, -6.4752316e-03f, -5.488527e-03f, -2.631817e-03f, -1.063813e-03f, -4.0500105e-04f,
       -1.5087493e-04f, -5.5760516e-05f, -2.0547986e-05f, -7.563901e-06f, -2.7832425e-06f, -1.0239842e-06f, -3.7671444e-07f,
       -1.3858708e-07f, -5.098355e-08f},
      {6.3121156e-06f, -5.1448713e-03f, -8.670289e-04f, 7.8028644e-04f, 5.591623e-04f, 2.514979e-04f, 9.923436e-05f,
       3.744196e-05f, 1.3902137e-05f, 5.1317033e-06f, 1.8902055e-06f, 6.9568694e-07f, 2.5597214e-07f, 9.4172734e-08f,
       3.4645e-08f, 1.2745292e-08f},
      {-2.1083162e-03f, 4.243073e-04f, 7.233266e-04f, 4.168367e-05f, -7.468294e-05f, -4.464505e-05f, -1.9049805e-05f,
       -7.3795677e-06f, -2.7659003e-06f, -1.0244763e-06f, -3.7782755e-07f, -1.3912282e-07f, -5.119773e-08f, -1.8836936e-08f,
       -6.9300383e-09f, -2.5494615e-09f},
      {5.223567e-05f, 3.856979e-04f, -1.4118824e-04f, -5.6370834e-05f, 8.2467017e-07f, 5.5829323e-06f, 2.9238627e-06f,
       1.2019623e-06f, 4.5971862e-07f, 1.7151743e-07f, 6.342317e-08f, 2.3376181e-08f, 8.605587e-09f, 3.166627e-09f,
       1.1650464e-09f, 4.286114e-10f},
      {1.6247608e-04f, -1.05206556e-04f, -1.000251e-05f, 1.5137005e-05f, 2.5522545e-06f, -3.0050657e-07f, -3.3852058e-07f,
       -1.5882495e-07f, -6.3248855e-08f, -2.3929449e-08f, -8.893133e-09f, -3.2838012e-09f, -1.2096952e-09f, -4.4524567e-10f,
       -1.6382701e-10f, -6.027268e-11f},
  };
  const V magic(12582912.0f);  // 3 * 2^22: its last bit is worth 1
  const V sum = u + magic;
  return table_polynomial(kSigmoid, bits(sum), u - (sum - magic));
}

/// v / (1 + e^-x)
template <bool kUnit, class V>
DN_INLINE V gated(V v, V x) {
  if constexpr (is_single<V>) {
    const V u = abs(x), below = sigmoid_near(vmin(V(15.5f), u));
    V y = select(x < V(0), below, V(1) - below);
    if constexpr (!kUnit) y = v * y;
    const auto far = u > V(15.5f);
    return any(far) ? select(far, over_one_plus_exp<kUnit>(v, x), y) : y;
  } else {
    return over_one_plus_exp<kUnit>(v, x);
  }
}

template <class V>
DN_INLINE V sigmoid(V x) {
  return gated<true>(x, x);
}

/// log(1 + z) for 0 <= z <= 1.
template <class V>
DN_INLINE V log1p_unit(V z) {
  const auto upper = z > constant<V>(0.41421357f, 0.41421356237309503);
  return log_sum(select(upper, V(1), V(0)), select(upper, fma(z, V(0.5f), V(-0.5f)), z));
}

/// log(1 + e^x)
template <class V>
DN_INLINE V log1p_exp(V x) {
  return vmax(x, V(0)) + log1p_unit(exp(-abs(x)));
}

/// tanh(log(1 + e^x)) without cancellation.
template <class V>
DN_INLINE V tanh_softplus(V x) {
  const V e = exp(vmin(V(20), x)), n = e * (e + V(2));
  return select(x > V(20), V(1), n / (n + V(2)));
}

struct Sigmoid : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return sigmoid(x);
  }
};
struct LogSigmoid : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return vmin(V(0), x) - log1p_unit(exp(-abs(x)));
  }
};
struct Relu : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return vmax(V(0), x);
  }
};
struct Silu : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    // Beyond these bounds the result is -0 or x; the corrections need finite numbers.
    const V v = vmax(constant<V>(-128.0f, -1024.0), x);
    return select(x > constant<V>(128.0f, 1024.0), x, gated<false>(v, v));
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
  template <class V>
  DN_INLINE V operator()(V x) const {
    return vmin(V(6), vmax(V(0), x + V(3))) / V(6);
  }
};
struct Hardswish : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return vmax(V(-4), x) * vmin(V(6), vmax(V(0), x + V(3))) / V(6);
  }
};
struct LeakyRelu : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V x, V slope) const {
    return select(x > V(0), x, x * slope);
  }
};
struct Celu : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V x, V alpha) const {
    return select(x > V(0), x, alpha * expm1(x / alpha));
  }
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
