#include "ops/rnn.h"

#include "autograd/recompose.h"
#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/random.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {

enum class Cell { LSTM, GRU, Tanh, Relu };

int gate_count(Cell c) { return c == Cell::LSTM ? 4 : c == Cell::GRU ? 3 : 1; }
const char* cell_name(Cell c) { return c == Cell::LSTM ? "lstm" : c == Cell::GRU ? "gru" : "rnn"; }

/// Step t of a (T, N, X) sequence, without history.
Tensor at(const Tensor& x, int64_t t) {
  return alias(x, {x.size(1), x.size(2)}, {x.stride(1), x.stride(2)}, x.impl()->offset + t * x.stride(0));
}

/// y (N, X) = a b + bias, all without history.
void step_product(const char* op, const Tensor& a, const Tensor& b, const Tensor& bias, const Tensor& y) {
  Shape three{1, y.size(0), y.size(1)};
  View bv = bias.defined() ? broadcast_view(bias, three) : View();
  auto wide = [](const Tensor& t) {
    View v = t.view();
    v.shape = {1, t.size(0), t.size(1)};
    v.strides = {0, t.stride(0), t.stride(1)};
    return v;
  };
  launch(op, y.device(), [a = wide(a), b = wide(b), bv, y = wide(y)](Backend& d) { d.matmul(a, b, bv, y, 0); });
}

struct Weights {
  Tensor ih, hh, bih, bhh;
};

/// The same recurrence from simple operators: for second derivatives.
Tensors composed(Cell cell, const Tensor& x, const Tensor& h0, const Tensor& c0, const Weights& w, bool reverse) {
  int64_t steps = x.size(0), hidden = h0.size(1);
  Tensor h = h0, c = c0;
  Tensors out(static_cast<size_t>(steps));
  auto gate = [&](const Tensor& g, int i) { return slice(g, 1, i * hidden, (i + 1) * hidden, 1); };
  for (int64_t k = 0; k < steps; ++k) {
    int64_t t = reverse ? steps - 1 - k : k;
    Tensor gi = linear(select(x, 0, t), w.ih, w.bih), gh = linear(h, w.hh, w.bhh);
    if (cell == Cell::LSTM) {
      Tensor g = add(gi, gh);
      c = add(mul(apply("sigmoid", gate(g, 1)), c), mul(apply("sigmoid", gate(g, 0)), apply("tanh", gate(g, 2))));
      h = mul(apply("sigmoid", gate(g, 3)), apply("tanh", c));
    } else if (cell == Cell::GRU) {
      Tensor r = apply("sigmoid", add(gate(gi, 0), gate(gh, 0))), z = apply("sigmoid", add(gate(gi, 1), gate(gh, 1)));
      Tensor n = apply("tanh", add(gate(gi, 2), mul(r, gate(gh, 2))));
      h = add(mul(add(neg(z), 1.0), n), mul(z, h));
    } else {
      h = apply(cell == Cell::Tanh ? "tanh" : "relu", add(gi, gh));
    }
    out[size_t(t)] = h;
  }
  return {stack(out, 0), h, c};
}

/// What a layer's forward leaves for its backward.
struct Trace {
  Tensor states;  // (T, N, H): h after every step
  Tensor cells;   // LSTM: c after every step
  Tensor gates;   // LSTM (T, N, 4H) activated; GRU (T, N, 4H): r, z, n, hidden part of n
};

/// One direction of one layer. x (T, N, F), h0 and c0 (N, H).
class Layer {
 public:
  Layer(Cell cell, bool reverse) : cell_(cell), reverse_(reverse), op_(cell_name(cell)) {}

