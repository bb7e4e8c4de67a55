// The Tensor type's attributes and its memory as a buffer.
#pragma once

#include <Python.h>
#include <structmember.h>

namespace deepnet::python {

extern PyGetSetDef tensor_getset[];
extern PyMemberDef tensor_members[];
int get_tensor_buffer(PyObject* self, Py_buffer* view, int flags);
void release_tensor_buffer(PyObject* self, Py_buffer* view);

}  // namespace deepnet::python
