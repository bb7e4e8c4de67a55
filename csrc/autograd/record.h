// Recording an operator for the backward pass: closures in, nodes out.
#pragma once

#include <initializer_list>
#include <optional>
#include <utility>

#include "autograd/meta.h"
#include "autograd/mode.h"

namespace deepnet {

template <class... T>
inline bool wants_grad(const T&... inputs) {
  // A view without a history of its own has one where its base was written to.
  return grad_enabled() &&
         ((inputs.defined() && (inputs.impl()->autograd || inputs.impl()->base) && requires_grad(inputs)) || ...);
}

inline bool wants_grad_any(const Tensors& inputs) {
  if (!grad_enabled()) return false;
  for (const Tensor& t : inputs)
    if (t.defined() && requires_grad(t)) return true;
  return false;
}

inline Saved saved(const Tensor& t) { return t.defined() ? Saved(t) : Saved(); }

template <class F>
class ClosureNode final : public Node {
 public:
  ClosureNode(const char* name, F&& f) : Node(name), f_(std::move(f)), saves_(std::exchange(tensors_saved, 0) > 0) {}
  Tensors apply(const Backward& b) override { return (*f_)(b); }
  void release_saved() override {
    // A closure that saved nothing but numbers keeps no memory alive and may run again.
    if (saves_) f_.reset();
  }
  bool saved_released() const override { return !f_; }

 private:
  std::optional<F> f_;
  bool saves_;
};

void connect(Node& node, const Tensor* inputs, size_t input_count);
void attach(const Ref<Node>& node, const Tensor* outputs, size_t output_count);

/// Makes `outputs` the results of an operator on `inputs` whose gradient is f: Tensors(const Backward&), one gradient for each
/// input in order. Integer outputs stay outside the graph.
template <class F>
void record(const char* name, std::initializer_list<Tensor> inputs, std::initializer_list<Tensor> outputs, F f) {
  Ref<Node> node(new ClosureNode<F>(name, std::move(f)));
  connect(*node, inputs.begin(), inputs.size());
  attach(node, outputs.begin(), outputs.size());
}
template <class F>
void record(const char* name, const Tensors& inputs, const Tensors& outputs, F f) {
  Ref<Node> node(new ClosureNode<F>(name, std::move(f)));
  connect(*node, inputs.data(), inputs.size());
  attach(node, outputs.data(), outputs.size());
}

}  // namespace deepnet
