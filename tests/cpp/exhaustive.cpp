// Walks float32 through every function of one argument: its error against the system's double-precision library, and the
// bits of every instruction set against those of the first. Then float64 and the operators of several arguments, on random
// numbers. `exhaustive` takes all 2^32 floats, `exhaustive 257` every 257th.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <type_traits>
#include <vector>

#include "backend/registry.h"
#include "core/parallel.h"
#include "math/map_dispatch.h"

using namespace deepnet;

namespace {

using Reference = long double (*)(long double);

struct Function {
  const char* name;
  MapOp op;
  double limit;         // in float32, ulp
  double double_limit;  // in float64; lgamma's is lost near its zeros below 0
  double from, to;      // where float64 is sampled, beside all magnitudes
  double (*reference)(double);
  Reference long_reference;
};

// The same formula at both precisions; float64 is exact enough to judge float32.
#define DN_BOTH(expression) \
  [](double x) -> double { return expression; }, [](long double x) -> long double { return expression; }

template <class T>
T gelu(T x) {
  if (std::isinf(x)) return x > 0 ? x : T(-0.0);
  const T r = std::sqrt(T(2));
  return x < 0 ? x * std::erfc(-x / r) / 2 : x * (1 - std::erfc(x / r) / 2);
}
template <class T>
T gelu_tanh(T x) {
  if (std::isinf(x)) return x > 0 ? x : T(-0.0);
  const T k = 2 * std::sqrt(T(2) / T(3.14159265358979323846264338327950288L));
  return x / (1 + std::exp(-k * (x + T(0.044715L) * x * x * x)));
}
template <class T>
T over_one_plus_exp(T v, T x) {
  return x == -INFINITY ? T(-0.0) : v / (1 + std::exp(-x));
}
template <class T>
T mish(T x) {
  return x == -INFINITY ? T(-0.0) : x * std::tanh(std::log1p(std::exp(x)));
}

const Function kFunctions[] = {
    {"sqrt", MapOp::Sqrt, 0.5, 0.51, 0, 10, DN_BOTH(std::sqrt(x))},
    {"rsqrt", MapOp::Rsqrt, 2, 2, 0, 10, DN_BOTH(1 / std::sqrt(x))},
    {"exp", MapOp::Exp, 2, 2, -50, 50, DN_BOTH(std::exp(x))},
    {"exp2", MapOp::Exp2, 2, 2, -50, 50, DN_BOTH(std::exp2(x))},
    {"expm1", MapOp::Expm1, 2, 2, -2, 2, DN_BOTH(std::expm1(x))},
    {"log", MapOp::Log, 2, 2, 0, 4, DN_BOTH(std::log(x))},
    {"log2", MapOp::Log2, 2, 2, 0, 4, DN_BOTH(std::log2(x))},
    {"log10", MapOp::Log10, 2, 2, 0, 4, DN_BOTH(std::log10(x))},
    {"log1p", MapOp::Log1p, 2, 2, -1, 2, DN_BOTH(std::log1p(x))},
    {"sin", MapOp::Sin, 2, 2, -100, 100, DN_BOTH(std::sin(x))},
    {"cos", MapOp::Cos, 2, 2, -100, 100, DN_BOTH(std::cos(x))},
    {"tan", MapOp::Tan, 2, 3.5, -100, 100, DN_BOTH(std::tan(x))},
    {"asin", MapOp::Asin, 2, 2, -1, 1, DN_BOTH(std::asin(x))},
    {"acos", MapOp::Acos, 2, 2, -1, 1, DN_BOTH(std::acos(x))},
    {"atan", MapOp::Atan, 2, 2, -5, 5, DN_BOTH(std::atan(x))},
    {"sinh", MapOp::Sinh, 2, 2.5, -5, 5, DN_BOTH(std::sinh(x))},
    {"cosh", MapOp::Cosh, 2, 2, -5, 5, DN_BOTH(std::cosh(x))},
    {"tanh", MapOp::Tanh, 4, 3, -5, 5, DN_BOTH(std::tanh(x))},
    {"asinh", MapOp::Asinh, 2, 2.5, -5, 5, DN_BOTH(std::asinh(x))},
    {"acosh", MapOp::Acosh, 2, 2.5, 1, 5, DN_BOTH(std::acosh(x))},
    {"atanh", MapOp::Atanh, 2, 2.5, -1, 1, DN_BOTH(std::atanh(x))},
    {"erf", MapOp::Erf, 4, 2, -3, 3, DN_BOTH(std::erf(x))},
    {"erfc", MapOp::Erfc, 2, 6, -3, 26, DN_BOTH(std::erfc(x))},
    {"lgamma", MapOp::Lgamma, 2, 1e6, 0, 300, DN_BOTH(std::lgamma(x))},
    {"sigmoid", MapOp::Sigmoid, 2, 2, -20, 20, DN_BOTH(over_one_plus_exp<decltype(x)>(1, x) + 0)},
    {"silu", MapOp::Silu, 4, 2, -20, 20, DN_BOTH(over_one_plus_exp(x, x))},
    {"logsigmoid", MapOp::LogSigmoid, 2, 3, -20, 20, DN_BOTH(x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x)))},
    {"mish", MapOp::Mish, 4, 4, -20, 20, DN_BOTH(mish(x))},
    {"gelu", MapOp::Gelu, 4, 8, -6, 6, [](double x) -> double { return double(gelu<long double>(x)); }, gelu<long double>},
    {"gelu_tanh", MapOp::GeluTanh, 4, 4, -6, 6, [](double x) -> double { return double(gelu_tanh<long double>(x)); },
     gelu_tanh<long double>},
};

