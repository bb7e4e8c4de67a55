#include "core/error.h"
#include "operands.h"

namespace deepnet {
namespace {

using Outputs = std::vector<Operand>&;

TEST(Emulated, GatherAndScatter) {
  for (DType t : {DType::Float32, DType::Float64, DType::BFloat16, DType::Int32, DType::UInt8}) {
    const Operand x = random(t, {9, 6, 20}, 1), index = random(DType::Int64, {4, 6, 20}, 2, 0, 8);
    both("gather", {Operand(t, {4, 6, 20})}, [&](Backend& b, Outputs y) { b.gather(x, index, y[0], 0); });
    const Operand rows = random(DType::Int64, {50}, 3, 0, 8);
    both("index_select", {Operand(t, {50, 6, 20})}, [&](Backend& b, Outputs y) { b.index_select(x, rows, y[0]); });
    both("index_select", {Operand(t, {50, 20, 6})},
         [&](Backend& b, Outputs y) { b.index_select(permuted(x, {0, 2, 1}), rows, y[0]); });
    for (ScatterOp op : {ScatterOp::Set, ScatterOp::Add, ScatterOp::Mul, ScatterOp::Min, ScatterOp::Max}) {
      const Operand few = random(t, {4, 6, 20}, 5, -2, 2), many = random(t, {3000}, 6, -2, 2),
                    slices = random(t, {50, 6, 20}, 7, -2, 2);
      const Operand where = random(DType::Int64, {3000}, 8, 0, 99);
      both("scatter", {x}, [&](Backend& b, Outputs y) { b.scatter(y[0], index, few, 0, op); }, true);
      both("scatter", {random(t, {100}, 9)}, [&](Backend& b, Outputs y) { b.scatter(y[0], where, many, 0, op); }, true);
      both("index_put", {x}, [&](Backend& b, Outputs y) { b.index_put(y[0], rows, slices, op); }, true);
    }
  }
  const Operand wide = random(DType::Float32, {3, 40, 1500}, 1), to = random(DType::Int64, {3, 40, 1500}, 2, 0, 9);
  both("scatter", {random(DType::Float32, {3, 10, 1500}, 3)},
       [&](Backend& b, Outputs y) { b.scatter(y[0], to, wide, 1, ScatterOp::Add); });
  const Operand deep = random(DType::Float32, {2, 700, 3}, 1), at = random(DType::Int64, {2, 700, 3}, 2, 0, 9);
  both("scatter", {random(DType::Float32, {2, 10, 3}, 3)},
       [&](Backend& b, Outputs y) { b.scatter(y[0], at, deep, 1, ScatterOp::Add); });
}

TEST(Emulated, IndexOutOfRange) {
  const Operand x = random(DType::Float32, {4, 3}, 1), index = random(DType::Int64, {2}, 2, 7, 7);
  Operand y(DType::Float32, {2, 3});
  emulated().index_select(x, index, y);
  try {
    emulated().synchronize();
    FAIL();
  } catch (const IndexError& e) {
    EXPECT_STREQ(e.what(), "index_select: index 7 is out of range for size 4");
  }
}

TEST(Emulated, Nonzero) {
  for (DType t : {DType::Bool, DType::Int32, DType::Float32, DType::BFloat16})
    for (int64_t n : {1, 100, 4096, 9001}) {
      const Operand x = random(t, {n}, 1, -1, 1);
      const int64_t count = cpu().count_nonzero(x);
      EXPECT_EQ(emulated().count_nonzero(x), count);
      both("nonzero", {Operand(DType::Int64, {count})}, [&](Backend& b, Outputs y) { b.nonzero(x, y[0]); });
    }
}

TEST(Emulated, Sort) {
  for (DType t : {DType::Float32, DType::Float64, DType::Float16, DType::Int64, DType::Int8, DType::UInt8})
    for (const Shape& s : {Shape{3, 1}, Shape{5, 100}, Shape{2, 1025}, Shape{1, 5000}}) {
      Operand x = random(t, s, 4, -20, 20);
      if (t == DType::Float32) {
        x.view.as<float>()[0] = NAN;
        if (s[1] > 50) x.view.as<float>()[50] = NAN;
      }
      for (bool flag : {false, true}) {
        both("sort", {Operand(t, s), Operand(DType::Int64, s)}, [&](Backend& b, Outputs y) { b.sort(x, y[0], y[1], flag); });
        for (int64_t k : {int64_t(1), s[1] / 3 + 1})
          both("topk", {Operand(t, {s[0], k}), Operand(DType::Int64, {s[0], k})},
               [&](Backend& b, Outputs y) { b.topk(x, y[0], y[1], flag); });
      }
      Operand sorted(t, s), order(DType::Int64, s);
      cpu().sort(x, sorted, order, false);
      const Operand values = random(t, {s[0], 40}, 6, -25, 25);
      for (bool right : {false, true})
        both("searchsorted", {Operand(DType::Int64, {s[0], 40})},
             [&](Backend& b, Outputs y) { b.searchsorted(sorted, values, y[0], right); });
    }
}

TEST(Emulated, Pools) {
  const PoolGeometry geometries[] = {{{1, 2, 2}, {1, 2, 2}, {0, 0, 0}, {1, 1, 1}, true, 0},
                                     {{1, 3, 3}, {1, 2, 1}, {0, 1, 1}, {1, 1, 2}, false, 0},
                                     {{2, 3, 2}, {1, 1, 2}, {1, 1, 0}, {1, 2, 1}, true, 5}};
  for (const PoolGeometry& g : geometries)
    for (DType t : kFloats) {
      const Shape xs{3, 4, 9, 11};
      Shape ys{3, 0, 0, 0};
      for (int a = 0; a < 3; ++a)
        ys[1 + a] = (xs[1 + a] + 2 * g.padding[a] - g.dilation[a] * (g.kernel[a] - 1) - 1) / g.stride[a] + 1;
      Operand x = random(t, xs, 1);
      if (t == DType::Float32) x.view.as<float>()[30] = NAN;
      const Operand dy = random(t, ys, 2);
      Operand window(DType::UInt8, ys), y0(t, ys);
      both("max_pool", {Operand(t, ys), window}, [&](Backend& b, Outputs y) { b.max_pool_forward(x, y[0], y[1], g); }, true);
      cpu().max_pool_forward(x, y0, window, g);
      both(
          "max_pool_backward", {Operand(t, xs)}, [&](Backend& b, Outputs y) { b.max_pool_backward(dy, window, y[0], g); },
          true);
      both("max_pool_indices", {Operand(DType::Int64, ys)},
           [&](Backend& b, Outputs y) { b.max_pool_indices(window, xs, y[0], g); });
      both("avg_pool", {Operand(t, ys)}, [&](Backend& b, Outputs y) { b.avg_pool_forward(x, y[0], g); }, true);
      both("avg_pool_backward", {Operand(t, xs)}, [&](Backend& b, Outputs y) { b.avg_pool_backward(dy, y[0], g); }, true);
      for (const Shape& s : {Shape{3, 1, 1, 1}, Shape{3, 2, 4, 5}, Shape{3, 4, 12, 11}}) {
        const Operand d = random(t, s, 3);
        both("adaptive_avg_pool", {Operand(t, s)}, [&](Backend& b, Outputs y) { b.adaptive_avg_pool_forward(x, y[0]); }, true);
        both(
            "adaptive_avg_pool_backward", {Operand(t, xs)},
            [&](Backend& b, Outputs y) { b.adaptive_avg_pool_backward(d, y[0]); }, true);
        both(
            "adaptive_max_pool", {Operand(t, s), Operand(DType::Int64, s)},
            [&](Backend& b, Outputs y) { b.adaptive_max_pool_forward(x, y[0], y[1]); }, true);
      }
    }
}

}  // namespace
}  // namespace deepnet
