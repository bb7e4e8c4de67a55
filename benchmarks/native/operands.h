// Inputs of the native benchmarks. DEEPNET_ISA and DEEPNET_NUM_THREADS choose what is measured.
#pragma once

#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "backend/registry.h"

namespace deepnet {

/// Normal numbers with a shape.
struct Operand {
  std::vector<float> values;
  View view;

  explicit Operand(Shape shape) : values(static_cast<size_t>(numel(shape))) {
    std::mt19937 engine(1);
    std::normal_distribution<float> draw;
    for (float& x : values) x = draw(engine);
    view.data = values.data();
    view.dtype = DType::Float32;
    view.shape = shape;
    view.strides = contiguous_strides(shape);
  }
  int64_t bytes() const { return int64_t(values.size() * sizeof(float)); }
};

/// Runs `kernel` as often as wanted; `bytes` is what it must move at least.
template <class F>
void measure_bytes(benchmark::State& state, int64_t bytes, F kernel) {
  Backend& b = active_cpu_backend();
  for (auto _ : state) kernel(b);
  state.SetBytesProcessed(state.iterations() * bytes);
  state.SetLabel(b.name());
}

/// The same for a kernel bound by arithmetic: `flops` are its multiplications and additions.
template <class F>
void measure_flops(benchmark::State& state, double flops, F kernel) {
  Backend& b = active_cpu_backend();
  for (auto _ : state) kernel(b);
  state.counters["FLOP/s"] = benchmark::Counter(flops * double(state.iterations()), benchmark::Counter::kIsRate);
  state.SetLabel(b.name());
}

}  // namespace deepnet
