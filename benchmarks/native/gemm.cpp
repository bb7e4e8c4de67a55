// Products: every set against its own ceiling, square, skinny and grouped.
#include "ceiling.h"
#include "core/parallel.h"
#include "operands.h"

namespace deepnet {
namespace {

struct Case {
  const char* name;
  int64_t m, n, k, group;
  bool a_columns, b_columns;  // stored transposed
};

const Case kCases[] = {
    {"64", 64, 64, 64, 0, false, false},
    {"256", 256, 256, 256, 0, false, false},
    {"512", 512, 512, 512, 0, false, false},
    {"1024", 1024, 1024, 1024, 0, false, false},
    {"2048", 2048, 2048, 2048, 0, false, false},
    {"mlp_64x512x784", 64, 512, 784, 0, false, true},
    {"mlp_weight_grad", 512, 784, 64, 64, true, false},
    {"mlp_input_grad", 64, 784, 512, 0, false, false},
    {"gpt_1024x1536x384", 1024, 1536, 384, 0, false, true},
    {"gpt_weight_grad", 1536, 384, 1024, 64, true, false},
    {"weight_grad_1024x1024x4096", 1024, 1024, 4096, 64, true, false},
    {"row_1x4096x4096", 1, 4096, 4096, 0, false, false},
    {"row_1x4096x4096_weights_NK", 1, 4096, 4096, 0, false, true},
    {"rows_8x4096x4096_weights_NK", 8, 4096, 4096, 0, false, true},
};

Operand matrix(int64_t rows, int64_t cols, bool columns) {
  Operand m({1, rows, cols});
  if (columns) m.view.strides = {rows * cols, 1, rows};
  return m;
}

void run(benchmark::State& state, Backend* backend, Case c, int threads) {
  set_num_threads(threads);
  const Operand a = matrix(c.m, c.k, c.a_columns), b = matrix(c.k, c.n, c.b_columns), y = matrix(c.m, c.n, false);
  for (auto _ : state) backend->matmul(a.view, b.view, View(), y.view, c.group);
  const double bytes = 4.0 * double(c.m * c.k + c.k * c.n + c.m * c.n);
  // What fits the caches is not read from memory again.
  report(state, backend->name(), threads, 2.0 * double(c.m * c.n * c.k), bytes > 32e6 ? bytes : 0);
}

const bool registered = [] {
  for (const Case& c : kCases) {
    for (const char* isa : {"avx512", "avx2", "neon"}) {
      Backend* backend = cpu_backend(isa);
      if (!backend) continue;
      for (int threads = 1; threads <= available_threads(); threads *= 2) {
        const std::string name = std::string("matmul/") + c.name + "/" + isa + "/threads:" + std::to_string(threads);
        benchmark::RegisterBenchmark(name.c_str(), run, backend, c, threads)->UseRealTime()->Unit(benchmark::kMicrosecond);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace deepnet
