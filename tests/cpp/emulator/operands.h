// Operands for both backends: the emulated device reads the CPU's memory, so the same view serves either.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <initializer_list>
#include <random>
#include <vector>

#include "backend/registry.h"
#include "core/convert.h"
#include "cuda_backend.h"

namespace deepnet {

inline Backend& cpu() { return active_cpu_backend(); }
inline Backend& emulated() {
  static gpu::CudaBackend backend(0);
  return backend;
}

/// Memory with a view of it.
class Operand {
 public:
  Operand(DType dtype, Shape shape) : bytes_(size_t(numel(shape) * itemsize(dtype)) + 64) {
    view.dtype = dtype;
    view.shape = shape;
    view.strides = contiguous_strides(shape);
    rebase();
    std::memset(view.data, 0xee, bytes_.size() - 64);
  }
  Operand(const Operand& o) : view(o.view), bytes_(o.bytes_.size()) {
    rebase();
    std::memcpy(view.data, o.view.data, size());
  }
  Operand& operator=(const Operand&) = delete;
  operator const View&() const { return view; }
  size_t size() const { return bytes_.size() - 64; }
  View view;

 private:
  void rebase() { view.data = bytes_.data() + (64 - reinterpret_cast<uintptr_t>(bytes_.data()) % 64) % 64; }
  std::vector<char> bytes_;
};

/// Numbers about zero; integers in [low, high].
inline Operand random(DType dtype, Shape shape, int seed, double low = -9, double high = 9) {
  Operand x(dtype, shape);
  std::mt19937 engine{unsigned(seed)};
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int64_t> integer{int64_t(low), int64_t(high)};
  for (int64_t i = 0; i < x.view.numel(); ++i)
    visit(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      if constexpr (is_floating(dtype_of<T>()))
        x.view.as<T>()[i] = convert<T>(normal(engine));
      else
        x.view.as<T>()[i] =
            convert<T>(dtype == DType::UInt8 || dtype == DType::Bool ? std::abs(integer(engine)) % 2 : integer(engine));
    });
  return x;
}

inline View permuted(const View& v, std::initializer_list<int> order) {
  View p = v;
  int i = 0;
  for (int d : order) {
    p.shape[i] = v.shape[d];
    p.strides[i++] = v.strides[d];
  }
  return p;
}

inline double number(const View& v, int64_t i) {
  double x = 0;
  visit(v.dtype, [&](auto tag) { x = double(widen(v.as<typename decltype(tag)::type>()[i])); });
  return x;
}

/// The same bits, NaN for NaN; narrow floats within `ulps` of theirs.
inline void expect_same(const Operand& want, const Operand& got, const char* what, double tolerance = 0) {
  int wrong = 0;
  const int64_t n = want.view.numel(), size = itemsize(want.view.dtype);
  for (int64_t i = 0; i < n; ++i) {
    if (!std::memcmp(want.view.as<char>() + i * size, got.view.as<char>() + i * size, size_t(size))) continue;
    const double a = number(want, i), b = number(got, i);
    if ((a != a && b != b) || (tolerance > 0 && std::abs(a - b) <= tolerance * (1 + std::abs(a)))) continue;
    if (++wrong <= 3)
      ADD_FAILURE() << what << " of " << name(want.view.dtype) << ": element " << i << " is " << b << ", the CPU's " << a;
  }
  EXPECT_EQ(wrong, 0) << what << ": of " << n;
}

constexpr DType kFloats[] = {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16};
/// What sums of narrow floats in another order may differ by.
inline double tolerance_of(DType t) { return t == DType::BFloat16 ? 2e-2 : t == DType::Float16 ? 2e-3 : 0; }

/// Runs f on both backends with outputs of their own and compares these.
template <class F>
void both(const char* what, std::vector<Operand> outputs, F f, bool exact = false) {
  std::vector<Operand> other = outputs;
  f(cpu(), outputs);
  f(emulated(), other);
  emulated().synchronize();
  for (size_t i = 0; i < outputs.size(); ++i)
    expect_same(outputs[i], other[i], what, exact ? 0 : tolerance_of(outputs[i].view.dtype));
}

}  // namespace deepnet
