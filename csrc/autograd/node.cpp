#include "autograd/node.h"

#include <atomic>

#include "autograd/meta.h"
#include "autograd/mode.h"
#include "autograd/trace.h"

namespace deepnet {

thread_local GradMode grad_mode;
thread_local int tensors_saved = 0;
std::string (*capture_trace)() = nullptr;

namespace {
std::atomic<uint64_t> next_sequence{0};
thread_local std::vector<const Node*>* dying = nullptr;
}  // namespace

Node::Node(const char* name) : name_(name), sequence_(next_sequence.fetch_add(1, std::memory_order_relaxed)) {
  if (grad_mode.anomaly && capture_trace) [[unlikely]]
    trace = std::make_unique<std::string>(capture_trace());
}

void Node::destroy() const {
  if (dying) {
    dying->push_back(this);
    return;
  }
  std::vector<const Node*> queue;
  dying = &queue;
  delete this;
  while (!queue.empty()) {
    const Node* n = queue.back();
    queue.pop_back();
    delete n;
  }
  dying = nullptr;
}

Saved::Saved(const Tensor& t) : identity_(t.impl()), version_(t.version()) {
  // An output has no history yet and is about to get this node's: kept without it, or the node would own itself.
  impl_ = requires_grad(t) ? t : detach(t);
  tensors_saved += !t.impl()->is_number;
}

Tensor Backward::dy_or_zeros(int i) const {
  if (dys_[i].defined()) return dys_[i];
  const OutputInfo& o = node_.outputs[i];
  return zeros(o.shape, o.dtype, o.device);
}

Tensor Backward::unpack(const Saved& s) const {
  if (!s.impl_.defined()) return {};
  const Storage& storage = *s.impl_.impl()->storage;
  if (storage.version != s.version_)
    fail<RuntimeError>(node_.name(), "a tensor of shape ", s.impl_.shape(), " that its gradient needs was overwritten by ",
                       storage.last_write ? storage.last_write : "an in-place operator", " after the forward pass (",
                       storage.version - s.version_, " write(s)); clone it before, or do not write in place");
  if (create_graph_) {
    for (size_t i = 0; i < node_.outputs.size(); ++i) {
      if (node_.outputs[i].impl != s.identity_) continue;
      Tensor t = detach(s.impl_);
      set_history(t, Ref<Node>(const_cast<Node*>(&node_)), int(i));
      return t;
    }
  }
  return s.impl_;
}

}  // namespace deepnet
