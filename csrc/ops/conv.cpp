#include "ops/conv.h"

#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {

/// The leading part of y in the given sizes: with output padding a convolution finds room for more windows than there were.
Tensor crop(Tensor y, const Shape& shape) {
  for (int i = 2; i < shape.n; ++i)
    if (y.size(i) != shape[i]) y = narrow(y, i, 0, shape[i]);
  return y;
}

struct Geometry {
  Dims stride, padding, dilation;
  int64_t groups;
};

ConvGeometry kernel_geometry(const Geometry& g) {
  ConvGeometry k;
  int lead = 3 - g.stride.n;
  for (int i = 0; i < 3; ++i) {
    k.stride[i] = i < lead ? 1 : g.stride.v[i - lead];
    k.padding[i] = i < lead ? 0 : g.padding.v[i - lead];
    k.dilation[i] = i < lead ? 1 : g.dilation.v[i - lead];
  }
  k.groups = g.groups;
  return k;
}

/// (N, C, *spatial) as (N, C, D, H, W).
View five(const Tensor& t) {
  Shape s{t.size(0), t.size(1)};
  for (int i = t.ndim(); i < 5; ++i) s.push_back(1);
  for (int i = 2; i < t.ndim(); ++i) s.push_back(t.size(i));
  return alias(t, s, contiguous_strides(s), t.impl()->offset).view();
}

View optional_view(const Tensor& t) { return t.defined() ? t.view() : View(); }

int64_t conv_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
  return (in + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}

void check(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const Geometry& g, int64_t in_channels,
           int64_t out_channels) {
  check_floating(op, "input", x);
  check_same_dtype(op, x, w);
  check_same_device(op, x, w);
  int n = x.ndim() - 2;
  if (n < 1 || n > 3 || w.ndim() != x.ndim())
    fail<RuntimeError>(op, "needs input (N, C, *spatial) and a weight of as many dims, 1 to 3 of them spatial, got ", x.shape(),
                       " and ", w.shape());
  if (g.stride.n != n || g.padding.n != n || g.dilation.n != n)
    fail<RuntimeError>(op, "stride, padding and dilation need ", n, " entries each, got ", g.stride, ", ", g.padding, " and ",
                       g.dilation);
  for (int i = 0; i < n; ++i) {
    if (g.stride.v[i] < 1 || g.dilation.v[i] < 1)
      fail<RuntimeError>(op, "stride and dilation must be positive, got ", g.stride, " and ", g.dilation);
    if (g.padding.v[i] < 0) fail<RuntimeError>(op, "padding must not be negative, got ", g.padding);
    if (w.size(i + 2) < 1) fail<RuntimeError>(op, "the kernel must not be empty, got weight ", w.shape());
  }
  if (g.groups < 1) fail<RuntimeError>(op, "groups must be positive, got ", g.groups);
  if (x.size(1) != in_channels)
    fail<RuntimeError>(op, "input has ", x.size(1), " channels, weight ", w.shape(), " with groups=", g.groups, " needs ",
                       in_channels);
  if (in_channels % g.groups || out_channels % g.groups)
    fail<RuntimeError>(op, "channels must be multiples of groups=", g.groups, ", got ", in_channels, " in and ", out_channels,
                       " out");
  if (bias.defined() && (bias.ndim() != 1 || bias.size(0) != out_channels))
    fail<RuntimeError>(op, "bias must have shape (", out_channels, ",), got ", bias.shape());
}

Tensor bias_gradient(const Tensor& dy) {
  Dims dims{0};
  for (int i = 2; i < dy.ndim(); ++i) dims.push_back(i);
  return reshape(sum_batch(dy, dims), {dy.size(1)});
}

Tensor forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Geometry& g);
Tensor input_grad(const Tensor& dy, const Tensor& w, const Tensor& bias, const Shape& x_shape, const Geometry& g);
Tensor weight_grad(const Tensor& x, const Tensor& dy, const Shape& w_shape, const Geometry& g);

/// The three products refer to each other: each one's gradients are the other two.
Tensor forward(const Tensor& x0, const Tensor& w0, const Tensor& bias, const Geometry& g) {
  Tensor x = contiguous(x0), w = contiguous(w0);
  Shape shape{x.size(0), w.size(0)};
  for (int i = 0; i < g.stride.n; ++i)
    shape.push_back(conv_size(x.size(i + 2), w.size(i + 2), g.stride.v[i], g.padding.v[i], g.dilation.v[i]));
  Tensor y = empty(shape, x.dtype(), x.device());
  if (y.numel()) {
    Tensor b = bias.defined() ? contiguous(detach(bias)) : Tensor();
    if (w.numel() == 0 || x.numel() == 0)
      launch("conv", x.device(), [y = y.view()](Backend& d) { d.fill(y, Number{true, 0, 0}); });
    else
      launch("conv", x.device(),
             [x = five(x), w = five(w), b = optional_view(b), y = five(y), k = kernel_geometry(g)](Backend& d) {
               d.conv_forward(x, w, b, y, k);
             });
  }
  if (wants_grad(x, w, bias))
    record("conv", {x, w, bias}, {y}, [x = saved(x), w = saved(w), g](const Backward& b) -> Tensors {
      Tensor tx = b.unpack(x), tw = b.unpack(w), dy = b.dy(0);
      return {b.needs(0) ? input_grad(dy, tw, Tensor(), tx.shape(), g) : Tensor(),
              b.needs(1) ? weight_grad(tx, dy, tw.shape(), g) : Tensor(), b.needs(2) ? bias_gradient(dy) : Tensor()};
    });
  return y;
}

