#include "ops/elementwise.h"

#include <cstring>

#include "autograd/arithmetic.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/reduce.h"

namespace deepnet {

namespace {

DType result_dtype(Result kind, DType promoted) {
  if (kind == Result::Predicate) return DType::Bool;
  if (kind == Result::Floating && !is_floating(promoted)) return default_dtype();
  return promoted;
}

/// The type a kernel computes in: the result's, or for predicates the inputs'.
DType kernel_dtype(Result kind, DType promoted) {
  return compute_dtype(kind == Result::Predicate ? promoted : result_dtype(kind, promoted));
}

Tensor allocate(const Shape& shape, DType dtype, Device device, const Tensor* out,
                std::initializer_list<const Tensor*> inputs) {
  if (out && may_write(*out, shape, dtype, inputs)) return *out;
  return empty(shape, dtype, device);
}

Device common_device(const char* op, const Tensor& a, const Tensor& b) {
  if (a.device() == b.device()) return a.device();
  if (b.ndim() == 0 && b.device().is_cpu()) return a.device();
  if (a.ndim() == 0 && a.device().is_cpu()) return b.device();
  check_same_device(op, a, b);
  return a.device();
}

/// What a floating operator is for integers: they are whole, finite numbers already.
MapOp integer_form(MapOp op) {
  switch (op) {
    case MapOp::Floor:
    case MapOp::Ceil:
    case MapOp::Trunc:
    case MapOp::Round:
      return MapOp::Identity;
    case MapOp::Fmin:
      return MapOp::Minimum;
    case MapOp::Fmax:
      return MapOp::Maximum;
    default:
      return op;
  }
}

Tensor on(const Tensor& t, Device d) { return t.device() == d ? t : to(t, t.dtype(), d, false); }

}  // namespace

const UnaryRule& unary_rule(const char* name) {
  for (size_t i = 0; i < unary_rule_count; ++i)
    if (!std::strcmp(unary_rules[i].name, name)) return unary_rules[i];
  throw RuntimeError(join("no unary rule ", name));
}
const BinaryRule& binary_rule(const char* name) {
  for (size_t i = 0; i < binary_rule_count; ++i)
    if (!std::strcmp(binary_rules[i].name, name)) return binary_rules[i];
  throw RuntimeError(join("no binary rule ", name));
}

Tensor unary(const UnaryRule& rule, const Tensor& x, const Tensor* out) {
  check_defined(rule.name, "input", x);
  if (!is_floating(x.dtype())) {
    if (rule.op == MapOp::IsNan || rule.op == MapOp::IsInf || rule.op == MapOp::IsFinite)
      return full(x.shape(), Number{true, rule.op == MapOp::IsFinite, 0}, DType::Bool, x.device());
    if (rule.op == MapOp::Relu) return apply("maximum", x, number(int64_t(0), DType::Int64, x.device()));
  }
  // A bool has one bit: its complement is its negation.
  if (rule.op == MapOp::BitwiseNot && x.dtype() == DType::Bool) return unary(unary_rule("logical_not"), x, out);
  DType dtype = result_dtype(rule.result, x.dtype()), compute = kernel_dtype(rule.result, x.dtype());
  Tensor y = allocate(x.shape(), dtype, x.device(), out, {&x});
  if (y.numel())
    launch(rule.name, x.device(),
           [op = is_floating(x.dtype()) ? rule.op : integer_form(rule.op), compute, x = x.view(), y = y.view()](Backend& b) {
             b.map(op, compute, &x, 1, y);
           });
  if (rule.result != Result::Predicate && is_floating(dtype) && wants_grad(x))
    record(rule.name, {x}, {y},
           [&rule, x = rule.saves_x ? saved(x) : Saved(), y = rule.saves_y ? saved(y) : Saved()](const Backward& b) -> Tensors {
             if (rule.fused != MapOp::Count && !b.create_graph())
               return {run_map(rule.name, rule.fused, b.dy(0).dtype(), {b.dy(0), b.unpack(rule.saves_x ? x : y)})};
             return {rule.gradient(b.dy(0), b.unpack(x), b.unpack(y))};
           });
  return y;
}

Tensor binary(const BinaryRule& rule, const Tensor& a, const Tensor& b, const Tensor* out) {
  DType promoted = result_type(a, b), dtype = result_dtype(rule.result, promoted),
        compute = kernel_dtype(rule.result, promoted);
  if (rule.op == MapOp::Heaviside && !is_floating(promoted)) {
    Tensor zero = number(int64_t(0), DType::Int64, a.device());
    return where(eq(a, zero), b, to(gt(a, zero), promoted));
  }
  if (rule.integers_only && is_floating(promoted))
    fail<RuntimeError>(rule.name, "needs integers or bools, got ", name(promoted));
  Device device = common_device(rule.name, a, b);
  const Tensor &l = a.device() == device ? a : on(a, device), &r = b.device() == device ? b : on(b, device);
  Shape shape = a.shape() == b.shape() ? a.shape() : broadcast_shapes(rule.name, a.shape(), b.shape());
  Tensor y = allocate(shape, dtype, device, out, {&a, &b});
  if (y.numel()) {
    launch(rule.name, device,
           [op = is_floating(promoted) ? rule.op : integer_form(rule.op), compute, l = broadcast_view(l, shape),
            r = broadcast_view(r, shape), y = y.view()](Backend& d) {
             View in[2] = {l, r};
             d.map(op, compute, in, 2, y);
           });
  }
  if (rule.result != Result::Predicate && is_floating(dtype) && wants_grad(a, b))
    record(rule.name, {a, b}, {y},
           // A product needs each factor only for the other's gradient.
           [&rule, a = rule.saves_a && (rule.op != MapOp::Mul || requires_grad(b)) ? saved(a) : Saved(),
            b = rule.saves_b && (rule.op != MapOp::Mul || requires_grad(a)) ? saved(b) : Saved(),
            y = rule.saves_y ? saved(y) : Saved(), sa = a.shape(), sb = b.shape()](const Backward& g) -> Tensors {
             Tensor ta = g.unpack(a), tb = g.unpack(b), ty = g.unpack(y);
             return {g.needs(0) ? sum_to(rule.gradient_a(g.dy(0), ta, tb, ty), sa) : Tensor(),
                     g.needs(1) ? sum_to(rule.gradient_b(g.dy(0), ta, tb, ty), sb) : Tensor()};
           });
  return y;
}

Tensor unary_inplace(const UnaryRule& rule, const char* name, const Tensor& x) {
  Tensor old = old_value(name, x);
  if (old.is_same(x)) {
    Tensor y = unary(rule, detach(x), &x);
    if (!y.is_same(x)) {
      if (is_floating(y.dtype()) && !is_floating(x.dtype()))
        fail<RuntimeError>(name, "the result is ", deepnet::name(y.dtype()), " and cannot be stored in ",
                           deepnet::name(x.dtype()));
      copy_data(name, y, x);
    }
    x.written(name);
    return x;
  }
  assign(name, x, unary(rule, old));
  return x;
}

Tensor binary_inplace(const BinaryRule& rule, const char* name, const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape()) && !(broadcast_shapes(name, a.shape(), b.shape()) == a.shape()))
    fail<RuntimeError>(name, "the result has shape ", broadcast_shapes(name, a.shape(), b.shape()), ", which does not fit ",
                       a.shape());
  DType promoted = result_dtype(rule.result, result_type(a, b));
  if (promoted != a.dtype() && rule.result != Result::Predicate &&
      (is_floating(promoted) > is_floating(a.dtype()) || (a.dtype() == DType::Bool)))
    fail<RuntimeError>(name, "the result is ", deepnet::name(promoted), " and cannot be stored in ", deepnet::name(a.dtype()));
  if (rule.op == MapOp::FloorDiv || rule.op == MapOp::TruncDiv || rule.op == MapOp::Remainder || rule.op == MapOp::Fmod)
    refuse_zero(name, a, b);
  Tensor old = old_value(name, a, rule.saves_a && wants_grad(b));
  if (old.is_same(a) && !wants_grad(b)) {
    Tensor y = binary(rule, detach(a), b, &a);
    if (!y.is_same(a)) copy_data(name, y, a);
    a.written(name);
    return a;
  }
  assign(name, a, binary(rule, old.is_same(a) ? detach(a) : old, b.is_same(a) ? old : b));
  return a;
}

