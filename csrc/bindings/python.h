// The Python side of a tensor, and conversions between Python objects and C++ values.
#pragma once

#include <Python.h>

#include <optional>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace deepnet::python {

/// deepnet.Tensor: a C-API type, so that number slots and attributes cost no dispatch.
struct PyTensor {
  PyObject_HEAD TensorImpl* impl;  // owned
  PyObject* dict;
  PyObject* weakrefs;
};
extern PyTypeObject* tensor_type;

/// For the garbage collector: the Python objects that t's hooks and custom node hold, where t alone holds those.
int visit_hooks(const TensorImpl& t, visitproc visit, void* arg);
void clear_hooks(const TensorImpl& t);

/// Thrown when a Python error is already set.
struct PythonError {};

inline bool is_tensor(PyObject* o) { return Py_TYPE(o) == tensor_type || PyType_IsSubtype(Py_TYPE(o), tensor_type); }
inline Tensor unwrap(PyObject* o) { return Tensor(Ref<TensorImpl>(reinterpret_cast<PyTensor*>(o)->impl)); }
/// The Python object of t, one for each impl while it lives; None where undefined. A new reference.
PyObject* wrap(const Tensor& t);
/// t as an instance of a subclass of Tensor.
PyObject* wrap_as(PyTypeObject* type, const Tensor& t);
PyObject* wrap_size(const Dims& d);
PyObject* wrap_dims(const Dims& d);
PyObject* wrap_dtype(DType t);
PyObject* wrap_device(Device d);

/// Sets the Python error that a C++ exception stands for. Call inside catch (...).
void set_error();

/// Which argument a conversion is for: its errors say so.
struct Where {
  const char* op;
  const char* argument;
};

template <class... Parts>
[[noreturn]] void bad_argument(Where w, const char* expected, PyObject* got) {
  throw TypeError(join(w.op, ": ", w.argument, " must be ", expected, ", got ", Py_TYPE(got)->tp_name));
}

/// A number or a tensor, as operators take on either side.
struct Operand {
  Tensor t;
};
/// Tensor or None.
struct OptTensor {
  Tensor t;
};
struct OptOperand {
  Tensor t;
};
/// Taken and ignored: PyTorch's memory_format, whose layouts are inside matters here.
struct Ignored {};

bool is_number(PyObject* o);
/// Of a Python int, float or bool, a NumPy scalar, or a 0-d tensor.
Number to_number(PyObject* o, Where w);
Tensor number_tensor(PyObject* o, Where w);

template <class T>
struct From;
#define DN_FROM(T)                          \
  template <>                               \
  struct From<T> {                          \
    static T convert(PyObject* o, Where w); \
  };
DN_FROM(Tensor)
DN_FROM(Operand)
DN_FROM(OptTensor)
DN_FROM(OptOperand)
DN_FROM(Ignored)
DN_FROM(int64_t)
DN_FROM(double)
DN_FROM(bool)
DN_FROM(Number)
DN_FROM(Dims)
DN_FROM(std::vector<int64_t>)
DN_FROM(Tensors)
DN_FROM(DType)
DN_FROM(Device)
DN_FROM(std::string)
#undef DN_FROM
template <class T>
struct From<std::optional<T>> {
  static std::optional<T> convert(PyObject* o, Where w) {
    if (o == Py_None) return std::nullopt;
    return From<T>::convert(o, w);
  }
};

inline PyObject* to_python(const Tensor& t) { return wrap(t); }
inline PyObject* to_python(bool b) { return PyBool_FromLong(b); }
inline PyObject* to_python(int64_t i) { return PyLong_FromLongLong(i); }
inline PyObject* to_python(double d) { return PyFloat_FromDouble(d); }
inline PyObject* to_python(const std::string& s) { return PyUnicode_FromStringAndSize(s.data(), Py_ssize_t(s.size())); }
inline PyObject* to_python(const Dims& d) { return wrap_dims(d); }
inline PyObject* to_python(DType t) { return wrap_dtype(t); }
PyObject* to_python(const Tensors& list);
template <class A, class B>
PyObject* to_python(const std::pair<A, B>& p) {
  PyObject* tuple = PyTuple_New(2);
  PyTuple_SET_ITEM(tuple, 0, to_python(p.first));
  PyTuple_SET_ITEM(tuple, 1, to_python(p.second));
  return tuple;
}
template <class A, class B, class C>
PyObject* to_python(const std::tuple<A, B, C>& p) {
  PyObject* tuple = PyTuple_New(3);
  PyTuple_SET_ITEM(tuple, 0, to_python(std::get<0>(p)));
  PyTuple_SET_ITEM(tuple, 1, to_python(std::get<1>(p)));
  PyTuple_SET_ITEM(tuple, 2, to_python(std::get<2>(p)));
  return tuple;
}

}  // namespace deepnet::python
