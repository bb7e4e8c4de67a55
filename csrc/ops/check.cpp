#include "ops/check.h"

#include "autograd/arithmetic.h"
#include "ops/copy.h"
#include "ops/reduce.h"
#include "ops/views.h"

namespace deepnet {

namespace {
DType default_type = DType::Float32;

int category(DType t) { return t == DType::Bool ? 0 : is_floating(t) ? 2 : 1; }

struct Promotion {
  bool any[3] = {false, false, false};  // with dimensions, 0-d, numbers
  DType type[3];

  void add(const Tensor& t) {
    int rank = t.impl()->is_number ? 2 : t.ndim() == 0 ? 1 : 0;
    DType d = t.dtype();
    if (rank == 2 && is_floating(d)) d = default_type;
    type[rank] = any[rank] ? promote(type[rank], d) : d;
    any[rank] = true;
  }
  DType result() const {
    DType r = DType::Bool;
    bool have = false;
    for (int rank = 0; rank < 3; ++rank) {
      if (!any[rank]) continue;
      if (!have || category(type[rank]) > category(r))
        r = have && category(r) == category(type[rank]) ? promote(r, type[rank]) : type[rank];
      have = true;
    }
    return r;
  }
};
}  // namespace

DType default_dtype() { return default_type; }
void set_default_dtype(DType t) {
  if (!is_floating(t)) fail<TypeError>("set_default_dtype", "only floating types can be the default, got ", name(t));
  default_type = t;
}

void check_defined(const char* op, const char* what, const Tensor& t) {
  if (!t.defined()) fail<TypeError>(op, what, " must be a Tensor, got None");
}
void check_floating(const char* op, const char* what, const Tensor& t) {
  check_defined(op, what, t);
  if (!is_floating(t.dtype())) fail<RuntimeError>(op, what, " must be floating, got ", name(t.dtype()));
}
void check_same_dtype(const char* op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) fail<RuntimeError>(op, "dtypes must agree, got ", name(a.dtype()), " and ", name(b.dtype()));
}
void check_same_device(const char* op, const Tensor& a, const Tensor& b) {
  if (!(a.device() == b.device()))
    fail<RuntimeError>(op, "devices must agree, got ", name(a.device()), " and ", name(b.device()));
}
void check_index(const char* op, const char* what, const Tensor& t) {
  check_defined(op, what, t);
  if (t.dtype() != DType::Int64 && t.dtype() != DType::Int32)
    fail<RuntimeError>(op, what, " must be int64 or int32, got ", name(t.dtype()));
}

int wrap_dim(const char* op, int64_t dim, int ndim) {
  int n = ndim == 0 ? 1 : ndim;
  if (dim < -n || dim >= n) fail<IndexError>(op, "dim must be in [", -n, ", ", n - 1, "], got ", dim);
  return int(dim < 0 ? dim + n : dim);
}

std::vector<bool> dim_mask(const char* op, const std::optional<Dims>& dim, int ndim) {
  bool all = !dim || dim->empty();
  std::vector<bool> mask(size_t(ndim == 0 ? 1 : ndim), all);
  if (all) return mask;
  for (int64_t d : *dim) {
    int w = wrap_dim(op, d, ndim);
    if (mask[w]) fail<RuntimeError>(op, "dim ", d, " appears twice in ", *dim);
    mask[w] = true;
  }
  return mask;
}

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  const Shape& longer = a.n >= b.n ? a : b;
  const Shape& shorter = a.n >= b.n ? b : a;
  Shape out = longer;
  for (int i = 1; i <= shorter.n; ++i) {
    int64_t x = longer.v[longer.n - i], y = shorter.v[shorter.n - i];
    if (x != y && x != 1 && y != 1) fail<RuntimeError>(op, "shapes must broadcast, got ", a, " and ", b);
    out.v[out.n - i] = x == 1 ? y : x;
  }
  return out;
}

View broadcast_view(const Tensor& x, const Shape& shape) {
  View v = x.view();
  if (v.shape == shape) return v;
  int lead = shape.n - x.ndim();
  for (int i = shape.n - 1; i >= 0; --i) {
    bool repeat = i < lead || (x.size(i - lead) == 1 && shape.v[i] != 1);
    v.strides.v[i] = repeat ? 0 : x.stride(i - lead);
  }
  v.shape = shape;
  v.strides.n = shape.n;
  return v;
}

DType result_type(const Tensor& a, const Tensor& b) {
  if (a.dtype() == b.dtype() && !a.impl()->is_number && !b.impl()->is_number) return a.dtype();
  Promotion p;
  p.add(a);
  p.add(b);
  return p.result();
}

DType result_type(const Tensors& list) {
  Promotion p;
  for (const Tensor& t : list) p.add(t);
  return p.result();
}

Tensor sum_to(const Tensor& dy, const Shape& shape) {
  if (dy.shape() == shape) return dy;
  Dims dims;
  int lead = dy.ndim() - shape.n;
  for (int i = 0; i < dy.ndim(); ++i)
    if (i < lead || (shape.v[i - lead] == 1 && dy.size(i) != 1)) dims.push_back(i);
  Tensor s = dims.empty() ? dy : sum_batch(dy, dims);
  return s.shape() == shape ? s : reshape(s, shape);
}

void check_distinct(const char* op, const Tensor& x) {
  if (x.numel() == 0) return;
  for (int i = 0; i < x.ndim(); ++i)
    if (x.stride(i) == 0 && x.size(i) > 1)
      fail<RuntimeError>(op, "several elements of the tensor of shape ", x.shape(), " and strides ", x.strides(),
                         " share their memory; clone it before writing");
}

Tensor old_value(const char* op, const Tensor& x, bool saved) {
  check_inplace(op, x);
  check_distinct(op, x);
  if (!grad_enabled() || !(saved || requires_grad(x))) return x;
  Edge e = gradient_edge(x);
  Tensor old = copy_of(x);
  if (e.node) set_history(old, e.node, e.slot);
  return old;
}

void assign(const char* op, const Tensor& x, const Tensor& value, bool overwrites) {
  check_inplace(op, x);
  check_distinct(op, x);
  if (!overwrites && is_floating(value.dtype()) && !is_floating(x.dtype()))
    fail<RuntimeError>(op, "the result is ", name(value.dtype()), " and cannot be stored in ", name(x.dtype()));
  copy_data(op, value, x);
  x.written(op);
  if (!grad_enabled() || !is_floating(x.dtype()) || !(requires_grad(value) || requires_grad(x))) return;
  Shape from = value.shape();
  auto gradient = [from, overwrites](const Backward& b) -> Tensors {
    return {overwrites && b.needs(0) ? zeros_like(b.dy(0)) : Tensor(), b.needs(1) ? sum_to(b.dy(0), from) : Tensor()};
  };
  Ref<Node> node(new ClosureNode<decltype(gradient)>(op, std::move(gradient)));
  node->edges.push_back(gradient_edge(x));
  node->edges.push_back(requires_grad(value) ? gradient_edge(value) : Edge{});
  node->outputs.push_back({x.shape(), x.dtype(), x.device(), nullptr});
  rebase_history(x, std::move(node));
}

bool may_write(const Tensor& out, const Shape& shape, DType dtype, std::initializer_list<const Tensor*> inputs) {
  if (!(out.shape() == shape) || out.dtype() != dtype) return false;
  for (const Tensor* t : inputs) {
    if (t->impl()->storage.get() != out.impl()->storage.get()) continue;
    if (t->impl()->offset != out.impl()->offset || !(t->shape() == out.shape()) || !(t->strides() == out.strides()))
      return false;
  }
  return true;
}

}  // namespace deepnet
