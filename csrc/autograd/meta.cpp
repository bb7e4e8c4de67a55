#include "autograd/meta.h"

#include "autograd/accumulate.h"
#include "autograd/arithmetic.h"
#include "autograd/mode.h"
#include "autograd/record.h"
#include "tensor/inference.h"

namespace deepnet {

namespace {

/// Adds what arrives to the leaf's .grad, or to the accumulation under way.
class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(const Tensor& leaf) : Node("AccumulateGrad"), leaf_(leaf) {
    outputs.push_back({leaf.shape(), leaf.dtype(), leaf.device(), nullptr});
    meta(leaf).accumulator = this;
  }
  ~AccumulateGrad() override { leaf_.impl()->autograd->accumulator = nullptr; }

  Tensors apply(const Backward& b) override {
    AutogradMeta& m = meta(leaf_);
    Tensor dy = leaf_hooked(b.take_dy(0));
    if (Accumulation* a = Accumulation::active())
      a->add(leaf_, dy);
    else
      accumulate_into(leaf_, std::move(dy));
    for (const Ref<Hook>& h : std::vector(m.post_hooks))
      if (h->active) (*h)(leaf_);
    return {};
  }
  Tensor leaf_hooked(Tensor dy) override {
    for (const Ref<Hook>& h : std::vector(meta(leaf_).hooks))
      if (h->active)
        if (Tensor r = (*h)(dy); r.defined()) dy = r;
    return dy;
  }

 private:
  Tensor leaf_;
};

/// An in-place write through a view, seen from the base: the write's own node handles the slice, the rest passes through.
class CopySlices final : public Node {
 public:
  CopySlices(const Tensor& base, const Tensor& view, Ref<Node> write)
      : Node(write->name()),
        write_(std::move(write)),
        shape_(view.shape()),
        strides_(view.strides()),
        offset_(view.impl()->offset - base.impl()->offset) {
    edges.push_back(gradient_edge(base));
    for (size_t i = 1; i < write_->edges.size(); ++i) edges.push_back(write_->edges[i]);
    outputs.push_back({base.shape(), base.dtype(), base.device(), nullptr});
  }

  Tensors apply(const Backward& b) override {
    const Tensor& dy = b.dy(0);
    std::vector<Tensor> slice{strided_slice(dy, shape_, strides_, offset_)};
    std::vector<char> needs(write_->edges.size(), 1);
    for (size_t i = 1; i < needs.size(); ++i) needs[i] = b.needs(int(i));
    Backward inner(*write_, slice, needs, b.create_graph());
    Tensors result = write_->apply(inner);
    result.resize(std::max<size_t>(write_->edges.size(), 1));
    if (b.needs(0))
      result[0] = strided_scatter(dy, result[0], shape_, strides_, offset_);
    else
      result[0] = {};
    return result;
  }
  void release_saved() override { write_->release_saved(); }
  bool saved_released() const override { return write_->saved_released(); }

 private:
  Ref<Node> write_;
  Shape shape_;
  Strides strides_;
  int64_t offset_;
};

bool stale(const Tensor& t) {
  const TensorImpl* base = t.impl()->base.get();
  return base && base->autograd && base->autograd->history != t.impl()->seen;
}

}  // namespace

Tensor RetainedGrad::operator()(const Tensor& g) {
  grad = grad.defined() ? add_gradients(grad, g) : g;
  return {};
}

void destroy(AutogradMeta* meta) { delete meta; }

AutogradMeta& meta(const Tensor& t) {
  if (!t.impl()->autograd) t.impl()->autograd = new AutogradMeta;
  return *t.impl()->autograd;
}

bool requires_grad(const Tensor& t) {
  const AutogradMeta* m = t.impl()->autograd;
  if (m && (m->requires_grad || m->grad_fn)) return true;
  return t.impl()->base && stale(t) && requires_grad(Tensor(t.impl()->base));
}

bool is_leaf(const Tensor& t) { return !requires_grad(t) || !grad_fn(t); }

void set_requires_grad(const Tensor& t, bool value) {
  if (value && !is_floating(t.dtype()))
    fail<RuntimeError>("requires_grad_", "only floating tensors can have gradients, got ", name(t.dtype()));
  if (value && t.is_inference() && !inference_mode)
    fail<RuntimeError>("requires_grad_", "a tensor made in inference mode takes no part in autograd; clone it first");
  if (!is_leaf(t)) {
    if (value) return;
    fail<RuntimeError>("requires_grad_", "only leaves can stop requiring a gradient; use detach()");
  }
  if (value || t.impl()->autograd) meta(t).requires_grad = value;
}

