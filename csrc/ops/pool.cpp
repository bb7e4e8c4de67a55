#include "ops/pool.h"

#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {

/// (N, C, *spatial) as (N * C, D, H, W).
Shape planes(const Shape& s) {
  Shape p{s.v[0] * s.v[1]};
  for (int i = s.n; i < 5; ++i) p.push_back(1);
  for (int i = 2; i < s.n; ++i) p.push_back(s.v[i]);
  return p;
}

View planes_of(const Tensor& t) {
  Shape s = planes(t.shape());
  return alias(t, s, contiguous_strides(s), t.impl()->offset).view();
}

void check(const char* op, const Tensor& x, int n) {
  check_floating(op, "input", x);
  if (n < 1 || n > 3 || x.ndim() != n + 2)
    fail<RuntimeError>(op, "needs input (N, C, *spatial) with ", n, " spatial dims, got shape ", x.shape());
}

Dims filled_in(const char* op, const char* what, const Dims& given, int n, int64_t fallback, const Dims* other = nullptr) {
  if (given.empty()) return other ? *other : Dims::filled(n, fallback);
  if (given.n == n) return given;
  if (given.n == 1) return Dims::filled(n, given.v[0]);
  fail<RuntimeError>(op, what, " needs 1 or ", n, " entries, got ", given);
}

PoolGeometry geometry(const char* op, const Tensor& x, const Dims& kernel, const Dims& stride, const Dims& padding,
                      const Dims& dilation, bool ceil_mode, Shape& out) {
  PoolGeometry g{};
  int n = x.ndim() - 2, lead = 3 - n;
  out = {x.size(0), x.size(1)};
  for (int i = 0; i < 3; ++i) {
    bool pad = i < lead;
    int64_t k = pad ? 1 : kernel.v[i - lead], s = pad ? 1 : stride.v[i - lead], p = pad ? 0 : padding.v[i - lead],
            d = pad ? 1 : dilation.v[i - lead];
    if (k < 1 || s < 1 || d < 1)
      fail<RuntimeError>(op, "kernel_size, stride and dilation must be positive, got ", kernel, ", ", stride, ", ", dilation);
    if (p < 0 || 2 * p > d * (k - 1) + 1)
      fail<RuntimeError>(op, "padding must be at most half the kernel, got ", padding, " for kernel_size ", kernel);
    g.kernel[i] = k;
    g.stride[i] = s;
    g.padding[i] = p;
    g.dilation[i] = d;
    if (pad) continue;
    int64_t in = x.size(i - lead + 2), span = in + 2 * p - d * (k - 1) - 1;
    int64_t size = (span + (ceil_mode ? s - 1 : 0)) / s + 1;
    if (span < 0 && !(ceil_mode && span + s - 1 >= 0)) size = 0;
    if (ceil_mode && size > 0 && (size - 1) * s >= in + p) --size;  // a window must start inside the input or its left padding
    if (size < 1) fail<RuntimeError>(op, "kernel_size ", kernel, " exceeds input ", x.shape(), " padded by ", padding);
    out.push_back(size);
  }
  return g;
}

/// Sums dy over the cells that `flat` (positions in the plane) chose.
Tensor scatter_planes(const Tensor& dy, const Tensor& flat, const Shape& x_shape) {
  Shape s = planes(x_shape);
  int64_t plane = s.v[1] * s.v[2] * s.v[3];
  Tensor rows = zeros({s.v[0], plane}, dy.dtype(), dy.device());
  Shape two{s.v[0], flat.numel() / std::max<int64_t>(s.v[0], 1)};
  return reshape(scatter_add(rows, 1, reshape(flat, two), reshape(dy, two)), x_shape);
}

Tensor max_pool_backward(const Tensor& dy0, const Tensor& window, const Shape& x_shape, const PoolGeometry& g) {
  Tensor dy = contiguous(dy0), dx = empty(x_shape, dy.dtype(), dy.device());
  if (dx.numel())
    launch("max_pool", dx.device(), [dy = planes_of(dy), w = planes_of(window), dx = planes_of(dx), g](Backend& b) {
      b.max_pool_backward(dy, w, dx, g);
    });
  return dx;
}