/// |got - want| in units of the last place of T at `want`; large where one is NaN or infinite and the other not.
template <class T, class Wide>
double ulps(T got, Wide want) {
  const double wrong = 1e9;
  if (std::isnan(want)) return std::isnan(got) ? 0 : wrong;
  const T rounded = T(want);
  if (std::isinf(rounded) || std::isinf(got) || std::isnan(got)) return rounded == got ? 0 : wrong;
  constexpr int kDigits = sizeof(T) == 4 ? 24 : 53, kLeast = sizeof(T) == 4 ? -149 : -1074;
  int exponent = kLeast;
  if (want != 0) std::frexp(want, &exponent);
  return double(std::fabs((Wide(got) - want) / std::ldexp(Wide(1), std::max(exponent - kDigits, kLeast))));
}

template <class T>
bool same_bits(T a, T b) {
  return (a != a && b != b) || std::memcmp(&a, &b, sizeof(T)) == 0;
}

template <class T>
View view_of(std::vector<T>& v) {
  View view;
  view.data = v.data();
  view.dtype = dtype_of<T>();
  view.shape = {int64_t(v.size())};
  view.strides = {1};
  return view;
}

std::vector<Backend*> sets;
std::mutex lock;
bool failed = false;

struct Worst {
  double error = 0, at = 0;
  int64_t different = 0;
  void merge(const Worst& o) {
    std::lock_guard<std::mutex> guard(lock);
    if (o.error > error) error = o.error, at = o.at;
    different += o.different;
  }
};

/// One block of inputs through every set.
template <class T, class Want>
void check_block(MapOp op, std::vector<T>& x, Want want, Worst& worst) {
  std::vector<T> first(x.size()), other(x.size());
  const View in = view_of(x);
  for (size_t s = 0; s < sets.size(); ++s) {
    sets[s]->map(op, dtype_of<T>(), &in, 1, view_of(s == 0 ? first : other));
    if (s == 0) continue;
    for (size_t i = 0; i < x.size(); ++i) worst.different += !same_bits(first[i], other[i]);
  }
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = ulps(first[i], want(x[i]));
    if (error > worst.error) worst.error = error, worst.at = double(x[i]);
  }
}

void report(const char* name, const char* type, const Worst& worst, double limit) {
  const bool bad = worst.error > limit || worst.different > 0;
  failed = failed || bad;
  std::printf("%-11s %s  max %.3f ulp (limit %.2f) at %a; %lld differ between sets%s\n", name, type, worst.error, limit,
              worst.at, static_cast<long long>(worst.different), bad ? "  FAILED" : "");
  std::fflush(stdout);
}