Tensor run_map(const char* name, MapOp op, DType dtype, std::initializer_list<Tensor> inputs, const Tensor* out) {
  Shape shape = inputs.begin()->shape();
  Device device = inputs.begin()->device();
  for (const Tensor& t : inputs) {
    if (!(t.shape() == shape)) shape = broadcast_shapes(name, shape, t.shape());
    if (!t.device().is_cpu()) device = t.device();
  }
  Tensor y = out ? *out : empty(shape, dtype, device);
  if (y.numel() == 0) return y;
  struct Inputs {
    View v[5];
  } in;
  int count = 0;
  for (const Tensor& t : inputs) in.v[count++] = broadcast_view(on(t, device), shape);
  launch(name, device,
         [op, compute = compute_dtype(dtype), in, count, y = y.view()](Backend& b) { b.map(op, compute, in.v, count, y); });
  return y;
}

namespace {
template <int N>
const BinaryRule& rule_of(const char* name) {
  static const BinaryRule& r = binary_rule(name);
  return r;
}
}  // namespace

Tensor add(const Tensor& a, const Tensor& b) { return binary(rule_of<0>("add"), a, b); }
Tensor sub(const Tensor& a, const Tensor& b) { return binary(rule_of<1>("sub"), a, b); }
Tensor mul(const Tensor& a, const Tensor& b) { return binary(rule_of<2>("mul"), a, b); }
Tensor div(const Tensor& a, const Tensor& b) { return binary(rule_of<3>("true_divide"), a, b); }
Tensor eq(const Tensor& a, const Tensor& b) { return binary(rule_of<4>("eq"), a, b); }
Tensor ne(const Tensor& a, const Tensor& b) { return binary(rule_of<5>("ne"), a, b); }
Tensor lt(const Tensor& a, const Tensor& b) { return binary(rule_of<6>("lt"), a, b); }
Tensor le(const Tensor& a, const Tensor& b) { return binary(rule_of<7>("le"), a, b); }
Tensor gt(const Tensor& a, const Tensor& b) { return binary(rule_of<8>("gt"), a, b); }
Tensor ge(const Tensor& a, const Tensor& b) { return binary(rule_of<9>("ge"), a, b); }
Tensor neg(const Tensor& x) {
  static const UnaryRule& r = unary_rule("neg");
  return unary(r, x);
}
Tensor add(const Tensor& a, double b) { return add(a, number(b, DType::Float64, a.device())); }
Tensor mul(const Tensor& a, double b) { return mul(a, number(b, DType::Float64, a.device())); }
Tensor apply(const char* name, const Tensor& x) { return unary(unary_rule(name), x); }
Tensor apply(const char* name, const Tensor& a, const Tensor& b) { return binary(binary_rule(name), a, b); }

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  if (condition.dtype() != DType::Bool && condition.dtype() != DType::UInt8)
    fail<RuntimeError>("where", "condition must be bool, got ", name(condition.dtype()));
  Tensor y = run_map("where", MapOp::Where, result_type(a, b), {condition, a, b});
  if (is_floating(y.dtype()) && wants_grad(a, b))
    record("where", {condition, a, b}, {y},
           [c = saved(condition), sa = a.shape(), sb = b.shape()](const Backward& g) -> Tensors {
             Tensor mask = g.unpack(c), zero = number(0.0, DType::Float64, mask.device());
             return {Tensor(), g.needs(1) ? sum_to(where(mask, g.dy(0), zero), sa) : Tensor(),
                     g.needs(2) ? sum_to(where(mask, zero, g.dy(0)), sb) : Tensor()};
           });
  return y;
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value) {
  if (mask.dtype() != DType::Bool) fail<RuntimeError>("masked_fill", "mask must be bool, got ", name(mask.dtype()));
  if (value.ndim() != 0) fail<RuntimeError>("masked_fill", "value must be a number or a 0-d tensor, got shape ", value.shape());
  if (is_floating(value.dtype()) && !is_floating(x.dtype()))
    fail<RuntimeError>("masked_fill", "a floating value cannot be stored in ", name(x.dtype()));
  return where(mask, to(value, x.dtype()), x);
}

