#include "operands.h"

namespace deepnet {
namespace {

void layer_norm(benchmark::State& state) {
  const int64_t R = state.range(0), C = state.range(1);
  const Operand x({R, C}), y({R, C}), weight({C}), bias({C}), mean({R}), rstd({R});
  measure_bytes(state, 2 * x.bytes(), [&](Backend& b) {
    b.layer_norm_forward(x.view, weight.view, bias.view, y.view, mean.view, rstd.view, 1e-5, false);
  });
}
void layer_norm_backward(benchmark::State& state) {
  const int64_t R = state.range(0), C = state.range(1);
  const Operand dy({R, C}), x({R, C}), dx({R, C}), weight({C}), dweight({C}), dbias({C}), mean({R}), rstd({R});
  measure_bytes(state, 3 * x.bytes(), [&](Backend& b) {
    b.layer_norm_backward(dy.view, x.view, weight.view, mean.view, rstd.view, dx.view, dweight.view, dbias.view, false, 0);
  });
}
BENCHMARK(layer_norm)->Args({4096, 768})->Args({1024, 384})->Args({64, 1024})->UseRealTime();
BENCHMARK(layer_norm_backward)->Args({4096, 768})->Args({1024, 384})->Args({64, 1024})->UseRealTime();

/// Statistics and their use: x is read twice where it does not stay in cache.
void batch_norm(benchmark::State& state) {
  const int64_t C = state.range(1);
  const Operand x({state.range(0), C, state.range(2)}), y = Operand(x.view.shape), mean({C}), var({C}), weight({C}), bias({C});
  measure_bytes(state, 3 * x.bytes(), [&](Backend& b) {
    b.batch_norm_stats(x.view, mean.view, var.view);
    b.batch_norm_apply(x.view, mean.view, var.view, weight.view, bias.view, y.view);
  });
}
void batch_norm_backward(benchmark::State& state) {
  const int64_t C = state.range(1);
  const Operand x({state.range(0), C, state.range(2)}), dy = Operand(x.view.shape), dx = Operand(x.view.shape);
  const Operand mean({C}), rstd({C}), weight({C}), dweight({C}), dbias({C});
  measure_bytes(state, 3 * x.bytes(), [&](Backend& b) {
    b.batch_norm_backward(dy.view, x.view, mean.view, rstd.view, weight.view, dx.view, dweight.view, dbias.view, true);
  });
}
BENCHMARK(batch_norm)->Args({32, 64, 1024})->Args({32, 512, 16})->Args({64, 512, 1})->UseRealTime();
BENCHMARK(batch_norm_backward)->Args({32, 64, 1024})->Args({32, 512, 16})->Args({64, 512, 1})->UseRealTime();

}  // namespace
}  // namespace deepnet