  /// h of every step (T, N, H), the last h, the last c.
  Tensors run(const Tensor& x0, const Tensor& h00, const Tensor& c00, const Weights& w) const {
    Tensor x = contiguous(x0), h0 = contiguous(h00), c0 = c00.defined() ? contiguous(c00) : c00;
    Trace trace = forward(detach(x), detach(h0), c0.defined() ? detach(c0) : c0, w);
    int64_t last = reverse_ ? 0 : x.size(0) - 1;
    Tensor y = trace.states, hn = copy_of_step(trace.states, last),
           cn = cell_ == Cell::LSTM ? copy_of_step(trace.cells, last) : Tensor();
    if (!wants_grad(x, h0, c0, w.ih, w.hh, w.bih, w.bhh)) return {y, hn, cn};
    Tensors outputs{y, hn};
    if (cn.defined()) outputs.push_back(cn);
    Layer self = *this;
    record(op_, Tensors{x, h0, c0, w.ih, w.hh, w.bih, w.bhh}, outputs,
           [self, x = saved(x), h0 = saved(h0), c0 = saved(c0), ih = saved(w.ih), hh = saved(w.hh), bih = saved(w.bih),
            bhh = saved(w.bhh), states = saved(y), cells = trace.cells, gates = trace.gates](const Backward& b) -> Tensors {
             Weights w{b.unpack(ih), b.unpack(hh), b.unpack(bih), b.unpack(bhh)};
             Tensor tx = b.unpack(x), th = b.unpack(h0), tc = b.unpack(c0);
             std::vector<Tensor> dys{b.dy(0), b.dy(1), tc.defined() ? b.dy(2) : Tensor()};
             if (b.create_graph())
               return recomposed_gradient({tx, th, tc, w.ih, w.hh, w.bih, w.bhh}, dys,
                                          [&] { return composed(self.cell_, tx, th, tc, w, self.reverse_); });
             return self.backward(b, {b.unpack(states), cells, gates}, tx, th, tc, w, dys);
           });
    return {y, hn, cn};
  }

 private:
  static Tensor copy_of_step(const Tensor& x, int64_t t) {
    Tensor y = empty({x.size(1), x.size(2)}, x.dtype(), x.device());
    copy_data("rnn", at(x, t), y);
    return y;
  }

  Trace forward(const Tensor& x, const Tensor& h0, const Tensor& c0, const Weights& w) const {
    GradGuard off(false);
    int64_t steps = x.size(0), n = x.size(1), hidden = h0.size(1), rows = gate_count(cell_) * hidden;
    Trace t;
    t.states = empty({steps, n, hidden}, x.dtype(), x.device());
    // The inputs of all steps at once; biases that only add ride along.
    Tensor bias = w.bih;
    if (w.bih.defined() && cell_ != Cell::GRU) bias = add(detach(w.bih), detach(w.bhh));
    Tensor wide = product(op_, alias(x, {1, steps * n, x.size(2)}, {0, x.size(2), 1}, x.impl()->offset),
                          transpose(unsqueeze(detach(w.ih), 0), 1, 2), bias, 0);
    Tensor gi = alias(wide, {steps, n, rows}, {n * rows, rows, 1}, 0), hh = transpose(detach(w.hh), 0, 1);
    Device device = x.device();
    if (cell_ == Cell::LSTM) {
      t.cells = empty({steps, n, hidden}, x.dtype(), device);
      t.gates = empty({steps, n, rows}, x.dtype(), device);
    } else if (cell_ == Cell::GRU) {
      t.gates = empty({steps, n, 4 * hidden}, x.dtype(), device);
    }
    Tensor gh = cell_ == Cell::GRU ? empty({n, rows}, x.dtype(), device) : Tensor();
    Tensor h = h0, c = c0;
    for (int64_t k = 0; k < steps; ++k) {
      int64_t s = reverse_ ? steps - 1 - k : k;
      Tensor next = at(t.states, s), in = at(gi, s);
      if (cell_ == Cell::LSTM) {
        Tensor gates = at(t.gates, s), cell = at(t.cells, s);
        step_product(op_, h, hh, in, gates);
        launch(op_, device, [g = gates.view(), p = c.view(), c = cell.view(), h = next.view()](Backend& b) {
          b.lstm_cell_forward(g, p, c, h);
        });
        c = cell;
      } else if (cell_ == Cell::GRU) {
        step_product(op_, h, hh, w.bhh.defined() ? detach(w.bhh) : Tensor(), gh);
        launch(op_, device,
               [gi = in.view(), gh = gh.view(), p = h.view(), h = next.view(), g = at(t.gates, s).view()](Backend& b) {
                 b.gru_cell_forward(gi, gh, p, h, g);
               });
      } else {
        step_product(op_, h, hh, in, next);
        MapOp f = cell_ == Cell::Tanh ? MapOp::Tanh : MapOp::Relu;
        run_map(op_, f, x.dtype(), {next}, &next);
      }
      h = next;
    }
    return t;
  }