Tensor avg_pool_backward(const Tensor& dy, const Shape& x_shape, const PoolGeometry& g);

Tensor avg_pool_with(const Tensor& x0, const Shape& out, const PoolGeometry& g) {
  Tensor x = contiguous(x0), y = empty(out, x.dtype(), x.device());
  if (y.numel())
    launch("avg_pool", x.device(), [x = planes_of(x), y = planes_of(y), g](Backend& b) { b.avg_pool_forward(x, y, g); });
  if (wants_grad(x))
    record("avg_pool", {x}, {y},
           [from = x.shape(), g](const Backward& b) -> Tensors { return {avg_pool_backward(b.dy(0), from, g)}; });
  return y;
}

Tensor avg_pool_backward(const Tensor& dy0, const Shape& x_shape, const PoolGeometry& g) {
  Tensor dy = contiguous(dy0), dx = empty(x_shape, dy.dtype(), dy.device());
  if (dx.numel())
    launch("avg_pool", dx.device(),
           [dy = planes_of(dy), dx = planes_of(dx), g](Backend& b) { b.avg_pool_backward(dy, dx, g); });
  if (wants_grad(dy))
    record("avg_pool", {dy}, {dx},
           [out = dy.shape(), g](const Backward& b) -> Tensors { return {avg_pool_with(b.dy(0), out, g)}; });
  return dx;
}

Tensor adaptive_backward(const Tensor& dy, const Shape& x_shape);

Tensor adaptive_forward(const Tensor& x0, const Shape& out) {
  Tensor x = contiguous(x0), y = empty(out, x.dtype(), x.device());
  if (y.numel())
    launch("adaptive_avg_pool", x.device(),
           [x = planes_of(x), y = planes_of(y)](Backend& b) { b.adaptive_avg_pool_forward(x, y); });
  if (wants_grad(x))
    record("adaptive_avg_pool", {x}, {y},
           [from = x.shape()](const Backward& b) -> Tensors { return {adaptive_backward(b.dy(0), from)}; });
  return y;
}

Tensor adaptive_backward(const Tensor& dy0, const Shape& x_shape) {
  Tensor dy = contiguous(dy0), dx = empty(x_shape, dy.dtype(), dy.device());
  if (dx.numel()) {
    if (dy.numel() == 0)
      launch("adaptive_avg_pool", dx.device(), [x = dx.view()](Backend& b) { b.fill(x, Number{true, 0, 0}); });
    else
      launch("adaptive_avg_pool", dx.device(),
             [dy = planes_of(dy), dx = planes_of(dx)](Backend& b) { b.adaptive_avg_pool_backward(dy, dx); });
  }
  if (wants_grad(dy))
    record("adaptive_avg_pool", {dy}, {dx},
           [out = dy.shape()](const Backward& b) -> Tensors { return {adaptive_forward(b.dy(0), out)}; });
  return dx;
}

Shape adaptive_shape(const char* op, const Tensor& x, const Dims& sizes) {
  check(op, x, sizes.n);
  Shape out{x.size(0), x.size(1)};
  for (int i = 0; i < sizes.n; ++i) {
    if (sizes.v[i] < 0) fail<RuntimeError>(op, "output sizes must not be negative, got ", sizes);
    if (x.size(i + 2) == 0) fail<RuntimeError>(op, "spatial sizes must not be 0, got ", x.shape());
    out.push_back(sizes.v[i]);
  }
  return out;
}

}  // namespace

