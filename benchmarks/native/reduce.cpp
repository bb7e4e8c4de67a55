#include "operands.h"

namespace deepnet {
namespace {

/// (A, R, B) reduced over R.
void reduce(benchmark::State& state, ReduceOp op) {
  const Operand x({state.range(0), state.range(1), state.range(2)}), y({state.range(0), state.range(2)});
  measure_bytes(state, x.bytes(), [&](Backend& b) { b.reduce(op, x.view, y.view, 0); });
}
void sum(benchmark::State& state) { reduce(state, ReduceOp::Sum); }
void max(benchmark::State& state) { reduce(state, ReduceOp::Max); }

#define SHAPES \
  ->Args({1, 1 << 20, 1})->Args({4096, 1000, 1})->Args({1, 4096, 1024})->Args({2048, 32, 32})->Args({1, 64, 512})->UseRealTime()
BENCHMARK(sum) SHAPES;
BENCHMARK(max) SHAPES;

}  // namespace
}  // namespace deepnet