Ref<Node> grad_fn(const Tensor& t) {
  if (stale(t)) {
    Tensor base(t.impl()->base);
    t.impl()->seen = base.impl()->autograd->history;
    Shape shape = t.shape();
    Strides strides = t.strides();
    int64_t offset = t.impl()->offset - base.impl()->offset;
    Ref<Node> node(new ClosureNode("as_strided", [from = base.shape(), shape, strides, offset](const Backward& b) -> Tensors {
      return {strided_slice_backward(b.dy(0), from, strides, offset)};
    }));
    node->edges.push_back(gradient_edge(base));
    node->outputs.push_back({shape, t.dtype(), t.device(), nullptr});
    set_history(t, node, 0);
  }
  return t.impl()->autograd ? t.impl()->autograd->grad_fn : Ref<Node>();
}

Edge gradient_edge(const Tensor& t) {
  if (Ref<Node> fn = grad_fn(t)) return {fn, t.impl()->autograd->slot};
  AutogradMeta* m = t.impl()->autograd;
  if (!m || !m->requires_grad) return {};
  if (m->accumulator) return {Ref<Node>(m->accumulator), 0};
  return {Ref<Node>(new AccumulateGrad(t)), 0};
}

void set_history(const Tensor& t, Ref<Node> node, int slot) {
  AutogradMeta& m = meta(t);
  if (m.retained) {
    if (m.grad_fn) std::erase_if(m.grad_fn->retained, [&](const auto& r) { return r.second == m.retained; });
    if (node) node->retained.emplace_back(slot, m.retained);
  }
  m.grad_fn = std::move(node);
  m.slot = slot;
}

void set_view(const Tensor& v, const Tensor& base) {
  if (inference_mode) return;
  const Ref<TensorImpl>& root = base.impl()->base ? base.impl()->base : base.ref();
  v.impl()->base = root;
  v.impl()->seen = root->autograd ? root->autograd->history : 0;
}

void check_inplace(const char* op, const Tensor& target) {
  if (target.is_inference() && !inference_mode && grad_enabled())
    fail<RuntimeError>(op, "a tensor made in inference mode cannot be written to outside of it; clone it first");
  if (!grad_enabled() || !requires_grad(target)) return;
  if (!grad_fn(target))
    fail<RuntimeError>(op, "a leaf that requires a gradient cannot be written in place; use no_grad() or a copy");
  if (target.impl()->base) {
    Tensor base(target.impl()->base);
    if (base.impl()->autograd && base.impl()->autograd->requires_grad && !base.impl()->autograd->grad_fn)
      fail<RuntimeError>(op, "a view of a leaf that requires a gradient cannot be written in place; use no_grad() or a copy");
  }
}

void rebase_history(const Tensor& target, Ref<Node> node) {
  if (!target.impl()->base) {
    set_history(target, std::move(node), 0);
    ++meta(target).history;
    return;
  }
  Tensor base(target.impl()->base);
  if (!base.contiguous())
    fail<RuntimeError>(node->name(),
                       "in-place write through a view of a non-contiguous tensor cannot be differentiated; clone it first");
  Ref<Node> slices(new CopySlices(base, target, std::move(node)));
  set_history(base, std::move(slices), 0);
  ++meta(base).history;
  if (meta(target).retained) grad_fn(target);
}

void connect(Node& node, const Tensor* inputs, size_t count) {
  node.edges.reserve(count);
  for (size_t i = 0; i < count; ++i)
    node.edges.push_back(inputs[i].defined() && requires_grad(inputs[i]) ? gradient_edge(inputs[i]) : Edge{});
}

void attach(const Ref<Node>& node, const Tensor* outputs, size_t count) {
  node->outputs.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const Tensor& t = outputs[i];
    node->outputs.push_back({t.shape(), t.dtype(), t.device(), t.impl()});
    if (is_floating(t.dtype())) set_history(t, node, int(i));
  }
}

void retain_grad(const Tensor& t) {
  if (!requires_grad(t)) fail<RuntimeError>("retain_grad", "the tensor does not require a gradient");
  if (is_leaf(t) || meta(t).retained) return;
  AutogradMeta& m = meta(t);
  m.retained = make_ref<RetainedGrad>();
  m.grad_fn->retained.emplace_back(m.slot, m.retained);
}

void add_hook(const Tensor& t, Ref<Hook> hook) {
  if (!requires_grad(t)) fail<RuntimeError>("register_hook", "the tensor does not require a gradient");
  if (Ref<Node> fn = grad_fn(t))
    fn->hooks.emplace_back(t.impl()->autograd->slot, std::move(hook));
  else
    meta(t).hooks.push_back(std::move(hook));
}

bool remove_hook(const Tensor& t, int64_t id) {
  if (!t.impl()->autograd) return false;
  AutogradMeta& m = meta(t);
  if (m.grad_fn) return std::erase_if(m.grad_fn->hooks, [&](const auto& h) { return h.second->id == id; }) > 0;
  return std::erase_if(m.hooks, [&](const auto& h) { return h->id == id; }) +
             std::erase_if(m.post_hooks, [&](const auto& h) { return h->id == id; }) >
         0;
}

}  // namespace deepnet
