#include "autograd/backward.h"

#include <algorithm>
#include <queue>

#include "autograd/accumulate.h"
#include "autograd/arithmetic.h"
#include "autograd/mode.h"

namespace deepnet {

namespace {

struct Entry {
  Node* node;
  int waiting = 0;  // edges into the node whose gradient has not arrived
  bool needed = true;
  bool visited = false;
  std::vector<Tensor> dys;
};

/// Node* to entry number: open addressing, since a hash map with a node for every key would be the slowest part of backward.
class NodeTable {
 public:
  explicit NodeTable(size_t capacity = 64) : keys_(capacity, nullptr), values_(capacity) {}
  /// The number of n, and whether it is new.
  std::pair<uint32_t, bool> insert(Node* n, uint32_t next) {
    if (2 * (count_ + 1) > keys_.size()) grow();
    size_t i = slot(n);
    if (keys_[i] == n) return {values_[i], false};
    keys_[i] = n;
    values_[i] = next;
    ++count_;
    return {next, true};
  }
  int64_t find(Node* n) const {
    size_t i = slot(n);
    return keys_[i] == n ? int64_t(values_[i]) : -1;
  }

 private:
  size_t slot(Node* n) const {
    size_t mask = keys_.size() - 1, i = (reinterpret_cast<uintptr_t>(n) >> 4) * 0x9E3779B97F4A7C15ull >> 20 & mask;
    while (keys_[i] && keys_[i] != n) i = (i + 1) & mask;
    return i;
  }
  void grow() {
    NodeTable bigger(keys_.size() * 4);
    for (size_t i = 0; i < keys_.size(); ++i)
      if (keys_[i]) bigger.insert(keys_[i], values_[i]);
    *this = std::move(bigger);
  }
  std::vector<Node*> keys_;
  std::vector<uint32_t> values_;
  size_t count_ = 0;
};

void accumulate(Tensor& slot, Tensor&& dy, bool create_graph) {
  if (!slot.defined()) {
    slot = std::move(dy);
  } else if (!create_graph && slot.ref()->use_count() == 1 && slot.impl()->storage->use_count() == 1 &&
             !slot.impl()->autograd && slot.contiguous()) {
    add_into(slot, dy);
  } else {
    slot = add_gradients(slot, dy);
  }
}

/// Whether a tensor of shape `from` broadcasts to `to`: a gradient of `to` is then summed for it.
bool expands(const Shape& from, const Shape& to) {
  if (from.n > to.n) return false;
  for (int i = 1; i <= from.n; ++i)
    if (int64_t n = from.v[from.n - i]; n != 1 && n != to.v[to.n - i]) return false;
  return true;
}

class Run {
 public:
  /// accumulate_leaves: targets that are leaves get their gradient in .grad, as in a pass without targets.
  Run(const Tensors& outputs, const Tensors& inputs, bool retain_graph, bool create_graph, bool accumulate_leaves = false)
      : retain_graph_(retain_graph), create_graph_(create_graph), accumulate_leaves_(accumulate_leaves) {
    for (const Tensor& t : outputs) roots_.push_back(gradient_edge(t));
    for (const Tensor& t : inputs) targets_.push_back(gradient_edge(t));
    discover();
    if (!inputs.empty()) mark_needed();
    results_.resize(inputs.size());
  }

  Tensors execute(const Tensors& grads) {
    GradGuard mode(create_graph_);
    std::priority_queue<std::pair<uint64_t, uint32_t>> ready;
    for (size_t i = 0; i < roots_.size(); ++i) {
      Entry& e = entries_[table_.find(roots_[i].node.get())];
      accumulate(e.dys[roots_[i].slot], Tensor(grads[i]), create_graph_);
      --e.waiting;
    }
    for (const Edge& r : roots_) push_ready(ready, uint32_t(table_.find(r.node.get())));
    while (!ready.empty()) {
      uint32_t i = ready.top().second;
      ready.pop();
      run_node(i, ready);
    }
    return std::move(results_);
  }

 private:
  /// Numbers every node below the roots and counts the edges into it.
  void discover() {
    std::vector<uint32_t> stack;
    for (const Edge& r : roots_) {
      auto [i, fresh] = add(r.node.get());
      ++entries_[i].waiting;
      if (fresh) stack.push_back(i);
    }
    while (!stack.empty()) {
      Node* n = entries_[stack.back()].node;
      stack.pop_back();
      for (const Edge& e : n->edges) {
        if (!e.node) continue;
        auto [i, fresh] = add(e.node.get());
        ++entries_[i].waiting;
        if (fresh) stack.push_back(i);
      }
    }
  }

