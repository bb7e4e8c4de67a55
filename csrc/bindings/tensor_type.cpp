// deepnet.Tensor as a C-API type: number slots, indexing, attributes.
#include <Python.h>
#include <structmember.h>

#include <cmath>

#include "autograd/backward.h"
#include "bindings/op.h"
#include "bindings/tensor_attributes.h"
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
  PyObject_GC_UnTrack(self);
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

int tensor_traverse(PyObject* self, visitproc visit, void* arg) {
  const PyTensor* o = reinterpret_cast<PyTensor*>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(o->dict);
  return o->impl ? visit_hooks(*o->impl, visit, arg) : 0;
}

int tensor_clear(PyObject* self) {
  PyTensor* o = reinterpret_cast<PyTensor*>(self);
  Py_CLEAR(o->dict);
  if (o->impl) clear_hooks(*o->impl);
  return 0;
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
               kPow[] = "pow_", kShiftLeft[] = "bitwise_left_shift_", kShiftRight[] = "bitwise_right_shift_";

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

template <class F>
void* fn(F* f) {
  return reinterpret_cast<void*>(f);
}

}  // namespace

void bind_tensor(py::module_& m) {
  static PyType_Slot slots[] = {{Py_tp_dealloc, fn(tensor_dealloc)},
                                {Py_tp_traverse, fn(tensor_traverse)},
                                {Py_tp_clear, fn(tensor_clear)},
                                {Py_tp_new, fn(tensor_new)},
                                {Py_tp_getset, tensor_getset},
                                {Py_tp_members, tensor_members},
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
                                {Py_nb_inplace_lshift, fn(inplace_slot<bitwise_left_shift_rule, kShiftLeft>)},
                                {Py_nb_inplace_rshift, fn(inplace_slot<bitwise_right_shift_rule, kShiftRight>)},
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
                                {Py_bf_getbuffer, fn(get_tensor_buffer)},
                                {Py_bf_releasebuffer, fn(release_tensor_buffer)},
                                {0, nullptr}};
  static PyType_Spec spec = {"deepnet.Tensor", sizeof(PyTensor), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!tensor_type) throw py::error_already_set();
  m.attr("Tensor") = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
}

}  // namespace deepnet::python