void check_float(const Function& f, uint64_t stride) {
  Worst worst;
  const int64_t count = int64_t(((uint64_t(1) << 32) + stride - 1) / stride);
  parallel_for(count, 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += 1 << 16) {
      std::vector<float> x(size_t(std::min<int64_t>(end - at, 1 << 16)));
      for (size_t i = 0; i < x.size(); ++i) x[i] = bits_to_float(uint32_t((uint64_t(at) + i) * stride));
      Worst block;
      check_block(f.op, x, [&](float v) { return f.reference(double(v)); }, block);
      worst.merge(block);
    }
  });
  report(f.name, "float32", worst, f.limit);
}

template <class T>
T any_number(std::mt19937_64& random) {
  T x;
  uint64_t bits = random();
  std::memcpy(&x, &bits, sizeof(T));
  return x;
}

void check_double(const Function& f, int64_t count) {
  std::mt19937_64 random(1);
  std::vector<double> x(static_cast<size_t>(count));
  for (size_t i = 0; i < x.size(); ++i) {
    const double u = double(random() >> 11) * 0x1p-53;
    x[i] = i % 4 == 0 ? any_number<double>(random) : f.from + (f.to - f.from) * u;
  }
  Worst worst;
  check_block(f.op, x, [&](double v) { return f.long_reference(v); }, worst);
  report(f.name, "float64", worst, f.double_limit);
}

/// Every operator with a form for floats, whatever its arguments: equal bits on every set.
template <class T>
void compare_sets(int64_t count) {
  std::mt19937_64 random(2);
  const double special[] = {0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 1e-40, 1e-310, 88.7, -103.9, INFINITY, -INFINITY, NAN};
  std::vector<T> in[5], first(static_cast<size_t>(count)), other(first.size());
  for (auto& x : in) {
    x.resize(first.size());
    for (auto& v : x) {
      const uint64_t kind = random() % 4;
      const double u = double(random() >> 11) * 0x1p-52 - 1;
      v = kind == 0 ? any_number<T>(random) : kind == 1 ? T(special[random() % 14]) : T(u * (kind == 2 ? 3 : 100));
    }
  }
  int64_t different = 0;
  for (int op = 0; op < int(MapOp::Count); ++op) {
    const int arity = dispatch_map(MapOp(op), [](auto f) { return decltype(f)::real ? int(decltype(f)::arity) : 0; });
    if (arity == 0) continue;
    View views[5];
    for (int k = 0; k < arity; ++k) views[k] = view_of(in[k]);
    for (size_t s = 0; s < sets.size(); ++s) {
      sets[s]->map(MapOp(op), dtype_of<T>(), views, arity, view_of(s == 0 ? first : other));
      if (s == 0) continue;
      int64_t count_here = 0;
      for (size_t i = 0; i < first.size(); ++i) count_here += !same_bits(first[i], other[i]);
      if (count_here) std::printf("operator %d on %s: %lld differ\n", op, sets[s]->name(), static_cast<long long>(count_here));
      different += count_here;
    }
  }
  failed = failed || different > 0;
  std::printf("all operators, %s: %lld results differ between sets\n", name(dtype_of<T>()), static_cast<long long>(different));
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t stride = argc > 1 ? std::max(1ull, std::strtoull(argv[1], nullptr, 10)) : 1;
  for (const char* const* isa = built_isas(); *isa; ++isa)
    if (Backend* b = cpu_backend(*isa)) sets.push_back(b);
  std::printf("sets:");
  for (Backend* b : sets) std::printf(" %s", b->name());
  std::printf("; every %llu. float32\n", static_cast<unsigned long long>(stride));
  for (const Function& f : kFunctions) check_float(f, stride);
  for (const Function& f : kFunctions) check_double(f, stride == 1 ? 4000000 : 200000);
  compare_sets<float>(100000);
  compare_sets<double>(100000);
  std::puts(failed ? "FAILED" : "passed");
  return failed;
}