  std::pair<uint32_t, bool> add(Node* n) {
    auto r = table_.insert(n, uint32_t(entries_.size()));
    if (r.second) {
      entries_.push_back({n, 0, true, false, {}});
      entries_.back().dys.resize(std::max<size_t>(n->outputs.size(), 1));
    }
    return r;
  }

  /// A node is needed where a wanted input lies below it. Sequence numbers grow from inputs to outputs, so one pass from the
  /// oldest node up decides; accumulators are made late and come first.
  void mark_needed() {
    for (Entry& e : entries_) e.needed = false;
    for (const Edge& t : targets_)
      if (t.node)
        if (int64_t i = table_.find(t.node.get()); i >= 0) entries_[i].needed = true;
    // Depth-first with an explicit stack: (entry, next edge).
    std::vector<std::pair<uint32_t, size_t>> stack;
    for (const Edge& r : roots_) {
      uint32_t root = uint32_t(table_.find(r.node.get()));
      if (entries_[root].visited) continue;
      entries_[root].visited = true;
      stack.push_back({root, 0});
      while (!stack.empty()) {
        auto& [i, k] = stack.back();
        Entry& e = entries_[i];
        if (k == e.node->edges.size()) {
          bool needed = e.needed;
          stack.pop_back();
          if (needed && !stack.empty()) entries_[stack.back().first].needed = true;
          continue;
        }
        const Edge& edge = e.node->edges[k++];
        if (!edge.node) continue;
        uint32_t child = uint32_t(table_.find(edge.node.get()));
        if (entries_[child].visited) {
          if (entries_[child].needed) e.needed = true;
          continue;
        }
        entries_[child].visited = true;
        stack.push_back({child, 0});
      }
    }
  }

  void push_ready(std::priority_queue<std::pair<uint64_t, uint32_t>>& ready, uint32_t i) {
    Entry& e = entries_[i];
    if (e.waiting == 0) {
      e.waiting = -1;  // once only
      ready.push({e.node->edges.empty() ? UINT64_MAX : e.node->sequence(), i});
    }
  }

  void run_node(uint32_t i, std::priority_queue<std::pair<uint64_t, uint32_t>>& ready) {
    Node* node = entries_[i].node;
    Tensors dxs;
    bool any = false;
    for (const Tensor& t : entries_[i].dys) any |= t.defined();
    if (entries_[i].needed && any) {
      for (auto& [slot, hook] : std::vector(node->hooks))  // a copy: a hook may remove itself
        if (entries_[i].dys[slot].defined() && hook->active)
          if (Tensor r = (*hook)(entries_[i].dys[slot]); r.defined()) entries_[i].dys[slot] = r;
      for (auto& [slot, cell] : node->retained)
        if (entries_[i].dys[slot].defined()) (*cell)(entries_[i].dys[slot]);
      bool target_only = false;
      for (size_t t = 0; t < targets_.size(); ++t)
        if (targets_[t].node.get() == node) {
          Tensor& found = entries_[i].dys[targets_[t].slot];
          if (!accumulate_leaves_ && !target_only && node->edges.empty() && found.defined()) found = node->leaf_hooked(found);
          results_[t] = found;
          target_only = !accumulate_leaves_;
        }
      std::vector<char> needs(node->edges.size());
      bool below = false;
      for (size_t k = 0; k < needs.size(); ++k) {
        const Edge& e = node->edges[k];
        needs[k] = e.node && (targets_.empty() || entries_[table_.find(e.node.get())].needed);
        below |= needs[k];
      }
      if (below || (node->edges.empty() && !target_only)) dxs = call(*node, entries_[i].dys, needs);
    }
    entries_[i].dys.clear();
    for (size_t k = 0; k < node->edges.size(); ++k) {
      const Edge& e = node->edges[k];
      if (!e.node) continue;
      uint32_t child = uint32_t(table_.find(e.node.get()));
      if (k < dxs.size() && dxs[k].defined()) {
        const OutputInfo& o = e.node->outputs[e.slot];
        if (!(dxs[k].shape() == o.shape) && expands(o.shape, dxs[k].shape())) dxs[k] = sum_to(dxs[k], o.shape);
        if (!(dxs[k].shape() == o.shape))
          fail<RuntimeError>(node->name(), "its gradient for input ", k, " has shape ", dxs[k].shape(), ", expected ", o.shape);
        if (dxs[k].dtype() != o.dtype) dxs[k] = convert_gradient(dxs[k], o.dtype);
        accumulate(entries_[child].dys[e.slot], std::move(dxs[k]), create_graph_);
      }
      --entries_[child].waiting;
      push_ready(ready, child);
    }
  }