  Tensors backward(const Backward& b, const Trace& t, const Tensor& x, const Tensor& h0, const Tensor& c0, const Weights& w,
                   const std::vector<Tensor>& dys) const {
    int64_t steps = x.size(0), n = x.size(1), hidden = h0.size(1), rows = gate_count(cell_) * hidden;
    Device device = x.device();
    DType dtype = x.dtype();
    Tensor dgi = empty({steps, n, rows}, dtype, device);
    Tensor dgh = cell_ == Cell::GRU ? empty({steps, n, rows}, dtype, device) : dgi;
    Tensor dy = dys[0].defined() ? contiguous(dys[0]) : Tensor();
    Tensor dh = dys[1].defined() ? copy_data_of(dys[1]) : zeros({n, hidden}, dtype, device);
    Tensor dc = cell_ == Cell::LSTM ? (dys[2].defined() ? copy_data_of(dys[2]) : zeros({n, hidden}, dtype, device)) : Tensor();
    Tensor dc_next = dc.defined() ? empty_like(dc) : Tensor(), partial = empty({n, hidden}, dtype, device);
    for (int64_t k = steps - 1; k >= 0; --k) {
      int64_t s = reverse_ ? steps - 1 - k : k, before = reverse_ ? s + 1 : s - 1;
      Tensor previous = k == 0 ? h0 : at(t.states, before), now = at(t.states, s);
      if (dy.defined()) run_map(op_, MapOp::Add, dtype, {dh, at(dy, s)}, &dh);
      Tensor di = at(dgi, s), dg = at(dgh, s);
      if (cell_ == Cell::LSTM) {
        Tensor c_before = k == 0 ? c0 : at(t.cells, before);
        launch(op_, device,
               [g = at(t.gates, s).view(), p = c_before.view(), c = at(t.cells, s).view(), dh = dh.view(), dc = dc.view(),
                dg = di.view(), dp = dc_next.view()](Backend& d) { d.lstm_cell_backward(g, p, c, dh, dc, dg, dp); });
        std::swap(dc, dc_next);
        step_product(op_, dg, w.hh, Tensor(), dh);
      } else if (cell_ == Cell::GRU) {
        launch(op_, device,
               [g = at(t.gates, s).view(), p = previous.view(), dh = dh.view(), di = di.view(), dg = dg.view(),
                dp = partial.view()](Backend& d) { d.gru_cell_backward(g, p, dh, di, dg, dp); });
        step_product(op_, dg, w.hh, partial, dh);
      } else {
        run_map(op_, cell_ == Cell::Tanh ? MapOp::TanhGrad : MapOp::ReluGrad, dtype, {dh, now}, &di);
        step_product(op_, dg, w.hh, Tensor(), dh);
      }
    }
    // Weight gradients: one product each over all steps and samples.
    Tensor flat_i = alias(dgi, {1, steps * n, rows}, {0, rows, 1}, 0),
           flat_h = alias(dgh, {1, steps * n, rows}, {0, rows, 1}, 0);
    Tensor dx, dih, dhh, dbi, dbh;
    if (b.needs(0)) dx = reshape(product(op_, flat_i, unsqueeze(w.ih, 0), Tensor(), 0), x.shape());
    Tensor flat_x = alias(x, {1, steps * n, x.size(2)}, {0, x.size(2), 1}, x.impl()->offset);
    if (b.needs(3)) dih = select(product(op_, transpose(flat_i, 1, 2), flat_x, Tensor(), 64), 0, 0);
    if (b.needs(4)) {
      Tensor before = empty({steps, n, hidden}, dtype, device);  // the state that each step started from
      copy_data(op_, h0, at(before, reverse_ ? steps - 1 : 0));
      if (steps > 1) {
        Shape most{steps - 1, n, hidden};
        Strides st = contiguous_strides(most);
        int64_t stride = n * hidden;
        copy_data(op_, alias(t.states, most, st, t.states.impl()->offset + (reverse_ ? stride : 0)),
                  alias(before, most, st, reverse_ ? 0 : stride));
      }
      dhh = select(
          product(op_, transpose(flat_h, 1, 2), alias(before, {1, steps * n, hidden}, {0, hidden, 1}, 0), Tensor(), 64), 0, 0);
    }
    if (b.needs(5)) dbi = reshape(sum_batch(reshape(flat_i, {steps * n, rows}), Dims{0}), {rows});
    if (b.needs(6))
      dbh = cell_ == Cell::GRU ? reshape(sum_batch(reshape(flat_h, {steps * n, rows}), Dims{0}), {rows})
            : dbi.defined()    ? copy_data_of(dbi)
                               : reshape(sum_batch(reshape(flat_i, {steps * n, rows}), Dims{0}), {rows});
    return {dx, dh, dc, dih, dhh, dbi, dbh};
  }