std::pair<Tensor, Tensor> max_pool(const Tensor& x0, const Dims& kernel0, const Dims& stride0, const Dims& padding0,
                                   const Dims& dilation0, bool ceil_mode, bool with_indices) {
  const char* op = "max_pool";
  if (!is_floating(x0.dtype())) {  // integers by way of float64, exact up to 2^53
    auto [y, indices] = max_pool(to(x0, DType::Float64), kernel0, stride0, padding0, dilation0, ceil_mode, with_indices);
    return {to(y, x0.dtype()), indices};
  }
  int n = x0.ndim() - 2;
  check(op, x0, n);
  Dims kernel = filled_in(op, "kernel_size", kernel0, n, 1), stride = filled_in(op, "stride", stride0, n, 1, &kernel),
       padding = filled_in(op, "padding", padding0, n, 0), dilation = filled_in(op, "dilation", dilation0, n, 1);
  Shape out;
  PoolGeometry g = geometry(op, x0, kernel, stride, padding, dilation, ceil_mode, out);
  Tensor x = contiguous(x0), y = empty(out, x.dtype(), x.device()), window, flat;
  bool grads = wants_grad(x);
  if (grads || with_indices)
    window = empty(out, g.kernel[0] * g.kernel[1] * g.kernel[2] <= 255 ? DType::UInt8 : DType::Int32, x.device());
  if (y.numel())
    launch(op, x.device(),
           [x = planes_of(x), y = planes_of(y), w = window.defined() ? planes_of(window) : View(), g](Backend& b) {
             b.max_pool_forward(x, y, w, g);
           });
  auto positions = [g, from = planes(x.shape())](const Tensor& w) {
    Tensor f = empty(w.shape(), DType::Int64, w.device());
    if (f.numel())
      launch("max_pool", w.device(),
             [w = planes_of(w), f = planes_of(f), from, g](Backend& b) { b.max_pool_indices(w, from, f, g); });
    return f;
  };
  if (with_indices) flat = positions(window);
  if (grads)
    record(op, {x}, {y}, [window, g, from = x.shape(), positions](const Backward& b) -> Tensors {
      if (b.create_graph()) return {scatter_planes(b.dy(0), positions(window), from)};
      return {max_pool_backward(b.dy(0), window, from, g)};
    });
  return {y, flat};
}

Tensor avg_pool(const Tensor& x, const Dims& kernel0, const Dims& stride0, const Dims& padding0, bool ceil_mode,
                bool count_include_pad, std::optional<int64_t> divisor_override) {
  const char* op = "avg_pool";
  if (!is_floating(x.dtype()))
    return to(avg_pool(to(x, DType::Float64), kernel0, stride0, padding0, ceil_mode, count_include_pad, divisor_override),
              x.dtype());
  int n = x.ndim() - 2;
  check(op, x, n);
  Dims kernel = filled_in(op, "kernel_size", kernel0, n, 1), stride = filled_in(op, "stride", stride0, n, 1, &kernel),
       padding = filled_in(op, "padding", padding0, n, 0);
  if (divisor_override && *divisor_override == 0) fail<RuntimeError>(op, "divisor_override must not be 0");
  Shape out;
  PoolGeometry g = geometry(op, x, kernel, stride, padding, Dims::filled(n, 1), ceil_mode, out);
  g.count_include_pad = count_include_pad;
  g.divisor_override = divisor_override.value_or(0);
  return avg_pool_with(x, out, g);
}

Tensor adaptive_avg_pool(const Tensor& x, const Dims& sizes) {
  return adaptive_forward(x, adaptive_shape("adaptive_avg_pool", x, sizes));
}

std::pair<Tensor, Tensor> adaptive_max_pool(const Tensor& x0, const Dims& sizes) {
  Shape out = adaptive_shape("adaptive_max_pool", x0, sizes);
  Tensor x = contiguous(x0), y = empty(out, x.dtype(), x.device()), flat = empty(out, DType::Int64, x.device());
  if (y.numel())
    launch("adaptive_max_pool", x.device(),
           [x = planes_of(x), y = planes_of(y), f = planes_of(flat)](Backend& b) { b.adaptive_max_pool_forward(x, y, f); });
  if (wants_grad(x))
    record("adaptive_max_pool", {x}, {y, flat},
           [flat, from = x.shape()](const Backward& b) -> Tensors { return {scatter_planes(b.dy(0), flat, from)}; });
  return {y, flat};
}

}  // namespace deepnet
