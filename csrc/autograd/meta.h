// What a tensor carries when it takes part in autograd.
#pragma once

#include "autograd/node.h"

namespace deepnet {

/// A gradient hook: gets the gradient, returns a replacement or an undefined tensor to keep it.
struct Hook : RefCounted {
  int64_t id = 0;
  virtual Tensor operator()(const Tensor& grad) = 0;
};

struct AutogradMeta {
  bool requires_grad = false;  // asked for on a leaf
  bool retains_grad = false;   // .grad wanted on a non-leaf
  Tensor grad;
  Ref<Node> grad_fn;
  int slot = 0;
  Node* accumulator = nullptr;  // the leaf's node while one lives; not owned
  std::vector<Ref<Hook>> hooks;
  std::vector<Ref<Hook>> post_hooks;  // after accumulation into .grad
  // A differentiable view: in-place writes through it rewrite the base's history, and it follows the base's.
  Tensor base;
  uint32_t seen = 0;     // the base's history count when grad_fn was set
  uint32_t history = 0;  // on a base: how often its history was rewritten
};

/// The meta of t, made on demand.
AutogradMeta& meta(const Tensor& t);

bool requires_grad(const Tensor& t);
bool is_leaf(const Tensor& t);
/// The edge along which t's gradient flows; for a leaf, its accumulator. Null where t wants no gradient.
Edge gradient_edge(const Tensor& t);
/// t.grad_fn, renewed where t is a view of a base that was written to.
Ref<Node> grad_fn(const Tensor& t);
/// Makes t output `slot` of node.
void set_history(const Tensor& t, Ref<Node> node, int slot);
/// Makes v, which aliases base, a differentiable view of it.
void set_view(const Tensor& v, const Tensor& base);
/// After op wrote `target` in place (target aliases a base where it is a view): node's output 0 is its value now.
void rebase_history(const Tensor& target, Ref<Node> node);

}  // namespace deepnet
