#include "bindings/tensor_attributes.h"

#include "autograd/accumulate.h"
#include "autograd/meta.h"
#include "bindings/types.h"
#include "ops/copy.h"
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
void put(AutogradMeta& m, const Tensor& g) { (m.retained ? m.retained->grad : m.grad) = g; }
int put_grad(PyObject* s, PyObject* v, void*) {
  try {
    Tensor x = self_of(s);
    if (!v || v == Py_None) {
      if (gradient_log && x.impl()->autograd) gradient_log->note(x, FirstUse::Reset);
      if (x.impl()->autograd) put(meta(x), Tensor());
      return 0;
    }
    Tensor g = From<Tensor>::convert(v, {"grad", "the gradient"});
    if (!(g.shape() == x.shape())) fail<RuntimeError>("grad", "must have the tensor's shape ", x.shape(), ", got ", g.shape());
    if (g.dtype() != x.dtype())
      fail<RuntimeError>("grad", "must have the tensor's dtype ", name(x.dtype()), ", got ", name(g.dtype()));
    put(meta(x), g);
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

}  // namespace

PyGetSetDef tensor_getset[] = {
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

PyMemberDef tensor_members[] = {{"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
                                {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
                                {nullptr, 0, 0, 0, nullptr}};

int get_tensor_buffer(PyObject* self, Py_buffer* view, int) {
  if (current_recorder && current_recorder->refuses_reads()) {
    PyErr_SetString(PyExc_RuntimeError, "numpy: shows the memory to the host, which a capture cannot replay");
    return -1;
  }
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
void release_tensor_buffer(PyObject*, Py_buffer* view) { delete[] static_cast<Py_ssize_t*>(view->internal); }

}  // namespace deepnet::python
