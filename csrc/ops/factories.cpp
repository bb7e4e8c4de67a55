#include "ops/factories.h"

#include <cmath>

#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/views.h"

namespace deepnet {

namespace {

/// A tensor whose element i is value(i): made on the CPU, converted and moved where it belongs.
template <class T, class F>
Tensor generate(const char* op, int64_t n, DType dtype, Device device, F value) {
  Tensor t = empty({n}, dtype_of<T>());
  if (n)
    launch(op, t.device(), [v = t.view(), value](Backend&) {
      T* out = v.as<T>();
      for (int64_t i = 0; i < v.shape.v[0]; ++i) out[i] = value(i);
    });
  return to(t, dtype, device, false);
}

Tensor triangle(const char* op, const Tensor& x, int64_t diagonal, bool lower) {
  if (x.ndim() < 2) fail<RuntimeError>(op, "needs at least 2 dims, got shape ", x.shape());
  int64_t rows = x.size(-2), cols = x.size(-1);
  GradGuard off(false);
  Tensor r = reshape(arange({true, 0, 0}, {true, rows, 0}, {true, 1, 0}, DType::Int64, x.device()), {rows, 1});
  Tensor c = arange({true, 0, 0}, {true, cols, 0}, {true, 1, 0}, DType::Int64, x.device());
  Tensor edge = add(r, number(diagonal, DType::Int64, x.device()));
  return lower ? le(c, edge) : ge(c, edge);
}

}  // namespace

Tensor arange(Number start, Number end, Number step, DType dtype, Device device) {
  bool integral = start.integral && end.integral && step.integral;
  if (integral ? step.i == 0 : step.real() == 0) fail<RuntimeError>("arange", "step must not be zero");
  if ((step.real() > 0) != (end.real() >= start.real()) && end.real() != start.real())
    fail<RuntimeError>("arange", "from ", start.real(), " to ", end.real(), " goes against step ", step.real());
  if (integral) {
    int64_t span = end.i - start.i, n = (span + step.i + (step.i > 0 ? -1 : 1)) / step.i;
    return generate<int64_t>("arange", n, dtype, device, [s = start.i, d = step.i](int64_t i) { return s + i * d; });
  }
  int64_t n = int64_t(std::ceil((end.real() - start.real()) / step.real()));
  return generate<double>("arange", n, dtype, device,
                          [s = start.real(), d = step.real()](int64_t i) { return s + double(i) * d; });
}

Tensor linspace(double start, double end, int64_t steps, DType dtype, Device device) {
  if (steps < 0) fail<RuntimeError>("linspace", "steps must not be negative, got ", steps);
  double d = steps > 1 ? (end - start) / double(steps - 1) : 0;
  return generate<double>("linspace", steps, dtype, device, [=](int64_t i) {
    return i < steps / 2 || steps == 1 ? start + double(i) * d : end - double(steps - 1 - i) * d;
  });
}

Tensor eye(int64_t n, int64_t m, DType dtype, Device device) {
  if (n < 0 || m < 0) fail<RuntimeError>("eye", "sizes must not be negative, got (", n, ", ", m, ")");
  Tensor t = zeros({n, m}, dtype, device);
  if (int64_t k = std::min(n, m)) {
    Tensor d = alias(t, {k}, {m + 1}, 0);
    launch("eye", device, [d = d.view()](Backend& b) { b.fill(d, Number{true, 1, 0}); });
  }
  return t;
}

Tensor tril(const Tensor& x, int64_t diagonal) {
  return where(triangle("tril", x, diagonal, true), x, number(int64_t(0), DType::Bool, x.device()));
}
Tensor triu(const Tensor& x, int64_t diagonal) {
  return where(triangle("triu", x, diagonal, false), x, number(int64_t(0), DType::Bool, x.device()));
}

Tensor strided_positions(const Shape& from, const Shape& shape, const Strides& strides, int64_t offset, Device device) {
  Tensor all = arange({true, 0, 0}, {true, numel(from), 0}, {true, 1, 0}, DType::Int64, device);
  Tensor picked = empty(shape, DType::Int64, device);
  copy_data("positions", alias(all, shape, strides, offset), picked);
  return picked;
}

}  // namespace deepnet
