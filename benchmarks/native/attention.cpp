#include "operands.h"

namespace deepnet {
namespace {

/// (B, T, D) queries, as many keys; the flops of the scores that are seen.
void attention(benchmark::State& state) {
  const Shape shape = {state.range(0), state.range(1), state.range(2)};
  const bool causal = state.range(3);
  const Operand q(shape), k(shape), v(shape), out(shape), lse({shape[0], shape[1]});
  const double flops = 4.0 * double(q.values.size()) * double(shape[1]) * (causal ? 0.5 : 1);
  measure_flops(state, flops,
                [&](Backend& b) { b.attention_forward(q.view, k.view, v.view, View(), out.view, lse.view, 0.125, causal); });
}
void attention_backward(benchmark::State& state) {
  const Shape shape = {state.range(0), state.range(1), state.range(2)};
  const bool causal = state.range(3);
  const Operand q(shape), k(shape), v(shape), out(shape), lse({shape[0], shape[1]}), dout(shape), dq(shape), dk(shape),
      dv(shape);
  const double flops = 10.0 * double(q.values.size()) * double(shape[1]) * (causal ? 0.5 : 1);
  active_cpu_backend().attention_forward(q.view, k.view, v.view, View(), out.view, lse.view, 0.125, causal);
  measure_flops(state, flops, [&](Backend& b) {
    b.attention_backward(q.view, k.view, v.view, View(), out.view, lse.view, dout.view, dq.view, dk.view, dv.view, 0.125,
                         causal);
  });
}

#define SHAPES ->Args({48, 512, 64, 1})->Args({48, 512, 64, 0})->Args({24, 256, 64, 1})->UseRealTime()
BENCHMARK(attention) SHAPES;
BENCHMARK(attention_backward) SHAPES;

}  // namespace
}  // namespace deepnet
