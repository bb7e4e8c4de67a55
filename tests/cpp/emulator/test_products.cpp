#include "operands.h"

namespace deepnet {
namespace {

using Outputs = std::vector<Operand>&;

TEST(Emulated, Matmul) {
  struct Case {
    int64_t B, M, N, K, group;
  };
  const Case cases[] = {{1, 1, 1, 1, 0},      {2, 5, 7, 3, 0},       {1, 3, 200, 600, 0},   {1, 200, 3, 1030, 0},
                        {1, 130, 70, 40, 0},  {1, 17, 33, 1500, 0},  {3, 64, 64, 513, 0},   {1, 256, 256, 24, 0},
                        {1, 20, 20, 300, 64}, {1, 20, 9, 1000, 64},  {1, 33, 65, 129, 16},  {2, 18, 18, 3000, 700},
                        {1, 4, 4, 5000, 64},  {1, 300, 260, 530, 0}, {1, 140, 150, 640, 64}};
  for (const Case& c : cases)
    for (DType t : {DType::Float32, DType::Float64, DType::BFloat16, DType::Float16, DType::Int32})
      for (int layout = 0; layout < 4; ++layout) {
        if (t == DType::Int32 && layout > 1) continue;
        const Operand a = random(t, layout & 1 ? Shape{c.B, c.K, c.M} : Shape{c.B, c.M, c.K}, 1);
        const Operand b = random(t, layout & 2 ? Shape{c.B, c.N, c.K} : Shape{c.B, c.K, c.N}, 2);
        const Operand bias = random(t, {1, 1, c.N}, 3);
        View wide = bias;
        wide.shape = {c.B, c.M, c.N};
        wide.strides = {0, 0, 1};
        const View va = layout & 1 ? permuted(a, {0, 2, 1}) : a.view, vb = layout & 2 ? permuted(b, {0, 2, 1}) : b.view;
        SCOPED_TRACE(testing::Message() << c.B << " " << c.M << " " << c.N << " " << c.K << " group " << c.group << " layout "
                                        << layout);
        both("matmul", {Operand(t, {c.B, c.M, c.N})},
             [&](Backend& x, Outputs y) { x.matmul(va, vb, layout == 3 ? View() : wide, y[0], c.group); });
        if (layout == 2)
          both("matmul", {Operand(t, {c.B, c.N, c.M})},
               [&](Backend& x, Outputs y) { x.matmul(va, vb, wide, permuted(y[0], {0, 2, 1}), c.group); });
      }
}

TEST(Emulated, Convolution) {
  struct Case {
    int64_t n, c, o, size[3], kernel[3];
    ConvGeometry g;
  };
  const Case cases[] = {
      {2, 3, 5, {1, 7, 9}, {1, 3, 3}, {{1, 1, 1}, {0, 1, 1}, {1, 1, 1}, 1}},
      {1, 4, 6, {1, 12, 11}, {1, 3, 2}, {{1, 2, 2}, {0, 1, 0}, {1, 1, 2}, 2}},
      {3, 70, 20, {1, 6, 6}, {1, 3, 3}, {{1, 1, 1}, {0, 1, 1}, {1, 1, 1}, 1}},
      {2, 66, 24, {1, 5, 5}, {1, 3, 3}, {{1, 2, 2}, {0, 1, 1}, {1, 1, 1}, 1}},
      {2, 8, 8, {1, 9, 9}, {1, 3, 3}, {{1, 1, 1}, {0, 1, 1}, {1, 1, 1}, 8}},
      {2, 3, 4, {5, 6, 7}, {3, 2, 3}, {{2, 1, 2}, {1, 0, 1}, {1, 2, 1}, 1}},
      {2, 20, 140, {1, 14, 14}, {1, 1, 1}, {{1, 1, 1}, {0, 0, 0}, {1, 1, 1}, 1}},
  };
  for (const Case& c : cases)
    for (DType t : kFloats) {
      Shape xs{c.n, c.c, 0, 0, 0}, ys{c.n, c.o, 0, 0, 0};
      for (int a = 0; a < 3; ++a) {
        xs[2 + a] = c.size[a];
        ys[2 + a] = (c.size[a] + 2 * c.g.padding[a] - c.g.dilation[a] * (c.kernel[a] - 1) - 1) / c.g.stride[a] + 1;
      }
      const Shape ws{c.o, c.c / c.g.groups, c.kernel[0], c.kernel[1], c.kernel[2]};
      const Operand x = random(t, xs, 1), w = random(t, ws, 2), dy = random(t, ys, 3), bias = random(t, {c.o}, 4),
                    back = random(t, {c.c}, 5);
      SCOPED_TRACE(testing::Message() << "channels " << c.c << " to " << c.o);
      both("conv_forward", {Operand(t, ys)}, [&](Backend& b, Outputs y) { b.conv_forward(x, w, bias, y[0], c.g); });
      both("conv_input_grad", {Operand(t, xs)}, [&](Backend& b, Outputs y) { b.conv_input_grad(dy, w, back, y[0], c.g); });
      both("conv_weight_grad", {Operand(t, ws)}, [&](Backend& b, Outputs y) { b.conv_weight_grad(x, dy, y[0], c.g); });
    }
}

TEST(Emulated, Attention) {
  struct Case {
    int64_t B, T, S, D, E;
  };
  for (const Case& c : {Case{2, 5, 7, 4, 3}, Case{1, 64, 64, 16, 16}, Case{2, 100, 130, 40, 72}, Case{1, 3, 200, 33, 140}})
    for (DType t : kFloats)
      for (int mode = 0; mode < 3; ++mode) {
        const DType stats = t == DType::Float64 ? t : DType::Float32;
        const Operand q = random(t, {c.B, c.T, c.D}, 1), k = random(t, {c.B, c.S, c.D}, 2), v = random(t, {c.B, c.S, c.E}, 3);
        const Operand full = random(t, {1, c.T, c.S}, 4), dout = random(t, {c.B, c.T, c.E}, 5);
        View mask = full;
        mask.shape[0] = c.B;
        mask.strides[0] = 0;
        if (mode != 1) mask = View();
        const bool causal = mode == 2;
        std::vector<Operand> out{Operand(t, {c.B, c.T, c.E}), Operand(stats, {c.B, c.T})};
        cpu().attention_forward(q, k, v, mask, out[0], out[1], 0.3, causal);
        both("attention", out, [&](Backend& b, Outputs y) { b.attention_forward(q, k, v, mask, y[0], y[1], 0.3, causal); });
        both("attention_backward", {Operand(t, q.view.shape), Operand(t, k.view.shape), Operand(t, v.view.shape)},
             [&](Backend& b, Outputs y) {
               b.attention_backward(q, k, v, mask, out[0], out[1], dout, y[0], y[1], y[2], 0.3, causal);
             });
      }
}

}  // namespace
}  // namespace deepnet
