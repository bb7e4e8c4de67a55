#include "bindings/python.h"

#include <pybind11/pybind11.h>

#include <cstring>
#include <new>

#include "bindings/types.h"
#include "ops/check.h"

namespace deepnet::python {

namespace py = pybind11;

PyTypeObject* tensor_type = nullptr;

PyObject* wrap_as(PyTypeObject* type, const Tensor& t) {
  PyTensor* o = reinterpret_cast<PyTensor*>(type->tp_alloc(type, 0));
  if (!o) throw PythonError();
  o->impl = t.impl();
  o->impl->retain();
  o->impl->python = o;
  return reinterpret_cast<PyObject*>(o);
}

PyObject* wrap(const Tensor& t) {
  if (!t.defined()) Py_RETURN_NONE;
  if (t.impl()->python) return Py_NewRef(static_cast<PyObject*>(t.impl()->python));
  return wrap_as(tensor_type, t);
}

PyObject* wrap_dims(const Dims& d) {
  PyObject* tuple = PyTuple_New(d.n);
  for (int i = 0; i < d.n; ++i) PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(d.v[i]));
  return tuple;
}

PyObject* wrap_size(const Dims& d) {
  PyTypeObject* type = size_type ? size_type : &PyTuple_Type;
  PyObject* tuple = type->tp_alloc(type, d.n);
  for (int i = 0; i < d.n; ++i) PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(d.v[i]));
  return tuple;
}

PyObject* to_python(const Tensors& list) {
  PyObject* tuple = PyTuple_New(Py_ssize_t(list.size()));
  for (size_t i = 0; i < list.size(); ++i) PyTuple_SET_ITEM(tuple, Py_ssize_t(i), wrap(list[i]));
  return tuple;
}

void set_error() {
  try {
    throw;
  } catch (const PythonError&) {
  } catch (py::error_already_set& e) {
    e.restore();
  } catch (const OutOfMemoryError& e) {
    PyErr_SetString(PyExc_MemoryError, e.what());
  } catch (const ValueError& e) {
    PyErr_SetString(PyExc_ValueError, e.what());
  } catch (const TypeError& e) {
    PyErr_SetString(PyExc_TypeError, e.what());
  } catch (const IndexError& e) {
    PyErr_SetString(PyExc_IndexError, e.what());
  } catch (const std::bad_alloc& e) {
    PyErr_SetString(PyExc_MemoryError, e.what());
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
}

bool is_number(PyObject* o) {
  if (PyFloat_Check(o) || PyLong_Check(o)) return true;
  if (is_tensor(o) || PySequence_Check(o) || PyUnicode_Check(o)) return false;
  return PyNumber_Check(o) && (PyIndex_Check(o) || Py_TYPE(o)->tp_as_number->nb_float);  // NumPy scalars
}

Number to_number(PyObject* o, Where w) {
  if (PyBool_Check(o)) return {true, o == Py_True, 0};
  if (PyFloat_Check(o)) return {false, 0, PyFloat_AS_DOUBLE(o)};
  if (PyLong_Check(o)) {
    int overflow = 0;
    long long i = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow) throw ValueError(join(w.op, ": ", w.argument, " does not fit 64 bits"));
    return {true, i, 0};
  }
  if (is_tensor(o)) {
    Tensor t = unwrap(o);
    if (t.numel() != 1) throw TypeError(join(w.op, ": ", w.argument, " must be a number, got a Tensor of shape ", t.shape()));
    return item("item", t);
  }
  if (is_number(o)) {
    py::object n = py::reinterpret_steal<py::object>(PyIndex_Check(o) ? PyNumber_Index(o) : PyNumber_Float(o));
    if (!n) throw PythonError();
    return to_number(n.ptr(), w);
  }
  bad_argument(w, "a number", o);
}

Tensor number_tensor(PyObject* o, Where w) {
  Number n = to_number(o, w);
  return number(n, PyBool_Check(o) ? DType::Bool : n.integral ? DType::Int64 : DType::Float64);
}