  Tensors call(Node& node, std::vector<Tensor>& dys, const std::vector<char>& needs) {
    if (node.saved_released())
      fail<RuntimeError>(node.name(),
                         "backward a second time: what it saved was freed after the first; pass retain_graph=True there");
    if (dys.size() == 1 && !dys[0].defined()) return {};
    Backward b(node, dys, needs, create_graph_);
    Tensors dxs = node.apply(b);
    if (grad_mode.anomaly) [[unlikely]] {
      for (size_t k = 0; k < dxs.size(); ++k)
        if (dxs[k].defined() && has_nan(dxs[k]))
          fail<RuntimeError>(node.name(), "its gradient for input ", k, " has NaN",
                             node.trace ? "; the forward call was:\n" + *node.trace : std::string());
    }
    if (!retain_graph_) node.release_saved();
    return dxs;
  }

  bool retain_graph_, create_graph_, accumulate_leaves_;
  std::vector<Edge> roots_, targets_;
  std::vector<Entry> entries_;
  NodeTable table_;
  Tensors results_;
};

/// Checks the roots and gives every one its seed gradient.
Tensors seeds(const char* op, const Tensors& outputs, const Tensors& grad_outputs) {
  if (!grad_outputs.empty() && grad_outputs.size() != outputs.size())
    fail<RuntimeError>(op, "got ", outputs.size(), " outputs but ", grad_outputs.size(), " gradients");
  Tensors grads(outputs.size());
  Accumulation* parts = Accumulation::active();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& y = outputs[i];
    if (!requires_grad(y)) fail<RuntimeError>(op, "output ", i, " does not require a gradient and has no grad_fn");
    if (i < grad_outputs.size() && grad_outputs[i].defined()) {
      if (!(grad_outputs[i].shape() == y.shape()))
        fail<RuntimeError>(op, "the gradient of output ", i, " must have its shape ", y.shape(), ", got ",
                           grad_outputs[i].shape());
      grads[i] = grad_outputs[i];
    } else {
      if (y.numel() != 1)
        fail<RuntimeError>(op, "a gradient can be made by itself only for an output of one element, got shape ", y.shape());
      grads[i] = ones_like_gradient(y, parts ? 1.0 / double(parts->parts()) : 1.0);
    }
  }
  return grads;
}

}  // namespace

void backward(const Tensors& outputs, const Tensors& grad_outputs, bool retain_graph, bool create_graph,
              const Tensors& inputs) {
  Tensors grads = seeds("backward", outputs, grad_outputs);
  if (inputs.empty()) {
    Run(outputs, {}, retain_graph, create_graph).execute(grads);
  } else {
    Tensors found = Run(outputs, inputs, retain_graph, create_graph, true).execute(grads);
    GradGuard mode(create_graph);
    for (size_t i = 0; i < inputs.size(); ++i)
      if (found[i].defined() && !is_leaf(inputs[i])) accumulate_into(inputs[i], found[i]);
  }
  if (Accumulation* parts = Accumulation::active()) parts->part_done();
}

Tensors grad(const Tensors& outputs, const Tensors& inputs, const Tensors& grad_outputs, bool retain_graph, bool create_graph,
             bool allow_unused) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!requires_grad(inputs[i])) fail<RuntimeError>("grad", "input ", i, " does not require a gradient");
  Tensors grads = seeds("grad", outputs, grad_outputs);
  Tensors found = Run(outputs, inputs, retain_graph, create_graph).execute(grads);
  if (!allow_unused)
    for (size_t i = 0; i < found.size(); ++i)
      if (!found[i].defined())
        fail<RuntimeError>("grad", "input ", i, " takes no part in the outputs; pass allow_unused=True to get None for it");
  return found;
}

}  // namespace deepnet
