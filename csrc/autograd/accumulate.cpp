#include "autograd/accumulate.h"

#include "autograd/arithmetic.h"
#include "autograd/mode.h"

namespace deepnet {

namespace {
thread_local Accumulation* active_accumulation = nullptr;
}

thread_local GradientLog* gradient_log = nullptr;

void GradientLog::note(const Tensor& leaf, FirstUse use) {
  for (const auto& [known, first] : uses)
    if (known.is_same(leaf)) return;
  uses.emplace_back(leaf, use);
}

Accumulation* Accumulation::active() { return active_accumulation; }

Accumulation::Accumulation(int64_t parts) : parts_(parts), outer_(active_accumulation) {
  if (parts < 1) fail("accumulate", "needs at least 1 part, got ", parts);
  if (outer_) fail<RuntimeError>("accumulate", "cannot be nested");
  active_accumulation = this;
}

Accumulation::~Accumulation() {
  if (active_accumulation == this) active_accumulation = outer_;
}

void Accumulation::merge(std::vector<Partial>& stack) {
  Partial newer = std::move(stack.back());
  stack.pop_back();
  Partial& older = stack.back();
  older.sum = add_gradients(older.sum, newer.sum);
  ++older.level;
}

void Accumulation::add(const Tensor& leaf, const Tensor& grad) {
  auto [it, fresh] = index_.try_emplace(leaf.impl(), counters_.size());
  if (fresh) counters_.push_back({leaf, {}});
  std::vector<Partial>& stack = counters_[it->second].stack;
  // The gradient may be a buffer that the graph still shares; the counter owns its partial sums.
  stack.push_back({done_, 0, copy_of(grad)});
  while (stack.size() > 1 && stack[stack.size() - 2].level == stack.back().level) merge(stack);
}

void Accumulation::finish() {
  active_accumulation = outer_;
  if (done_ != parts_)
    fail<RuntimeError>("accumulate", "expected ", parts_, " backward passes, one for each part, got ", done_);
  GradGuard off(false);
  for (Counter& c : counters_) {
    while (c.stack.size() > 1) merge(c.stack);
    accumulate_into(c.leaf, c.stack.back().sum);
  }
}

void accumulate_into(const Tensor& leaf, const Tensor& grad) {
  AutogradMeta& m = meta(leaf);
  if (gradient_log) gradient_log->note(leaf, m.grad.defined() ? FirstUse::Added : FirstUse::Made);
  if (!m.grad.defined()) {
    bool ours =
        grad.ref()->use_count() == 1 && grad.impl()->storage->use_count() == 1 && grad.contiguous() && !grad.impl()->autograd;
    if (grad_enabled())
      m.grad = grad;
    else
      m.grad = ours ? grad : copy_of(grad);
  } else if (grad_enabled()) {
    m.grad = add_gradients(m.grad, grad);
  } else {
    add_into(m.grad, grad);
  }
}

}  // namespace deepnet