Tensor From<Tensor>::convert(PyObject* o, Where w) {
  if (!is_tensor(o)) bad_argument(w, "a Tensor", o);
  return unwrap(o);
}
Operand From<Operand>::convert(PyObject* o, Where w) {
  if (is_tensor(o)) return {unwrap(o)};
  if (is_number(o)) return {number_tensor(o, w)};
  bad_argument(w, "a Tensor or a number", o);
}
OptTensor From<OptTensor>::convert(PyObject* o, Where w) {
  if (o == Py_None) return {};
  if (!is_tensor(o)) bad_argument(w, "a Tensor or None", o);
  return {unwrap(o)};
}
OptOperand From<OptOperand>::convert(PyObject* o, Where w) {
  if (o == Py_None) return {};
  return {From<Operand>::convert(o, w).t};
}
Ignored From<Ignored>::convert(PyObject*, Where) { return {}; }
int64_t From<int64_t>::convert(PyObject* o, Where w) {
  if (PyLong_Check(o)) {
    long long i = PyLong_AsLongLong(o);
    if (i == -1 && PyErr_Occurred()) throw PythonError();
    return i;
  }
  if (PyFloat_Check(o) || !(PyIndex_Check(o) || is_tensor(o))) bad_argument(w, "an int", o);
  Number n = to_number(o, w);
  if (!n.integral) bad_argument(w, "an int", o);
  return n.i;
}
double From<double>::convert(PyObject* o, Where w) {
  if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
  return to_number(o, w).real();
}
bool From<bool>::convert(PyObject* o, Where w) {
  if (o == Py_True) return true;
  if (o == Py_False) return false;
  int truth = is_tensor(o) || PyLong_Check(o) || is_number(o) ? PyObject_IsTrue(o) : -2;
  if (truth == -1) throw PythonError();
  if (truth == -2) bad_argument(w, "a bool", o);
  return truth;
}
Number From<Number>::convert(PyObject* o, Where w) { return to_number(o, w); }

namespace {
template <class List>
void each_int(PyObject* o, Where w, List add) {
  if (PyLong_Check(o) || (is_tensor(o) && unwrap(o).ndim() == 0)) {
    add(From<int64_t>::convert(o, w));
    return;
  }
  if (!PyTuple_Check(o) && !PyList_Check(o)) {
    if (!PySequence_Check(o) || PyUnicode_Check(o)) {
      if (PyIndex_Check(o)) {
        add(From<int64_t>::convert(o, w));
        return;
      }
      bad_argument(w, "an int or a sequence of ints", o);
    }
    py::object fast = py::reinterpret_steal<py::object>(PySequence_Tuple(o));
    if (!fast) throw PythonError();
    each_int(fast.ptr(), w, add);
    return;
  }
  Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  for (Py_ssize_t i = 0; i < n; ++i) add(From<int64_t>::convert(PySequence_Fast_GET_ITEM(o, i), w));
}
}  // namespace

Dims From<Dims>::convert(PyObject* o, Where w) {
  Dims d;
  each_int(o, w, [&](int64_t i) {
    if (d.n == kMaxDims) throw ValueError(join(w.op, ": ", w.argument, " has more than ", kMaxDims, " entries"));
    d.push_back(i);
  });
  return d;
}
std::vector<int64_t> From<std::vector<int64_t>>::convert(PyObject* o, Where w) {
  std::vector<int64_t> v;
  each_int(o, w, [&](int64_t i) { v.push_back(i); });
  return v;
}
Tensors From<Tensors>::convert(PyObject* o, Where w) {
  if (is_tensor(o) || !PySequence_Check(o) || PyUnicode_Check(o)) bad_argument(w, "a sequence of Tensors", o);
  py::object fast = py::reinterpret_steal<py::object>(PySequence_Fast(o, "a sequence of Tensors"));
  if (!fast) throw PythonError();
  Tensors list;
  Py_ssize_t n = PySequence_Fast_GET_SIZE(fast.ptr());
  list.reserve(size_t(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* e = PySequence_Fast_GET_ITEM(fast.ptr(), i);
    if (e == Py_None)
      list.emplace_back();
    else if (is_tensor(e))
      list.push_back(unwrap(e));
    else
      bad_argument(w, "a sequence of Tensors", e);
  }
  return list;
}
std::string From<std::string>::convert(PyObject* o, Where w) {
  if (!PyUnicode_Check(o)) bad_argument(w, "a str", o);
  return PyUnicode_AsUTF8(o);
}

}  // namespace deepnet::python
