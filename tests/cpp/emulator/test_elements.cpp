#include "operands.h"

namespace deepnet {
namespace {

using Outputs = std::vector<Operand>&;

constexpr DType kAll[] = {DType::Bool,  DType::UInt8,   DType::Int8,     DType::Int16,   DType::Int32,
                          DType::Int64, DType::Float16, DType::BFloat16, DType::Float32, DType::Float64};

int arity_of(MapOp op) {
  if (op < MapOp::Add) return 1;
  if (op < MapOp::Where) return 2;
  if (op < MapOp::Addcmul) return 3;
  if (op < MapOp::Elu) return 4;
  if (op == MapOp::Elu) return 4;
  if (op == MapOp::Softplus) return 3;
  if (op < MapOp::LeakyReluGrad) return 2;
  if (op == MapOp::LeakyReluGrad) return 3;
  return op == MapOp::EluGrad ? 5 : 4;
}

TEST(Emulated, Map) {
  for (int i = 0; i < int(MapOp::Count); ++i) {
    const MapOp op = MapOp(i);
    const int count = arity_of(op);
    for (DType t : {DType::Float32, DType::Float64, DType::BFloat16, DType::Int64}) {
      const DType compute = t == DType::BFloat16 ? DType::Float32 : t;
      const bool only_integer = op == MapOp::BitwiseNot || (op >= MapOp::BitwiseAnd && op <= MapOp::Lcm);
      if (only_integer && is_floating(t)) continue;
      std::vector<Operand> operands;
      for (int k = 0; k < count; ++k) operands.push_back(random(t, {7, 203}, 10 * i + k, 1, 6));
      std::vector<View> flat, strided;
      for (int k = 0; k < count; ++k) {
        flat.push_back(operands[size_t(k)].view);
        strided.push_back(operands[size_t(k)].view);
        if (k == count - 1 && count > 1) flat.back().strides = {0, 0};
        if (k == 0) strided.back().strides = {0, 1};
      }
      SCOPED_TRACE(testing::Message() << "operator " << i);
      try {
        Operand probe(t, {7, 203});
        cpu().map(op, compute, flat.data(), count, probe);
      } catch (const std::exception&) {
        EXPECT_ANY_THROW(emulated().map(op, compute, flat.data(), count, Operand(t, {7, 203})));
        continue;
      }
      both("map", {Operand(t, {7, 203})}, [&](Backend& b, Outputs y) { b.map(op, compute, flat.data(), count, y[0]); }, true);
      both(
          "map", {Operand(DType::Float32, {203, 7})},
          [&](Backend& b, Outputs y) { b.map(op, compute, strided.data(), count, permuted(y[0], {1, 0})); }, true);
    }
  }
}

TEST(Emulated, CopyAndFill) {
  for (DType from : kAll)
    for (DType to : kAll) {
      Operand x = random(from, {6, 40, 50}, 3, -300, 300);
      both("copy", {Operand(to, {6, 40, 50})}, [&](Backend& b, Outputs y) { b.copy(x, y[0]); }, true);
      both("copy", {Operand(to, {50, 6, 40})}, [&](Backend& b, Outputs y) { b.copy(permuted(x, {2, 0, 1}), y[0]); }, true);
      both("copy", {Operand(to, {6, 50, 40})}, [&](Backend& b, Outputs y) { b.copy(permuted(x, {0, 2, 1}), y[0]); }, true);
    }
  for (DType t : kAll)
    for (const Number v : {Number{true, 0, 0}, Number{true, 3, 0}, Number{false, 0, -1.7}})
      both(
          "fill", {Operand(t, {5, 33})},
          [&](Backend& b, Outputs y) {
            b.fill(y[0], Number{true, 0, 0});
            b.fill(permuted(y[0], {1, 0}), v);
          },
          true);
}

TEST(Emulated, RandomAndDropout) {
  Operand state(DType::Int64, {2});
  state.view.as<int64_t>()[0] = 12345;
  state.view.as<int64_t>()[1] = (int64_t(1) << 33) + 7;
  for (DType t : kFloats)
    for (RandomOp op : {RandomOp::Uniform, RandomOp::Normal, RandomOp::Bernoulli, RandomOp::Exponential})
      both("random", {Operand(t, {1003})}, [&](Backend& b, Outputs y) { b.random(op, state, y[0], 0.4, 1.7); }, true);
  for (DType t : {DType::UInt8, DType::Int32, DType::Int64}) {
    both("random", {Operand(t, {1003})}, [&](Backend& b, Outputs y) { b.random(RandomOp::Integers, state, y[0], -3, 90); });
    both("random", {Operand(t, {1003})}, [&](Backend& b, Outputs y) { b.random(RandomOp::Bernoulli, state, y[0], 0.3, 0); });
  }
  both("random", {Operand(DType::Int64, {77})},
       [&](Backend& b, Outputs y) { b.random(RandomOp::Integers, state, y[0], -1e17, 1e17); });
  for (DType t : kFloats) {
    const Operand x = random(t, {30, 41}, 2);
    both("dropout", {Operand(t, {30, 41})}, [&](Backend& b, Outputs y) { b.dropout(x, state, y[0], 0.3); }, true);
    both(
        "dropout", {Operand(t, {41, 30})}, [&](Backend& b, Outputs y) { b.dropout(permuted(x, {1, 0}), state, y[0], 0.3); },
        true);
  }
}

TEST(Emulated, Cells) {
  for (DType t : kFloats) {
    const Operand c = random(t, {5, 7}, 1), dh = random(t, {5, 7}, 2), dc = random(t, {5, 7}, 3), h = random(t, {5, 7}, 4);
    const Operand gates = random(t, {5, 28}, 5), gi = random(t, {5, 21}, 6), gh = random(t, {5, 21}, 7);
    both(
        "lstm", {gates, Operand(t, {5, 7}), Operand(t, {5, 7})},
        [&](Backend& b, Outputs y) { b.lstm_cell_forward(y[0], c, y[1], y[2]); }, true);
    for (const View& d : {dc.view, View()})
      both(
          "lstm_backward", {Operand(t, {5, 28}), Operand(t, {5, 7})},
          [&](Backend& b, Outputs y) { b.lstm_cell_backward(gates, h, c, dh, d, y[0], y[1]); }, true);
    both(
        "gru", {Operand(t, {5, 7}), Operand(t, {5, 28})},
        [&](Backend& b, Outputs y) { b.gru_cell_forward(gi, gh, h, y[0], y[1]); }, true);
    both(
        "gru_backward", {Operand(t, {5, 21}), Operand(t, {5, 21}), Operand(t, {5, 7})},
        [&](Backend& b, Outputs y) { b.gru_cell_backward(gates, h, dh, y[0], y[1], y[2]); }, true);
  }
}

TEST(Emulated, Optimizers) {
  struct Case {
    OptimizerOp op;
    int states;
    std::vector<double> hyper;
    bool flag;
  };
  const Case cases[] = {{OptimizerOp::SGD, 0, {0.1, 0, 0, 0.01, 0, 0.5}, false},
                        {OptimizerOp::SGD, 1, {0.1, 0.9, 0.1, 0.01, 1}, true},
                        {OptimizerOp::Adam, 2, {0.01, 0.9, 0.99, 1e-8, 0.01, 3}, false},
                        {OptimizerOp::AdamW, 3, {0.01, 0.9, 0.99, 1e-8, 0.01, 3}, true},
                        {OptimizerOp::RMSprop, 1, {0.01, 0.9, 1e-8, 0.01, 0}, false},
                        {OptimizerOp::RMSprop, 3, {0.01, 0.9, 1e-8, 0.01, 0.9}, true},
                        {OptimizerOp::Adagrad, 1, {0.01, 0.1, 0.01, 1e-8, 2}, false}};
  for (const Case& c : cases)
    for (DType t : kFloats) {
      const int count = 70;
      std::vector<Operand> all;
      for (int list = 0; list < 2 + c.states; ++list)
        for (int i = 0; i < count; ++i) {
          all.push_back(random(t, {1 + i * 37}, list * 100 + i));
          if (list >= 2) cpu().map(MapOp::Square, t == DType::Float64 ? t : DType::Float32, &all.back().view, 1, all.back());
        }
      Operand hyper(DType::Float64, {int64_t(c.hyper.size())});
      std::memcpy(hyper.view.data, c.hyper.data(), hyper.size());
      both(
          "optimizer_step", all,
          [&](Backend& b, Outputs y) {
            std::vector<View> views(y.begin(), y.end());
            OptimizerStep s{};
            s.op = c.op;
            s.count = count;
            s.param = &views[0];
            s.grad = &views[size_t(count)];
            for (int k = 0; k < c.states; ++k) s.state[k] = &views[size_t((2 + k) * count)];
            s.hyper = hyper;
            s.nesterov = s.amsgrad = s.centered = c.flag;
            b.optimizer_step(s);
          },
          true);
    }
}

}  // namespace
}  // namespace deepnet
