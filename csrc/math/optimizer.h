// One element's step of each optimizer, in PyTorch's order; C is the precision of the arithmetic, V a number or vector of it.
//
// Fields of OptimizerStep::hyper (float64):
//   SGD          lr, momentum, dampening, weight_decay, first_step (1 where the momentum buffers hold nothing yet), grad_scale
//   Adam, AdamW  lr, beta1, beta2, eps, weight_decay, step (from 1), grad_scale
//   RMSprop      lr, alpha, eps, weight_decay, momentum, grad_scale
//   Adagrad      lr, lr_decay, weight_decay, eps, step (from 1), grad_scale
// grad_scale multiplies the gradient before anything else; where hyper ends before it, it is 1. What depends on the step
// alone is computed in double precision and rounded once to C.
#pragma once

#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// The hyperparameters as they lie, and how many there are.
struct Hyper {
  const double* field;
  int64_t count;
  bool maximize;
  DN_INLINE double operator[](int i) const { return field[i]; }
  /// What the gradient is multiplied with.
  DN_INLINE double scale(int i) const { return (count > i ? field[i] : 1.0) * (maximize ? -1.0 : 1.0); }
};

/// x^n for n >= 0, by squaring: the same on every machine.
DN_INLINE double integer_power(double x, int64_t n) {
  double y = 1;
  for (; n > 0; n >>= 1, x *= x)
    if (n & 1) y *= x;
  return y;
}

/// The gradient scaled, with the weights' decay added where it is wanted.
template <class C>
struct ScaledGradient {
  C scale, decay;
  template <class V>
  DN_INLINE V operator()(V p, V g) const {
    g = g * V(scale);
    return decay != C(0) ? fma(V(decay), p, g) : g;
  }
};

// A step takes the parameter, its gradient and the states it uses (a bit of kStates each, in the order of
// OptimizerStep::state; others are not touched), updates the states and returns the new parameter.

template <class C>
struct SgdStep {
  ScaledGradient<C> gradient;
  C lr, momentum, fresh;  // fresh: the new gradient's share of the momentum
  bool first, nesterov;

  DN_INLINE SgdStep(Hyper h, bool use_nesterov)
      : gradient{C(h.scale(5)), C(h[3])},
        lr(C(h[0])),
        momentum(C(h[1])),
        fresh(C(1 - h[2])),
        first(h[4] != 0),
        nesterov(use_nesterov) {}

  template <int kStates, class V>
  DN_INLINE V apply(V p, V g, V (&state)[3]) const {
    g = gradient(p, g);
    if constexpr (kStates & 1) {
      state[0] = first ? g : fma(V(momentum), state[0], V(fresh) * g);
      g = nesterov ? fma(V(momentum), state[0], g) : state[0];
    }
    return fma(V(-lr), g, p);
  }
};

/// Adam, and AdamW where the decay is decoupled. The third state is amsgrad's maximum.
template <class C>
struct AdamStep {
  ScaledGradient<C> gradient;
  C keep;  // AdamW: the share of the parameter that decay leaves
  C fresh1, beta2, fresh2, root2, eps, lr;

  DN_INLINE AdamStep(Hyper h, bool decoupled)
      : gradient{C(h.scale(6)), decoupled ? C(0) : C(h[4])},
        keep(decoupled ? C(1 - h[0] * h[4]) : C(1)),
        fresh1(C(1 - h[1])),
        beta2(C(h[2])),
        fresh2(C(1 - h[2])),
        root2(C(DEEPNET_ISA::sqrt(1 - integer_power(h[2], int64_t(h[5]))))),
        eps(C(h[3])),
        lr(C(h[0] / (1 - integer_power(h[1], int64_t(h[5]))))) {}

  template <int kStates, class V>
  DN_INLINE V apply(V p, V g, V (&state)[3]) const {
    p = p * V(keep);
    g = gradient(p, g);
    state[0] = fma(V(fresh1), g - state[0], state[0]);
    state[1] = fma(V(fresh2) * g, g, V(beta2) * state[1]);
    V second = state[1];
    if constexpr (kStates & 4) {
      // NaN stays, as in torch.maximum.
      state[2] = select(isnan(second) | (second > state[2]), second, state[2]);
      second = state[2];
    }
    return fma(V(-lr), state[0] / (sqrt(second) / V(root2) + V(eps)), p);
  }
};

/// States: mean square, mean gradient (centered), momentum.
template <class C>
struct RmspropStep {
  ScaledGradient<C> gradient;
  C lr, alpha, fresh, eps, momentum;

  DN_INLINE explicit RmspropStep(Hyper h)
      : gradient{C(h.scale(5)), C(h[3])}, lr(C(h[0])), alpha(C(h[1])), fresh(C(1 - h[1])), eps(C(h[2])), momentum(C(h[4])) {}

  template <int kStates, class V>
  DN_INLINE V apply(V p, V g, V (&state)[3]) const {
    g = gradient(p, g);
    state[0] = fma(V(fresh) * g, g, V(alpha) * state[0]);
    V square = state[0];
    if constexpr (kStates & 2) {
      state[1] = fma(V(fresh), g - state[1], state[1]);
      square = fma(-state[1], state[1], square);
    }
    V update = g / (sqrt(square) + V(eps));
    if constexpr (kStates & 4) {
      state[2] = fma(V(momentum), state[2], update);
      update = state[2];
    }
    return fma(V(-lr), update, p);
  }
};

/// State: the sum of squares.
template <class C>
struct AdagradStep {
  ScaledGradient<C> gradient;
  C lr, eps;

  DN_INLINE explicit AdagradStep(Hyper h)
      : gradient{C(h.scale(5)), C(h[2])}, lr(C(h[0] / (1 + (h[4] - 1) * h[1]))), eps(C(h[3])) {}

  template <int kStates, class V>
  DN_INLINE V apply(V p, V g, V (&state)[3]) const {
    g = gradient(p, g);
    state[0] = fma(g, g, state[0]);
    return fma(V(-lr), g / (sqrt(state[0]) + V(eps)), p);
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