  static Tensor copy_data_of(const Tensor& x) {
    Tensor y = empty_like(x);
    copy_data("rnn", x, y);
    return y;
  }

  Cell cell_;
  bool reverse_;
  const char* op_;
};

void check(Cell cell, const Tensor& input, const Tensor& h0, const Tensor& c0, const Tensors& weights, bool has_biases,
           int64_t layers, int directions) {
  const char* op = cell_name(cell);
  check_floating(op, "input", input);
  if (input.ndim() != 3) fail<RuntimeError>(op, "input must be (T, N, features), got shape ", input.shape());
  if (input.size(0) == 0) fail<RuntimeError>(op, "needs at least 1 step, got input ", input.shape());
  size_t each = has_biases ? 4 : 2;
  if (weights.size() != each * size_t(layers * directions))
    fail<RuntimeError>(op, "needs ", each * size_t(layers * directions), " weights, got ", weights.size());
  int64_t hidden = weights[1].size(1);
  Shape state{layers * directions, input.size(1), hidden};
  for (const Tensor* s : {&h0, &c0})
    if (s->defined() && !(s->shape() == state))
      fail<RuntimeError>(op, "initial states must have shape ", state, ", got ", s->shape());
  for (int64_t l = 0; l < layers; ++l)
    for (int d = 0; d < directions; ++d) {
      const Tensor& ih = weights[size_t(l * directions + d) * each];
      int64_t expected = l == 0 ? input.size(2) : hidden * directions;
      if (ih.ndim() != 2 || ih.size(1) != expected)
        fail<RuntimeError>(op, "layer ", l, " needs an input weight of ", expected, " columns, got ", ih.shape());
      check_same_dtype(op, input, ih);
    }
}

std::tuple<Tensor, Tensor, Tensor> run_layers(Cell cell, const Tensor& input, const Tensor& h0, const Tensor& c0,
                                              const Tensors& weights, bool has_biases, int64_t layers, double dropout_p,
                                              bool training, bool bidirectional) {
  int directions = bidirectional ? 2 : 1;
  check(cell, input, h0, c0, weights, has_biases, layers, directions);
  size_t each = has_biases ? 4 : 2;
  Tensor x = input;
  Tensors hs, cs;
  for (int64_t l = 0; l < layers; ++l) {
    Tensors outs;
    for (int d = 0; d < directions; ++d) {
      int64_t i = l * directions + d;
      const Tensor* w = &weights[size_t(i) * each];
      Weights ws{w[0], w[1], has_biases ? w[2] : Tensor(), has_biases ? w[3] : Tensor()};
      Tensors r = Layer(cell, d == 1).run(x, select(h0, 0, i), c0.defined() ? select(c0, 0, i) : Tensor(), ws);
      outs.push_back(r[0]);
      hs.push_back(r[1]);
      if (r[2].defined()) cs.push_back(r[2]);
    }
    x = directions == 2 ? cat(outs, 2) : outs[0];
    if (l + 1 < layers) x = dropout(x, dropout_p, training);
  }
  return {x, stack(hs, 0), cs.empty() ? Tensor() : stack(cs, 0)};
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> lstm(const Tensor& input, const Tensor& h0, const Tensor& c0, const Tensors& weights,
                                        bool has_biases, int64_t layers, double dropout, bool training, bool bidirectional) {
  return run_layers(Cell::LSTM, input, h0, c0, weights, has_biases, layers, dropout, training, bidirectional);
}

std::pair<Tensor, Tensor> gru(const Tensor& input, const Tensor& h0, const Tensors& weights, bool has_biases, int64_t layers,
                              double dropout, bool training, bool bidirectional) {
  auto r = run_layers(Cell::GRU, input, h0, Tensor(), weights, has_biases, layers, dropout, training, bidirectional);
  return {std::get<0>(r), std::get<1>(r)};
}

std::pair<Tensor, Tensor> rnn(const Tensor& input, const Tensor& h0, const Tensors& weights, bool has_biases, int64_t layers,
                              double dropout, bool training, bool bidirectional, const std::string& nonlinearity) {
  if (nonlinearity != "tanh" && nonlinearity != "relu")
    fail("rnn", "nonlinearity must be 'tanh' or 'relu', got '", nonlinearity, "'");
  Cell cell = nonlinearity == "tanh" ? Cell::Tanh : Cell::Relu;
  auto r = run_layers(cell, input, h0, Tensor(), weights, has_biases, layers, dropout, training, bidirectional);
  return {std::get<0>(r), std::get<1>(r)};
}

}  // namespace deepnet
