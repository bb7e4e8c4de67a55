// The state of a stream of random numbers.
#pragma once

#include "tensor/tensor.h"

namespace deepnet {

/// A Philox stream: a seed and the number of counters drawn so far.
class Generator : public RefCounted {
 public:
  explicit Generator(uint64_t seed) : seed_(seed) {}
  uint64_t seed() const { return seed_; }
  uint64_t offset() const { return offset_; }
  void set(uint64_t seed, uint64_t offset) {
    seed_ = seed;
    offset_ = offset;
  }
  /// The place in the stream for a draw of n elements of a dtype, as kernels take it: two int64 on the CPU. A replayed capture
  /// advances the stream again.
  Tensor draw(int64_t n, DType dtype);

 private:
  uint64_t seed_;
  uint64_t offset_ = 0;
};

const Ref<Generator>& default_generator();

}  // namespace deepnet
