#include "tensor/generator.h"

#include <random>

#include "backend/launch.h"

namespace deepnet {

Tensor Generator::draw(int64_t n, DType dtype) {
  // Four words a counter; an element takes one word, or up to four where it has 64 bits.
  uint64_t counters = itemsize(dtype) == 8 ? uint64_t(n) : (uint64_t(n) + 3) / 4;
  Tensor state = empty({2}, DType::Int64);
  launch("random_state", Device{}, [self = Ref<Generator>(this), v = state.view(), counters](Backend&) {
    v.as<int64_t>()[0] = int64_t(self->seed_);
    v.as<int64_t>()[1] = int64_t(self->offset_);
    self->offset_ += counters;
  });
  return state;
}

const Ref<Generator>& default_generator() {
  static const Ref<Generator> g = make_ref<Generator>((uint64_t(std::random_device{}()) << 32) | std::random_device{}());
  return g;
}

}  // namespace deepnet
