// deepnet.Tensor as a C-API type: number slots, indexing, attributes.
#include <Python.h>
#include <structmember.h>

#include <cmath>

#include "autograd/backward.h"
#include "bindings/op.h"
#include "bindings/types.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/views.h"

namespace deepnet::python {

namespace {

template <class F>
PyObject* guarded(F f) {
  try {
    return f();
  } catch (...) {
    set_error();
    return nullptr;
  }
}

Tensor self_of(PyObject* o) { return unwrap(o); }

void tensor_dealloc(PyObject* self) {
  PyTensor* o = reinterpret_cast<PyTensor*>(self);
  PyTypeObject* type = Py_TYPE(self);
  if (o->weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(o->dict);
  if (o->impl) {
    o->impl->python = nullptr;
    o->impl->release();
    o->impl = nullptr;
  }
  type->tp_free(self);
  Py_DECREF(type);
}

/// Tensor(...) in Python: sizes, or data as floats, as the legacy constructor; subclasses give data.
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded([&]() -> PyObject* {
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    if (n == 0) return wrap_as(type, empty({0}, default_dtype()));
    PyObject* first = PyTuple_GET_ITEM(args, 0);
    if (is_tensor(first)) return wrap_as(type, detach(to(detach(unwrap(first)), default_dtype())));
    if (PyLong_Check(first)) {
      Dims d = From<Dims>::convert(args, {"Tensor", "sizes"});
      check_numel("Tensor", d);
      return wrap_as(type, empty(d, default_dtype()));
    }
    return wrap_as(type, tensor_from_python(first, default_dtype(), std::nullopt));
  });
}

// ---- number slots

/// An operand of an arithmetic slot: a tensor or a number; undefined for anything else.
Tensor operand(PyObject* o) {
  if (is_tensor(o)) return unwrap(o);
  if (is_number(o)) return number_tensor(o, {"arithmetic", "an operand"});
  return {};
}

template <Tensor (*F)(const Tensor&, const Tensor&)>
PyObject* slot(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Tensor x = operand(a), y = operand(b);
    if (!x.defined() || !y.defined()) Py_RETURN_NOTIMPLEMENTED;
    return wrap(F(x, y));
  });
}

#define DN_RULE(NAME)                                \
  const BinaryRule& NAME##_rule() {                  \
    static const BinaryRule& r = binary_rule(#NAME); \
    return r;                                        \
  }
DN_RULE(add)
DN_RULE(sub)
DN_RULE(mul)
DN_RULE(true_divide)
DN_RULE(floor_divide)
DN_RULE(remainder)
DN_RULE(pow)
DN_RULE(bitwise_and)
DN_RULE(bitwise_or)
DN_RULE(bitwise_xor)
DN_RULE(bitwise_left_shift)
DN_RULE(bitwise_right_shift)
#undef DN_RULE

template <const BinaryRule& (*R)()>
Tensor by_rule(const Tensor& a, const Tensor& b) {
  return binary(R(), a, b);
}

PyObject* nb_pow(PyObject* a, PyObject* b, PyObject*) { return slot<deepnet::pow>(a, b); }

template <const BinaryRule& (*R)(), const char* Name>
PyObject* inplace_slot(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Tensor y = operand(b);
    if (!y.defined()) Py_RETURN_NOTIMPLEMENTED;
    binary_inplace(R(), Name, unwrap(a), y);
    return Py_NewRef(a);
  });
}
constexpr char kAdd[] = "add_", kSub[] = "sub_", kMul[] = "mul_", kDiv[] = "div_", kFloorDiv[] = "floor_divide_",
               kRemainder[] = "remainder_", kAnd[] = "bitwise_and_", kOr[] = "bitwise_or_", kXor[] = "bitwise_xor_",
               kPow[] = "pow_";

PyObject* nb_ipow(PyObject* a, PyObject* b, PyObject*) { return inplace_slot<pow_rule, kPow>(a, b); }

