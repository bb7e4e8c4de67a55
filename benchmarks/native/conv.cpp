// Convolutions of well-known networks, forward and both gradients: every set against its own ceiling.
#include "ceiling.h"
#include "core/parallel.h"
#include "operands.h"

namespace deepnet {
namespace {

struct Case {
  const char* name;
  int64_t n, c, o, size, kernel, stride, padding, groups;
};

const Case kCases[] = {
    {"r50_56", 8, 64, 64, 56, 3, 1, 1, 1},        {"r50_28", 8, 128, 128, 28, 3, 1, 1, 1},
    {"r50_14", 8, 256, 256, 14, 3, 1, 1, 1},      {"r50_7", 8, 512, 512, 7, 3, 1, 1, 1},
    {"r50_1x1_56", 8, 256, 64, 56, 1, 1, 0, 1},   {"r50_stem", 8, 3, 64, 224, 7, 2, 3, 1},
    {"lenet_1", 64, 1, 32, 28, 3, 1, 0, 1},       {"lenet_2", 64, 32, 64, 26, 3, 1, 0, 1},
    {"r18_32", 32, 64, 64, 32, 3, 1, 1, 1},       {"r18_32_s2", 32, 64, 128, 32, 3, 2, 1, 1},
    {"r18_16", 32, 128, 128, 16, 3, 1, 1, 1},     {"r18_8", 32, 256, 256, 8, 3, 1, 1, 1},
    {"r18_4", 32, 512, 512, 4, 3, 1, 1, 1},       {"dcgan_up", 32, 64, 128, 16, 4, 2, 1, 1},
    {"depthwise_56", 8, 96, 96, 56, 3, 1, 1, 96}, {"depthwise_14", 8, 384, 384, 14, 3, 1, 1, 384},
};

enum class Pass { Forward, InputGrad, WeightGrad };

void run(benchmark::State& state, Backend* backend, Case c, Pass pass, int threads) {
  set_num_threads(threads);
  const int64_t out = (c.size + 2 * c.padding - c.kernel) / c.stride + 1;
  const ConvGeometry g{{1, c.stride, c.stride}, {0, c.padding, c.padding}, {1, 1, 1}, c.groups};
  const Operand x({c.n, c.c, 1, c.size, c.size}), w({c.o, c.c / c.groups, 1, c.kernel, c.kernel}), y({c.n, c.o, 1, out, out});
  for (auto _ : state) {
    if (pass == Pass::Forward) backend->conv_forward(x.view, w.view, View(), y.view, g);
    if (pass == Pass::InputGrad) backend->conv_input_grad(y.view, w.view, View(), x.view, g);
    if (pass == Pass::WeightGrad) backend->conv_weight_grad(x.view, y.view, w.view, g);
  }
  const double bytes = 4.0 * double(x.values.size() + w.values.size() + y.values.size());
  report(state, backend->name(), threads, 2.0 * double(y.values.size()) * double(c.c / c.groups * c.kernel * c.kernel), bytes);
}

const bool registered = [] {
  const char* const names[] = {"forward", "input_grad", "weight_grad"};
  for (const Case& c : kCases) {
    for (Pass pass : {Pass::Forward, Pass::InputGrad, Pass::WeightGrad}) {
      for (const char* isa : {"avx512", "avx2", "neon"}) {
        Backend* backend = cpu_backend(isa);
        if (!backend) continue;
        const int threads = available_threads();
        const std::string name =
            std::string("conv/") + c.name + "/" + names[int(pass)] + "/" + isa + "/threads:" + std::to_string(threads);
        benchmark::RegisterBenchmark(name.c_str(), run, backend, c, pass, threads)
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace deepnet
