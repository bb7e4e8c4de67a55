// dtype and device objects, sizes, and reading single values.
#pragma once

#include <pybind11/pybind11.h>

#include "bindings/python.h"
#include "bindings/stub.h"

namespace deepnet::python {

/// deepnet.Size, a tuple; set by the Python package.
extern PyTypeObject* size_type;

void bind_types(pybind11::module_& m);
/// The one element of t, read on the host; refused by a capture in the name of op.
Number item(const char* op, const Tensor& t);
/// Nested sequences, numbers, arrays or tensors as a new tensor.
Tensor tensor_from_python(PyObject* data, std::optional<DType> dtype, std::optional<Device> device);
/// An object with the buffer protocol (a NumPy array), sharing its memory; read_only promises that nothing writes through it.
Tensor tensor_from_buffer(PyObject* buffer, bool read_only = false);
bool has_buffer(PyObject* o);
PyObject* number_object(Number n, DType t);
/// A number on its way to Python as the kind its dtype is.
struct PythonNumber {
  Number n;
  DType t;
};
template <>
struct PythonType<PythonNumber> {
  static std::string text() { return "Number"; }
};
inline PyObject* to_python(const PythonNumber& p) { return number_object(p.n, p.t); }
PyObject* get_item(PyObject* self, PyObject* key);
int set_item(PyObject* self, PyObject* key, PyObject* value);

}  // namespace deepnet::python