namespace {

/// clamp with one bound; unlike maximum's, the gradient of an element that equals its bound is the element's alone.
Tensor clamp_one(const Tensor& x, const Tensor& bound, bool from_below) {
  DType t = result_type(x, bound);
  Tensor y = run_map("clamp", from_below ? MapOp::Maximum : MapOp::Minimum, t, {x, bound});
  if (is_floating(t) && wants_grad(x, bound))
    record("clamp", {x, bound}, {y}, [x = saved(x), bound = saved(bound), from_below](const Backward& g) -> Tensors {
      Tensor tx = g.unpack(x), tb = g.unpack(bound), zero = number(0.0, DType::Float64, tx.device());
      Tensor kept = from_below ? ge(tx, tb) : le(tx, tb), cut = from_below ? lt(tx, tb) : gt(tx, tb);
      return {g.needs(0) ? sum_to(where(kept, g.dy(0), zero), tx.shape()) : Tensor(),
              g.needs(1) ? sum_to(where(cut, g.dy(0), zero), tb.shape()) : Tensor()};
    });
  return y;
}

}  // namespace

Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high) {
  if (!low.defined() && !high.defined()) fail<RuntimeError>("clamp", "needs min, max or both");
  if (!high.defined()) return clamp_one(x, low, true);
  if (!low.defined()) return clamp_one(x, high, false);
  DType t = result_type({x, low, high});
  Tensor y = run_map("clamp", MapOp::Clamp, t, {x, low, high});
  if (is_floating(t) && wants_grad(x, low, high))
    record("clamp", {x, low, high}, {y}, [x = saved(x), low = saved(low), high = saved(high)](const Backward& g) -> Tensors {
      Tensor tx = g.unpack(x), lo = g.unpack(low), hi = g.unpack(high);
      Tensor below = lt(tx, lo), above = gt(tx, hi), crossed = gt(lo, hi), zero = number(0.0, DType::Float64, tx.device());
      Tensor inside = apply("logical_not", apply("logical_or", below, above));
      auto part = [&](const Tensor& mask, const Shape& s) { return sum_to(where(mask, g.dy(0), zero), s); };
      return {g.needs(0) ? part(inside, tx.shape()) : Tensor(),
              g.needs(1) ? part(apply("logical_and", below, apply("logical_not", crossed)), lo.shape()) : Tensor(),
              g.needs(2) ? part(apply("logical_or", above, apply("logical_and", below, crossed)), hi.shape()) : Tensor()};
    });
  return y;
}

Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& weight) {
  check_floating("lerp", "input", a);
  check_same_dtype("lerp", a, b);
  Tensor y = run_map("lerp", MapOp::Lerp, a.dtype(), {a, b, weight});
  if (wants_grad(a, b, weight))
    record("lerp", {a, b, weight}, {y}, [a = saved(a), b = saved(b), w = saved(weight)](const Backward& g) -> Tensors {
      Tensor ta = g.unpack(a), tb = g.unpack(b), tw = g.unpack(w), dy = g.dy(0);
      return {g.needs(0) ? sum_to(sub(dy, mul(dy, tw)), ta.shape()) : Tensor(),
              g.needs(1) ? sum_to(mul(dy, tw), tb.shape()) : Tensor(),
              g.needs(2) ? sum_to(mul(dy, sub(tb, ta)), tw.shape()) : Tensor()};
    });
  return y;
}

Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, const Tensor& value) {
  DType t = result_type({x, a, b});
  Tensor y = run_map("addcmul", MapOp::Addcmul, t, {x, a, b, value});
  if (is_floating(t) && wants_grad(x, a, b))
    record("addcmul", {x, a, b}, {y},
           [a = saved(a), b = saved(b), v = saved(value), sx = x.shape()](const Backward& g) -> Tensors {
             Tensor ta = g.unpack(a), tb = g.unpack(b), dv = mul(g.dy(0), g.unpack(v));
             return {g.needs(0) ? sum_to(g.dy(0), sx) : Tensor(), g.needs(1) ? sum_to(mul(dv, tb), ta.shape()) : Tensor(),
                     g.needs(2) ? sum_to(mul(dv, ta), tb.shape()) : Tensor()};
           });
  return y;
}

Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, const Tensor& value) {
  DType t = result_type({x, a, b});
  if (!is_floating(a.dtype()) && !is_floating(b.dtype()))
    fail<RuntimeError>("addcdiv", "integer division is not defined here; convert to a floating dtype first");
  Tensor y = run_map("addcdiv", MapOp::Addcdiv, t, {x, a, b, value});
  if (wants_grad(x, a, b))
    record("addcdiv", {x, a, b}, {y},
           [a = saved(a), b = saved(b), v = saved(value), sx = x.shape()](const Backward& g) -> Tensors {
             Tensor ta = g.unpack(a), tb = g.unpack(b), dv = div(mul(g.dy(0), g.unpack(v)), tb);
             return {g.needs(0) ? sum_to(g.dy(0), sx) : Tensor(), g.needs(1) ? sum_to(dv, ta.shape()) : Tensor(),
                     g.needs(2) ? sum_to(neg(div(mul(dv, ta), tb)), tb.shape()) : Tensor()};
           });
  return y;
}

// ---- what the graph needs of arithmetic

Tensor add_gradients(const Tensor& a, const Tensor& b) { return add(a, b); }

void add_into(const Tensor& a, const Tensor& b) {
  launch("add_", a.device(), [compute = compute_dtype(a.dtype()), x = a.view(), y = broadcast_view(b, a.shape())](Backend& d) {
    View in[2] = {x, y};
    d.map(MapOp::Add, compute, in, 2, x);
  });
  a.written("add_");
}

Tensor ones_like_gradient(const Tensor& x, double value) {
  return full(x.shape(), Number{false, 0, value}, x.dtype(), x.device());
}

bool is_true(const char* op, const Tensor& x) {
  if (current_recorder && current_recorder->refuses_reads())
    fail<RuntimeError>(op, "reads a value on the host, which a capture cannot replay");
  GradGuard off(false);
  Tensor host = to(any(detach(x), std::nullopt, false), DType::Bool, Device{}, false);
  return *host.as<bool>();
}

bool has_nan(const Tensor& x) { return is_true("anomaly", run_map("isnan", MapOp::IsNan, x.dtype(), {x})); }

}  // namespace deepnet
