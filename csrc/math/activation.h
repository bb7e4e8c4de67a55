// Activations that networks are made of; gelu stands in gelu.h.
#pragma once

#include "math/exp.h"
#include "math/hyperbolic.h"
#include "math/log.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

template <class V>
DN_INLINE V sigmoid(V x) {
  const V z = exp(-abs(x));  // never overflows
  return select(x < V(0), z, V(1)) / (V(1) + z);
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
    const V z = exp(-abs(x)), v = vmax(constant<V>(-128.0f, -1024.0), x);  // the limit at -inf is 0
    return select(x < V(0), v * z, v) / (V(1) + z);
  }
};
struct Mish : Signature<1> {
  template <class V> DN_INLINE V operator()(V x) const { return vmax(constant<V>(-128.0f, -1024.0), x) * tanh_softplus(x); }
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
