#include "operands.h"

namespace deepnet {
namespace {

using Outputs = std::vector<Operand>&;

TEST(Emulated, Reduce) {
  const Shape shapes[] = {{3, 1, 1},     {2, 37, 1}, {9, 1000, 1}, {5, 1024, 1}, {2, 1500, 1}, {1, 40000, 1},
                          {12, 3000, 1}, {2, 5, 7},  {1, 64, 3},   {1, 65, 33},  {2, 4500, 5}};
  for (const Shape& s : shapes)
    for (int op = 0; op < 8; ++op)
      for (DType t : {DType::Float32, DType::Float64, DType::BFloat16, DType::Int32, DType::Bool}) {
        const ReduceOp which = ReduceOp(op);
        const bool truth = which == ReduceOp::Any || which == ReduceOp::All;
        const bool keeps = which == ReduceOp::Min || which == ReduceOp::Max || is_floating(t);
        const Operand x = random(t, s, op + 17);
        both("reduce",
             {Operand(truth   ? DType::Bool
                      : keeps ? t
                              : DType::Int64,
                      {s[0], s[2]})},
             [&](Backend& b, Outputs y) { b.reduce(which, x, y[0], 0); });
      }
}

TEST(Emulated, ReduceStrided) {
  const Operand x = random(DType::Float32, {40, 3, 1100}, 3);
  both("reduce", {Operand(DType::Float32, {40, 3})},
       [&](Backend& b, Outputs y) { b.reduce(ReduceOp::Sum, permuted(x, {0, 2, 1}), y[0], 0); });
  View turned = permuted(x, {1, 2, 0});
  both("reduce", {Operand(DType::Float32, {3, 40})},
       [&](Backend& b, Outputs y) { b.reduce(ReduceOp::SumSquares, turned, y[0], 7); });
  View rows = x.view;
  rows.shape = {1100, 120, 1};
  rows.strides = {1, 1100, 1};
  both("reduce", {Operand(DType::Float32, {1100, 1})}, [&](Backend& b, Outputs y) { b.reduce(ReduceOp::Sum, rows, y[0], 0); });
}

TEST(Emulated, ArgReduceAndScan) {
  for (const Shape& s : {Shape{3, 50, 1}, Shape{2, 2500, 1}, Shape{2, 9, 11}, Shape{1, 5, 5000}})
    for (DType t : {DType::Float32, DType::Float64, DType::Float16, DType::Int64, DType::UInt8}) {
      const Operand x = random(t, s, 5, -3, 3);
      for (bool largest : {false, true})
        both("arg_reduce", {Operand(t, {s[0], s[2]}), Operand(DType::Int64, {s[0], s[2]})},
             [&](Backend& b, Outputs y) { b.arg_reduce(largest, x, y[0], y[1]); });
      const DType sums = is_floating(t) ? t : DType::Int64;
      for (ScanOp op : {ScanOp::Sum, ScanOp::Prod, ScanOp::LogSumExp}) {
        if (op == ScanOp::LogSumExp && !is_floating(t)) continue;
        both("scan", {Operand(sums, s)}, [&](Backend& b, Outputs y) { b.scan(op, x, y[0], View()); }, true);
      }
      for (ScanOp op : {ScanOp::Min, ScanOp::Max})
        both("scan", {Operand(t, s), Operand(DType::Int64, s)}, [&](Backend& b, Outputs y) { b.scan(op, x, y[0], y[1]); });
    }
}

TEST(Emulated, SoftmaxAndLoss) {
  for (DType t : kFloats)
    for (const Shape& s : {Shape{9, 1}, Shape{5, 10}, Shape{3, 1000}, Shape{2, 3333}}) {
      const Operand x = random(t, s, 11), dy = random(t, s, 12);
      for (bool log : {false, true}) {
        both("softmax", {Operand(t, s)}, [&](Backend& b, Outputs y) { b.softmax_forward(x, y[0], log); });
        both("softmax_backward", {Operand(t, s)}, [&](Backend& b, Outputs y) { b.softmax_backward(x, dy, y[0], log); });
      }
      Operand target = random(DType::Int64, {s[0]}, 13, 0, double(s[1] - 1));
      target.view.as<int64_t>()[0] = -100;
      const DType stats = t == DType::Float64 ? t : DType::Float32;
      const Operand lse = random(stats, {s[0]}, 14), dloss = random(t, {s[0]}, 15);
      both("cross_entropy", {Operand(t, {s[0]}), Operand(stats, {s[0]})},
           [&](Backend& b, Outputs y) { b.cross_entropy_forward(x, target, y[0], y[1], -100); });
      both("cross_entropy_backward", {Operand(t, s)},
           [&](Backend& b, Outputs y) { b.cross_entropy_backward(x, target, lse, dloss, y[0], -100); });
    }
}

TEST(Emulated, TargetOutOfRange) {
  const Operand x = random(DType::Float32, {3, 4}, 1), target = random(DType::Int64, {3}, 2, 4, 4);
  Operand loss(DType::Float32, {3}), lse(DType::Float32, {3});
  emulated().cross_entropy_forward(x, target, loss, lse, -100);
  EXPECT_ANY_THROW(emulated().synchronize());
  EXPECT_NO_THROW(emulated().synchronize());
}

TEST(Emulated, LayerNorm) {
  for (DType t : kFloats)
    for (const Shape& s : {Shape{3, 5}, Shape{130, 33}, Shape{4, 1024}, Shape{3, 2600}})
      for (bool rms : {false, true}) {
        const DType stats = t == DType::Float64 ? t : DType::Float32;
        const Operand x = random(t, s, 1), dy = random(t, s, 2), w = random(t, {s[1]}, 3), b0 = random(t, {s[1]}, 4);
        both("layer_norm", {Operand(t, s), Operand(stats, {s[0]}), Operand(stats, {s[0]})},
             [&](Backend& b, Outputs y) { b.layer_norm_forward(x, w, rms ? View() : b0, y[0], y[1], y[2], 1e-5, rms); });
        const Operand mean = random(stats, {s[0]}, 5), rstd = random(stats, {s[0]}, 6);
        both("layer_norm_backward", {Operand(t, s), Operand(t, {s[1]}), Operand(t, {s[1]})}, [&](Backend& b, Outputs y) {
          b.layer_norm_backward(dy, x, w, mean, rstd, y[0], y[1], rms ? View() : y[2], rms, rms ? 16 : 0);
          if (rms) std::memset(y[2].view.data, 0, y[2].size());
        });
      }
}

TEST(Emulated, BatchNorm) {
  for (DType t : kFloats)
    for (const Shape& s :
         {Shape{5, 3, 1}, Shape{200, 7, 1}, Shape{9, 4, 10}, Shape{70, 3, 49}, Shape{3, 5, 300}, Shape{2, 2, 1500}}) {
      const DType stats = t == DType::Float64 ? t : DType::Float32;
      const Operand x = random(t, s, 1), dy = random(t, s, 2), w = random(t, {s[1]}, 3), b0 = random(t, {s[1]}, 4);
      const Operand mean = random(stats, {s[1]}, 5), rstd = random(stats, {s[1]}, 6);
      both("batch_norm_stats", {Operand(stats, {s[1]}), Operand(stats, {s[1]})},
           [&](Backend& b, Outputs y) { b.batch_norm_stats(x, y[0], y[1]); });
      both("batch_norm", {Operand(t, s)}, [&](Backend& b, Outputs y) { b.batch_norm_apply(x, mean, rstd, w, b0, y[0]); });
      for (bool training : {false, true})
        both("batch_norm_backward", {Operand(t, s), Operand(t, {s[1]}), Operand(t, {s[1]})},
             [&](Backend& b, Outputs y) { b.batch_norm_backward(dy, x, mean, rstd, w, y[0], y[1], y[2], training); });
    }
}

}  // namespace
}  // namespace deepnet
