#include "operands.h"

namespace deepnet {
namespace {

void softmax(benchmark::State& state) {
  const Operand x({state.range(0), state.range(1)}), y = Operand(x.view.shape);
  measure_bytes(state, 2 * x.bytes(), [&](Backend& b) { b.softmax_forward(x.view, y.view, false); });
}
void softmax_backward(benchmark::State& state) {
  const Operand y({state.range(0), state.range(1)}), dy = Operand(y.view.shape), dx = Operand(y.view.shape);
  measure_bytes(state, 3 * y.bytes(), [&](Backend& b) { b.softmax_backward(y.view, dy.view, dx.view, false); });
}
void cross_entropy(benchmark::State& state) {
  const Operand x({state.range(0), state.range(1)}), loss({state.range(0)}), lse({state.range(0)}), dx = Operand(x.view.shape);
  const std::vector<int64_t> classes(size_t(state.range(0)), 3);
  View target = loss.view;
  target.data = const_cast<int64_t*>(classes.data());
  target.dtype = DType::Int64;
  measure_bytes(state, 3 * x.bytes(), [&](Backend& b) {
    b.cross_entropy_forward(x.view, target, loss.view, lse.view, -100);
    b.cross_entropy_backward(x.view, target, lse.view, loss.view, dx.view, -100);
  });
}

#define SHAPES ->Args({4096, 1000})->Args({8192, 64})->Args({64, 10})->UseRealTime()
BENCHMARK(softmax) SHAPES;
BENCHMARK(softmax_backward) SHAPES;
BENCHMARK(cross_entropy) SHAPES;

}  // namespace
}  // namespace deepnet
