// The graph: a node for every recorded operator, edges to the nodes that made its inputs.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace deepnet {

class Node;
class Backward;
struct Hook;

/// Output `slot` of `node` made a tensor.
struct Edge {
  Ref<Node> node;
  int slot = 0;
};

struct OutputInfo {
  Shape shape;
  DType dtype;
  Device device;
  const void* impl;  // identity only, never followed
};

class Node : public RefCounted {
 public:
  explicit Node(const char* name);
  ~Node() override = default;

  const char* name() const { return name_; }
  uint64_t sequence() const { return sequence_; }
  /// Gradients of the inputs, one for each edge; undefined where not wanted or zero.
  virtual Tensors apply(const Backward& b) = 0;
  /// Drops what the forward saved.
  virtual void release_saved() {}
  virtual bool saved_released() const { return false; }
  /// What the hooks of the leaf behind an accumulator make of its gradient.
  virtual Tensor leaf_hooked(Tensor dy) { return dy; }

  std::vector<Edge> edges;
  std::vector<OutputInfo> outputs;
  std::vector<std::pair<int, Ref<Hook>>> hooks;     // (slot, hook), on the gradients of the outputs
  std::vector<std::pair<int, Ref<Hook>>> retained;  // after the hooks: where retain_grad() keeps the gradients
  std::unique_ptr<std::string> trace;               // the forward call, in anomaly mode

 protected:
  void destroy() const override;  // queued, so a chain of a million nodes frees without recursion

 private:
  const char* name_;
  uint64_t sequence_;
};

/// Tensors, other than Python numbers, that this thread saved since it last made a node.
extern thread_local int tensors_saved;

/// A tensor kept for the backward pass: remembers the count of writes it had, and raises if there were more.
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor& t);
  bool defined() const { return impl_.defined(); }

 private:
  friend class Backward;
  Tensor impl_;
  const void* identity_ = nullptr;
  uint32_t version_ = 0;
};

/// What a recorded closure sees when its gradient is asked for.
class Backward {
 public:
  Backward(const Node& node, std::vector<Tensor>& dys, const std::vector<char>& needs, bool create_graph)
      : node_(node), dys_(dys), needs_(needs), create_graph_(create_graph) {}
  /// The gradient of output i; undefined means zero (single-output nodes always have it).
  const Tensor& dy(int i) const { return dys_[i]; }
  Tensor dy_or_zeros(int i) const;
  /// The gradient of output i, given away: its receiver may be the only holder and write into it.
  Tensor take_dy(int i) const { return std::move(dys_[i]); }
  /// Whether the gradient of input i is wanted.
  bool needs(int i) const { return needs_[i]; }
  /// Whether the gradients themselves will be differentiated.
  bool create_graph() const { return create_graph_; }
  /// The saved tensor, with its history; RuntimeError naming the operator and the write if it was changed since.
  Tensor unpack(const Saved& s) const;

 private:
  const Node& node_;
  std::vector<Tensor>& dys_;
  const std::vector<char>& needs_;
  bool create_graph_;
};

}  // namespace deepnet
