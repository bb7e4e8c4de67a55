// Recurrent layers over whole sequences.
#pragma once

#include "ops/check.h"

namespace deepnet {

/// input (T, N, F); h0, c0 (layers * directions, N, H); weights in PyTorch's order: for each layer, for each direction w_ih,
/// w_hh, then b_ih, b_hh where has_biases. Returns the last layer's outputs (T, N, directions * H), h_n and c_n.
std::tuple<Tensor, Tensor, Tensor> lstm(const Tensor& input, const Tensor& h0, const Tensor& c0, const Tensors& weights,
                                        bool has_biases, int64_t layers, double dropout, bool training, bool bidirectional);
std::pair<Tensor, Tensor> gru(const Tensor& input, const Tensor& h0, const Tensors& weights, bool has_biases, int64_t layers,
                              double dropout, bool training, bool bidirectional);
/// nonlinearity: "tanh" or "relu".
std::pair<Tensor, Tensor> rnn(const Tensor& input, const Tensor& h0, const Tensors& weights, bool has_biases, int64_t layers,
                              double dropout, bool training, bool bidirectional, const std::string& nonlinearity);

}  // namespace deepnet
