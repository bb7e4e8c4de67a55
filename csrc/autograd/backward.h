// Running the graph backward.
#pragma once

#include "autograd/meta.h"

namespace deepnet {

/// Accumulates d(outputs · grad_outputs) into the .grad of every leaf below, or of `inputs` alone where given.
void backward(const Tensors& outputs, const Tensors& grad_outputs, bool retain_graph, bool create_graph,
              const Tensors& inputs = {});

/// Gradients with respect to inputs, nothing accumulated. An input that no output depends on gives an undefined tensor where
/// allow_unused, else a RuntimeError.
Tensors grad(const Tensors& outputs, const Tensors& inputs, const Tensors& grad_outputs, bool retain_graph, bool create_graph,
             bool allow_unused);

}  // namespace deepnet
