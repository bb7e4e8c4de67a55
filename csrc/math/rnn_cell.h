// The pointwise part of recurrent cells, forward and backward, for one hidden unit. Products and sums are rounded one by one,
// in the order written.
#pragma once

#include "math/activation.h"
#include "math/hyperbolic.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// Gates before (forward) or after (backward) activation.
template <class V>
struct LstmGates {
  V i, f, g, o;
};
template <class V>
struct LstmState {
  LstmGates<V> gates;
  V c, h;
};

/// c = f c_prev + i g, h = o tanh(c)
template <class V>
DN_INLINE LstmState<V> lstm_forward(LstmGates<V> a, V c_prev) {
  const LstmGates<V> gates{Sigmoid()(a.i), Sigmoid()(a.f), Tanh()(a.g), Sigmoid()(a.o)};
  const V c = gates.f * c_prev + gates.i * gates.g;
  return {gates, c, gates.o * Tanh()(c)};
}

template <class V>
struct LstmGradient {
  LstmGates<V> gates;  // before activation
  V c_prev;
};

/// dc comes from the next step, dh from the next step and the output.
template <class V>
DN_INLINE LstmGradient<V> lstm_backward(LstmGates<V> gates, V c_prev, V c, V dh, V dc) {
  const V t = Tanh()(c);
  dc = dc + dh * gates.o * (V(1) - t * t);
  const auto through_sigmoid = [](V dy, V y) { return dy * (V(1) - y) * y; };
  return {{through_sigmoid(dc * gates.g, gates.i), through_sigmoid(dc * c_prev, gates.f),
           dc * gates.i * (V(1) - gates.g * gates.g), through_sigmoid(dh * t, gates.o)},
          dc * gates.f};
}

template <class V>
struct GruState {
  V r, z, n, h;
};

/// n = tanh(input_n + r hidden_n), h = (1 - z) n + z h_prev; input and hidden are the two parts of each gate.
template <class V>
DN_INLINE GruState<V> gru_forward(V input_r, V input_z, V input_n, V hidden_r, V hidden_z, V hidden_n, V h_prev) {
  const V r = Sigmoid()(input_r + hidden_r), z = Sigmoid()(input_z + hidden_z);
  const V n = Tanh()(input_n + r * hidden_n);
  return {r, z, n, (V(1) - z) * n + z * h_prev};
}

template <class V>
struct GruGradient {
  V r, z, input_n, hidden_n, h_prev;  // of r and z the input's and the hidden part's are the same
};

template <class V>
DN_INLINE GruGradient<V> gru_backward(V r, V z, V n, V hidden_n, V h_prev, V dh) {
  const V dz = dh * (h_prev - n) * (V(1) - z) * z;
  const V dn = dh * (V(1) - z) * (V(1) - n * n);
  return {dn * hidden_n * (V(1) - r) * r, dz, dn, dn * r, dh * z};
}

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
