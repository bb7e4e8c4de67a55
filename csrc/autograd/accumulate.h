// Gradients gathered over equal parts of a batch with the bits of the whole batch: partial sums are kept as a binary counter,
// so parts combine in the same tree as the groups inside one part (docs/bits.md).
#pragma once

#include <unordered_map>

#include "autograd/meta.h"

namespace deepnet {

class Accumulation {
 public:
  /// Backward passes until finish() count as parts of one; each gets its root gradient scaled by 1 / parts.
  explicit Accumulation(int64_t parts);
  ~Accumulation();
  int64_t parts() const { return parts_; }
  int64_t done() const { return done_; }
  void add(const Tensor& leaf, const Tensor& grad);
  void part_done() { ++done_; }
  /// Folds the partial gradients into every leaf's .grad. RuntimeError where there were not `parts` backward passes.
  void finish();

  static Accumulation* active();

 private:
  struct Partial {
    int64_t first;  // number of the first part summed here
    int level;      // log2 of the parts it stands for
    Tensor sum;
  };
  struct Counter {
    Tensor leaf;
    std::vector<Partial> stack;
  };
  static void merge(std::vector<Partial>& stack);

  int64_t parts_;
  int64_t done_ = 0;
  std::vector<Counter> counters_;
  std::unordered_map<const TensorImpl*, size_t> index_;
  Accumulation* outer_;
};

/// What happened first to the .grad of a leaf while a capture recorded; its replays begin there.
enum class FirstUse : char {
  Made = 'm',   // there was none, and a gradient was made
  Added = 'a',  // a gradient was added to the one there
  Reset = 'r',  // it was taken away
};
struct GradientLog {
  std::vector<std::pair<Tensor, FirstUse>> uses;  // one for each leaf, in order
  void note(const Tensor& leaf, FirstUse use);
};
/// Where this thread notes them; null where nothing records.
extern thread_local GradientLog* gradient_log;

/// Adds grad to leaf.grad, taking it over where nobody else holds it.
void accumulate_into(const Tensor& leaf, const Tensor& grad);

}  // namespace deepnet
