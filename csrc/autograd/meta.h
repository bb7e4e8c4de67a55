// What a tensor carries when it takes part in autograd.
#pragma once

#include "autograd/node.h"

namespace deepnet {

/// A gradient hook: gets the gradient, returns a replacement or an undefined tensor to keep it.
struct Hook : RefCounted {
  int64_t id = 0;
  bool active = true;  // false once removed, wherever it was registered
  virtual Tensor operator()(const Tensor& grad) = 0;
};

/// Where the gradient of a non-leaf is kept when retain_grad() asked for it; the tensor's present node adds to it.
struct RetainedGrad : Hook {
  Tensor grad;
  Tensor operator()(const Tensor& g) override;
};

struct AutogradMeta {
  bool requires_grad = false;  // asked for on a leaf
  Tensor grad;
  Ref<RetainedGrad> retained;
  Ref<Node> grad_fn;
  int slot = 0;
  Node* accumulator = nullptr;        // the leaf's node while one lives; not owned
  std::vector<Ref<Hook>> hooks;       // of a leaf, before accumulation
  std::vector<Ref<Hook>> post_hooks;  // after accumulation into .grad
  uint32_t history = 0;               // how often in-place writes rewrote this tensor's history
};

/// The meta of t, made on demand.
AutogradMeta& meta(const Tensor& t);

bool requires_grad(const Tensor& t);
/// requires_grad_(): only leaves of a floating dtype may change.
void set_requires_grad(const Tensor& t, bool value);
bool is_leaf(const Tensor& t);
/// The edge along which t's gradient flows; for a leaf, its accumulator. Null where t wants no gradient.
Edge gradient_edge(const Tensor& t);
/// t.grad_fn, renewed where t is a view of a base that was written to.
Ref<Node> grad_fn(const Tensor& t);
/// Makes t output `slot` of node; a gradient retained for t is that of its new value.
void set_history(const Tensor& t, Ref<Node> node, int slot);
/// Makes v, which aliases base, a differentiable view of it: a write through either changes the gradients of both.
void set_view(const Tensor& v, const Tensor& base);
/// Refuses, naming op, in-place writes to a leaf that wants a gradient (or a view of one) and to inference tensors.
void check_inplace(const char* op, const Tensor& target);
/// After an operator wrote `target` in place: output 0 of `node`, whose input 0 was target's old value, is its value now.
void rebase_history(const Tensor& target, Ref<Node> node);
void retain_grad(const Tensor& t);
void add_hook(const Tensor& t, Ref<Hook> hook);
bool remove_hook(const Tensor& t, int64_t id);

}  // namespace deepnet