PyObject* nb_negative(PyObject* a) {
  return guarded([&] { return wrap(neg(unwrap(a))); });
}
PyObject* nb_positive(PyObject* a) { return Py_NewRef(a); }
PyObject* nb_absolute(PyObject* a) {
  return guarded([&] { return wrap(apply("abs", unwrap(a))); });
}
PyObject* nb_invert(PyObject* a) {
  return guarded([&] {
    Tensor x = unwrap(a);
    if (is_floating(x.dtype())) fail<TypeError>("bitwise_not", "needs integers or bools, got ", name(x.dtype()));
    return wrap(apply("bitwise_not", x));
  });
}
int nb_bool(PyObject* a) {
  try {
    Tensor x = unwrap(a);
    if (x.numel() != 1)
      fail<RuntimeError>("bool", "the truth of a tensor of shape ", x.shape(), " is ambiguous; use any() or all()");
    Number n = item("bool", x);
    return n.integral ? n.i != 0 : n.d != 0;
  } catch (...) {
    set_error();
    return -1;
  }
}
PyObject* nb_int(PyObject* a) {
  return guarded([&]() -> PyObject* {
    Number n = item("int", unwrap(a));
    return n.integral ? PyLong_FromLongLong(n.i) : PyLong_FromDouble(n.d);
  });
}
PyObject* nb_float(PyObject* a) {
  return guarded([&] { return PyFloat_FromDouble(item("float", unwrap(a)).real()); });
}
PyObject* nb_index(PyObject* a) {
  return guarded([&] {
    Number n = item("index", unwrap(a));
    if (!n.integral) fail<TypeError>("index", "only integer tensors of one element can be indices");
    return PyLong_FromLongLong(n.i);
  });
}
PyObject* nb_matmul(PyObject* a, PyObject* b) {
  if (!is_tensor(a) || !is_tensor(b)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([&] { return wrap(matmul(unwrap(a), unwrap(b))); });
}

PyObject* richcompare(PyObject* a, PyObject* b, int op) {
  return guarded([&]() -> PyObject* {
    Tensor x = operand(a), y = operand(b);
    if (!x.defined() || !y.defined()) Py_RETURN_NOTIMPLEMENTED;
    switch (op) {
      case Py_EQ:
        return wrap(eq(x, y));
      case Py_NE:
        return wrap(ne(x, y));
      case Py_LT:
        return wrap(lt(x, y));
      case Py_LE:
        return wrap(le(x, y));
      case Py_GT:
        return wrap(gt(x, y));
      default:
        return wrap(ge(x, y));
    }
  });
}
Py_hash_t tensor_hash(PyObject* self) { return _Py_HashPointer(self); }

Py_ssize_t length(PyObject* self) {
  Tensor x = self_of(self);
  if (x.ndim() == 0) {
    PyErr_SetString(PyExc_TypeError, "len: a 0-d tensor has no length");
    return -1;
  }
  return Py_ssize_t(x.size(0));
}
PyObject* sequence_item(PyObject* self, Py_ssize_t i) {
  return guarded([&] { return wrap(select(self_of(self), 0, int64_t(i))); });
}
PyObject* iterate(PyObject* self) {
  return guarded([&] {
    Tensor x = self_of(self);
    if (x.ndim() == 0) throw TypeError("iter: a 0-d tensor cannot be iterated over");
    PyObject* rows = to_python(unbind(x, 0));
    PyObject* it = PyObject_GetIter(rows);
    Py_DECREF(rows);
    return it;
  });
}

// ---- attributes

PyObject* get_shape(PyObject* s, void*) { return wrap_size(self_of(s).shape()); }
PyObject* get_dtype(PyObject* s, void*) { return wrap_dtype(self_of(s).dtype()); }
PyObject* get_device(PyObject* s, void*) { return wrap_device(self_of(s).device()); }
PyObject* get_ndim(PyObject* s, void*) { return PyLong_FromLong(self_of(s).ndim()); }
PyObject* get_requires_grad(PyObject* s, void*) { return PyBool_FromLong(requires_grad(self_of(s))); }
int put_requires_grad(PyObject* s, PyObject* v, void*) {
  try {
    set_requires_grad(self_of(s), PyObject_IsTrue(v) == 1);
    return 0;
  } catch (...) {
    set_error();
    return -1;
  }
}
PyObject* get_is_leaf(PyObject* s, void*) {
  return guarded([&] { return PyBool_FromLong(is_leaf(self_of(s))); });
}
PyObject* get_grad(PyObject* s, void*) {
  AutogradMeta* m = self_of(s).impl()->autograd;
  if (!m) Py_RETURN_NONE;
  return wrap(m->retained ? m->retained->grad : m->grad);
}
int put_grad(PyObject* s, PyObject* v, void*) {
  try {
    Tensor x = self_of(s);
    if (!v || v == Py_None) {
      if (x.impl()->autograd) meta(x).grad = Tensor();
      return 0;
    }
    Tensor g = From<Tensor>::convert(v, {"grad", "the gradient"});
    if (!(g.shape() == x.shape())) fail<RuntimeError>("grad", "must have the tensor's shape ", x.shape(), ", got ", g.shape());
    if (g.dtype() != x.dtype())
      fail<RuntimeError>("grad", "must have the tensor's dtype ", name(x.dtype()), ", got ", name(g.dtype()));
    meta(x).grad = g;
    return 0;
  } catch (...) {
    set_error();
    return -1;
  }
}
PyObject* get_data(PyObject* s, void*) {
  return guarded([&] {
    Tensor d = detach(self_of(s));
    d.impl()->untracked = true;
    return wrap(d);
  });
}
int put_data(PyObject* s, PyObject* v, void*) {
  try {
    Tensor x = self_of(s), d = From<Tensor>::convert(v, {"data", "the value"});
    TensorImpl &to = *x.impl(), &from = *d.impl();
    to.storage = from.storage;
    to.offset = from.offset;
    to.shape = from.shape;
    to.strides = from.strides;
    to.dtype = from.dtype;
    return 0;
  } catch (...) {
    set_error();
    return -1;
  }
}
PyObject* get_version(PyObject* s, void*) { return PyLong_FromUnsignedLong(self_of(s).version()); }
PyObject* get_base(PyObject* s, void*) {
  Tensor x = self_of(s);
  return wrap(Tensor(x.impl()->base));
}
PyObject* get_transposed(PyObject* s, void*) {
  return guarded([&] {
    Tensor x = self_of(s);
    Dims order;
    for (int i = x.ndim() - 1; i >= 0; --i) order.push_back(i);
    return wrap(permute(x, order));
  });
}
PyObject* get_matrix_transposed(PyObject* s, void*) {
  return guarded([&] {
    Tensor x = self_of(s);
    if (x.ndim() < 2) fail<RuntimeError>("mT", "needs at least 2 dims, got shape ", x.shape());
    return wrap(transpose(x, -2, -1));
  });
}
PyObject* get_is_cuda(PyObject* s, void*) { return PyBool_FromLong(self_of(s).device().is_cuda()); }
PyObject* get_is_inference(PyObject* s, void*) { return PyBool_FromLong(self_of(s).is_inference()); }
PyObject* get_itemsize(PyObject* s, void*) { return PyLong_FromLongLong(itemsize(self_of(s).dtype())); }
PyObject* get_nbytes(PyObject* s, void*) {
  Tensor x = self_of(s);
  return PyLong_FromLongLong(x.numel() * itemsize(x.dtype()));
}

PyGetSetDef getset[] = {
    {"shape", get_shape, nullptr, "Sizes of the dims.", nullptr},
    {"dtype", get_dtype, nullptr, "The elements' type.", nullptr},
    {"device", get_device, nullptr, "Where the memory lies.", nullptr},
    {"ndim", get_ndim, nullptr, "Number of dims.", nullptr},
    {"requires_grad", get_requires_grad, put_requires_grad, "Whether gradients are wanted.", nullptr},
    {"is_leaf", get_is_leaf, nullptr, "Whether no recorded operator made it.", nullptr},
    {"grad", get_grad, put_grad, "The gradient accumulated by backward, or None.", nullptr},
    {"data", get_data, put_data, "The same memory outside of autograd; writes through it are not counted.", nullptr},
    {"_version", get_version, nullptr, "How many in-place writes the memory has seen.", nullptr},
    {"_base", get_base, nullptr, "The tensor that this is a view of, or None.", nullptr},
    {"T", get_transposed, nullptr, "A view with the dims reversed.", nullptr},
    {"mT", get_matrix_transposed, nullptr, "A view with the last two dims swapped.", nullptr},
    {"is_cuda", get_is_cuda, nullptr, "Whether it lies on a GPU.", nullptr},
    {"_is_inference", get_is_inference, nullptr, "Whether it was made in inference mode.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes of an element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {{"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
                         {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
                         {nullptr, 0, 0, 0, nullptr}};

const char* buffer_format(DType t) {
  switch (t) {
    case DType::Bool:
      return "?";
    case DType::UInt8:
      return "B";
    case DType::Int8:
      return "b";
    case DType::Int16:
      return "h";
    case DType::Int32:
      return "i";
    case DType::Int64:
      return "l";
    case DType::Float16:
      return "e";
    case DType::Float32:
      return "f";
    case DType::Float64:
      return "d";
    default:
      return nullptr;
  }
}

int get_buffer(PyObject* self, Py_buffer* view, int) {
  Tensor x = self_of(self);
  const char* format = buffer_format(x.dtype());
  if (!x.device().is_cpu() || !format || requires_grad(x)) {
    PyErr_SetString(PyExc_BufferError, !format            ? "buffer: bfloat16 has no buffer format; convert to float32"
                                       : requires_grad(x) ? "buffer: the tensor requires a gradient; detach it first"
                                                          : "buffer: the tensor is not on the CPU; copy it with .cpu() first");
    return -1;
  }
  auto* sizes = new Py_ssize_t[2 * kMaxDims];
  for (int i = 0; i < x.ndim(); ++i) {
    sizes[i] = Py_ssize_t(x.size(i));
    sizes[kMaxDims + i] = Py_ssize_t(x.stride(i) * itemsize(x.dtype()));
  }
  static char nothing[8];
  view->buf = x.numel() ? x.data() : nothing;
  view->obj = Py_NewRef(self);
  view->len = Py_ssize_t(x.numel() * itemsize(x.dtype()));
  view->itemsize = Py_ssize_t(itemsize(x.dtype()));
  view->readonly = 0;
  view->ndim = x.ndim();
  view->format = const_cast<char*>(format);
  view->shape = sizes;
  view->strides = sizes + kMaxDims;
  view->suboffsets = nullptr;
  view->internal = sizes;
  return 0;
}
void release_buffer(PyObject*, Py_buffer* view) { delete[] static_cast<Py_ssize_t*>(view->internal); }

template <class F>
void* fn(F* f) {
  return reinterpret_cast<void*>(f);
}

}  // namespace

void bind_tensor(py::module_& m) {
  static PyType_Slot slots[] = {{Py_tp_dealloc, fn(tensor_dealloc)},
                                {Py_tp_new, fn(tensor_new)},
                                {Py_tp_getset, getset},
                                {Py_tp_members, members},
                                {Py_tp_richcompare, fn(richcompare)},
                                {Py_tp_hash, fn(tensor_hash)},
                                {Py_tp_iter, fn(iterate)},
                                {Py_mp_subscript, fn(get_item)},
                                {Py_mp_ass_subscript, fn(set_item)},
                                {Py_mp_length, fn(length)},
                                {Py_sq_item, fn(sequence_item)},
                                {Py_nb_add, fn(slot<by_rule<add_rule>>)},
                                {Py_nb_subtract, fn(slot<by_rule<sub_rule>>)},
                                {Py_nb_multiply, fn(slot<by_rule<mul_rule>>)},
                                {Py_nb_true_divide, fn(slot<by_rule<true_divide_rule>>)},
                                {Py_nb_floor_divide, fn(slot<deepnet::floor_divide>)},
                                {Py_nb_remainder, fn(slot<deepnet::remainder>)},
                                {Py_nb_power, fn(nb_pow)},
                                {Py_nb_and, fn(slot<by_rule<bitwise_and_rule>>)},
                                {Py_nb_or, fn(slot<by_rule<bitwise_or_rule>>)},
                                {Py_nb_xor, fn(slot<by_rule<bitwise_xor_rule>>)},
                                {Py_nb_lshift, fn(slot<by_rule<bitwise_left_shift_rule>>)},
                                {Py_nb_rshift, fn(slot<by_rule<bitwise_right_shift_rule>>)},
                                {Py_nb_inplace_add, fn(inplace_slot<add_rule, kAdd>)},
                                {Py_nb_inplace_subtract, fn(inplace_slot<sub_rule, kSub>)},
                                {Py_nb_inplace_multiply, fn(inplace_slot<mul_rule, kMul>)},
                                {Py_nb_inplace_true_divide, fn(inplace_slot<true_divide_rule, kDiv>)},
                                {Py_nb_inplace_floor_divide, fn(inplace_slot<floor_divide_rule, kFloorDiv>)},
                                {Py_nb_inplace_remainder, fn(inplace_slot<remainder_rule, kRemainder>)},
                                {Py_nb_inplace_power, fn(nb_ipow)},
                                {Py_nb_inplace_and, fn(inplace_slot<bitwise_and_rule, kAnd>)},
                                {Py_nb_inplace_or, fn(inplace_slot<bitwise_or_rule, kOr>)},
                                {Py_nb_inplace_xor, fn(inplace_slot<bitwise_xor_rule, kXor>)},
                                {Py_nb_negative, fn(nb_negative)},
                                {Py_nb_positive, fn(nb_positive)},
                                {Py_nb_absolute, fn(nb_absolute)},
                                {Py_nb_invert, fn(nb_invert)},
                                {Py_nb_bool, fn(nb_bool)},
                                {Py_nb_int, fn(nb_int)},
                                {Py_nb_float, fn(nb_float)},
                                {Py_nb_index, fn(nb_index)},
                                {Py_nb_matrix_multiply, fn(nb_matmul)},
                                {Py_bf_getbuffer, fn(get_buffer)},
                                {Py_bf_releasebuffer, fn(release_buffer)},
                                {0, nullptr}};
  static PyType_Spec spec = {"deepnet.Tensor", sizeof(PyTensor), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!tensor_type) throw py::error_already_set();
  m.attr("Tensor") = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
}

}  // namespace deepnet::python
