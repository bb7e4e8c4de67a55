// Gradients of activations, from what their forward saved; gelu's stand in gelu.h.
#pragma once

#include "math/activation.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

struct ReluGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V y) const {
    return select(y > V(0), dy, V(0));
  }
};
struct TanhGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V y) const {
    return dy * fma(-y, y, V(1));
  }
};
struct SigmoidGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V y) const {
    return dy * ((V(1) - y) * y);
  }
};
struct SiluGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V x) const {
    const V s = sigmoid(x), v = vmax(constant<V>(-128.0f, -1024.0), x);
    return dy * (s * fma(v, sigmoid(-v), V(1)));
  }
};
struct MishGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V x) const {
    const V t = tanh_softplus(x), v = vmin(constant<V>(128.0f, 1024.0), vmax(constant<V>(-128.0f, -1024.0), x));
    return dy * fma(v * sigmoid(x), fma(-t, t, V(1)), t);
  }
};
struct HardswishGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V x) const {
    return select(x <= V(-3), V(0), select(x < V(3), dy * (x / V(3) + V(0.5f)), dy));
  }
};
struct HardsigmoidGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V x) const {
    return select((x > V(-3)) & (x < V(3)), dy / V(6), V(0));
  }
};
struct LogSigmoidGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V x) const {
    return dy * sigmoid(-x);
  }
};
struct LeakyReluGrad : Signature<3> {
  template <class V>
  DN_INLINE V operator()(V dy, V x, V slope) const {
    return select(x > V(0), dy, dy * slope);
  }
};
struct EluGrad : Signature<5> {
  template <class V>
  DN_INLINE V operator()(V dy, V x, V alpha, V scale, V input_scale) const {
    return dy * select(x > V(0), scale, (alpha * scale * input_scale) * exp(x * input_scale));
  }
};
struct SoftplusGrad : Signature<4> {
  template <class V>
  DN_INLINE V operator()(V dy, V x, V beta, V threshold) const {
    const V z = x * beta;
    return select(z > threshold, dy, dy * sigmoid(z));
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