Tensor input_grad(const Tensor& dy0, const Tensor& w0, const Tensor& bias, const Shape& x_shape, const Geometry& g) {
  Tensor dy = contiguous(dy0), w = contiguous(w0);
  Tensor dx = empty(x_shape, dy.dtype(), dy.device());
  if (dx.numel()) {
    Tensor b = bias.defined() ? contiguous(detach(bias)) : Tensor();
    if (dy.numel() == 0)
      launch("conv_transpose", dx.device(), [x = dx.view()](Backend& d) { d.fill(x, Number{true, 0, 0}); });
    else
      launch("conv_transpose", dx.device(),
             [dy = five(dy), w = five(w), b = optional_view(b), dx = five(dx), k = kernel_geometry(g)](Backend& d) {
               d.conv_input_grad(dy, w, b, dx, k);
             });
  }
  if (wants_grad(dy, w, bias))
    record("conv_transpose", {dy, w, bias}, {dx}, [dy = saved(dy), w = saved(w), g](const Backward& b) -> Tensors {
      Tensor tdy = b.unpack(dy), tw = b.unpack(w), ddx = b.dy(0);
      return {b.needs(0) ? crop(forward(ddx, tw, Tensor(), g), tdy.shape()) : Tensor(),
              b.needs(1) ? weight_grad(ddx, tdy, tw.shape(), g) : Tensor(), b.needs(2) ? bias_gradient(ddx) : Tensor()};
    });
  return dx;
}

Tensor weight_grad(const Tensor& x0, const Tensor& dy0, const Shape& w_shape, const Geometry& g) {
  Tensor x = contiguous(x0), dy = contiguous(dy0);
  Tensor dw = empty(w_shape, x.dtype(), x.device());
  if (dw.numel()) {
    if (x.numel() == 0 || dy.numel() == 0)
      launch("conv_weight_grad", dw.device(), [w = dw.view()](Backend& d) { d.fill(w, Number{true, 0, 0}); });
    else
      launch("conv_weight_grad", dw.device(), [x = five(x), dy = five(dy), dw = five(dw), k = kernel_geometry(g)](Backend& d) {
        d.conv_weight_grad(x, dy, dw, k);
      });
  }
  if (wants_grad(x, dy))
    record("conv_weight_grad", {x, dy}, {dw}, [x = saved(x), dy = saved(dy), g](const Backward& b) -> Tensors {
      Tensor tx = b.unpack(x), tdy = b.unpack(dy), ddw = b.dy(0);
      return {b.needs(0) ? input_grad(tdy, ddw, Tensor(), tx.shape(), g) : Tensor(),
              b.needs(1) ? crop(forward(tx, ddw, Tensor(), g), tdy.shape()) : Tensor()};
    });
  return dw;
}

}  // namespace

Tensor conv(const Tensor& input, const Tensor& weight, const Tensor& bias, const Dims& stride, const Dims& padding,
            const Dims& dilation, int64_t groups) {
  if (!is_floating(input.dtype()) && !is_floating(weight.dtype()))  // integers by way of float64, exact up to 2^53
    return to(conv(to(input, DType::Float64), to(weight, DType::Float64), bias.defined() ? to(bias, DType::Float64) : bias,
                   stride, padding, dilation, groups),
              input.dtype());
  Geometry g{stride, padding, dilation, groups};
  check("conv", input, weight, bias, g, weight.ndim() > 1 ? weight.size(1) * groups : 0, weight.ndim() ? weight.size(0) : 0);
  for (int i = 0; i < stride.n; ++i)
    if (input.size(i + 2) + 2 * padding.v[i] < dilation.v[i] * (weight.size(i + 2) - 1) + 1)
      fail<RuntimeError>("conv", "kernel ", weight.shape(), " with dilation ", dilation, " exceeds input ", input.shape(),
                         " padded by ", padding);
  return forward(input, weight, bias, g);
}

Tensor conv_transpose(const Tensor& input, const Tensor& weight, const Tensor& bias, const Dims& stride, const Dims& padding,
                      const Dims& output_padding, int64_t groups, const Dims& dilation) {
  if (!is_floating(input.dtype()) && !is_floating(weight.dtype()))
    return to(
        conv_transpose(to(input, DType::Float64), to(weight, DType::Float64), bias.defined() ? to(bias, DType::Float64) : bias,
                       stride, padding, output_padding, groups, dilation),
        input.dtype());
  Geometry g{stride, padding, dilation, groups};
  int64_t out_channels = weight.ndim() > 1 ? weight.size(1) * groups : 0;
  check("conv_transpose", input, weight, bias, g, weight.ndim() ? weight.size(0) : 0, out_channels);
  if (output_padding.n != stride.n)
    fail<RuntimeError>("conv_transpose", "output_padding needs ", stride.n, " entries, got ", output_padding);
  Shape shape{input.size(0), out_channels};
  for (int i = 0; i < stride.n; ++i) {
    if (output_padding.v[i] < 0 || (output_padding.v[i] >= stride.v[i] && output_padding.v[i] >= dilation.v[i]))
      fail<RuntimeError>("conv_transpose", "output_padding must be smaller than stride or dilation, got ", output_padding);
    int64_t size = (input.size(i + 2) - 1) * stride.v[i] - 2 * padding.v[i] + dilation.v[i] * (weight.size(i + 2) - 1) +
                   output_padding.v[i] + 1;
    if (size < 0)
      fail<RuntimeError>("conv_transpose", "the output would have a negative size; input ", input.shape(), ", padding ",
                         padding);
    shape.push_back(size);
  }
  return input_grad(input, weight, bias, shape, g);
}

}  // namespace deepnet
