// t[...] and t[...] = value: ints, slices, None, Ellipsis, masks, index tensors and lists, mixed as NumPy mixes them.
#include <pybind11/pybind11.h>

#include "bindings/op.h"
#include "bindings/types.h"
#include "ops/copy.h"
#include "ops/index.h"
#include "ops/views.h"

namespace deepnet::python {

namespace {

/// The basic part of a key applied as views, and the index tensors that remain.
struct Resolved {
  Tensor view;
  Tensors indices;  // for view's leading dims; undefined where a dim stays whole
  bool advanced = false;
};

bool is_index_list(PyObject* o) { return PyList_Check(o) || has_buffer(o) || (PyTuple_Check(o)); }

bool counts_dim(PyObject* o) {
  if (o == Py_None || o == Py_Ellipsis || PyBool_Check(o)) return false;
  return true;
}

Tensor index_tensor(PyObject* o) {
  if (is_tensor(o)) return unwrap(o);
  Tensor t = tensor_from_python(o, std::nullopt, std::nullopt);
  if (t.numel() == 0 && is_floating(t.dtype())) t = to(t, DType::Int64);
  return t;
}

Resolved resolve(const Tensor& x, PyObject* key) {
  PyObject* single[1] = {key};
  PyObject** items = single;
  Py_ssize_t n = 1;
  if (PyTuple_Check(key)) {
    n = PyTuple_GET_SIZE(key);
    items = &PyTuple_GET_ITEM(key, 0);
  }
  int used = 0;
  bool ellipsis = false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = items[i];
    if (o == Py_Ellipsis) {
      if (ellipsis) throw IndexError("index: only one ... can stand in a key");
      ellipsis = true;
    } else if (counts_dim(o)) {
      bool mask = is_tensor(o) && (unwrap(o).dtype() == DType::Bool || unwrap(o).dtype() == DType::UInt8);
      used += mask ? unwrap(o).ndim() : 1;
    }
  }
  Resolved r;
  r.view = x;
  int dim = 0;
  auto set = [&](int at, const Tensor& t) {
    while (int(r.indices.size()) <= at) r.indices.emplace_back();
    r.indices[size_t(at)] = t;
    r.advanced = true;
  };
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = items[i];
    if (o == Py_None) {
      r.view = unsqueeze(r.view, dim++);
    } else if (o == Py_Ellipsis) {
      dim += x.ndim() - used;
      if (x.ndim() < used) throw IndexError(join("index: too many indices: ", used, " for a tensor of ", x.ndim(), " dims"));
    } else if (PyBool_Check(o)) {
      r.view = unsqueeze(r.view, dim);
      set(dim++, o == Py_True ? zeros({1}, DType::Int64) : empty({0}, DType::Int64));
    } else if (PySlice_Check(o)) {
      Py_ssize_t start, stop, step;
      if (PySlice_Unpack(o, &start, &stop, &step) < 0) throw PythonError();
      if (dim >= r.view.ndim())
        throw IndexError(join("index: too many indices: ", used, " for a tensor of ", x.ndim(), " dims"));
      if (step < 0) throw ValueError(join("index: slice steps must be positive, got ", step, "; use flip"));
      if (start == 0 && stop >= r.view.size(dim) && step == 1) {
        if (n == 1) r.view = view_as_self(r.view);
      } else {
        r.view = slice(r.view, dim, start, stop, step);
      }
      ++dim;
    } else if (is_tensor(o) || is_index_list(o)) {
      Tensor t = index_tensor(o);
      if (t.ndim() == 0 && is_tensor(o) && is_integral(t.dtype()) && t.dtype() != DType::UInt8 && !requires_grad(t)) {
        r.view = select(r.view, dim, item("index", t).i);
        continue;
      }
      if (t.ndim() == 0 && t.dtype() == DType::Bool) {
        r.view = unsqueeze(r.view, dim);
        set(dim++, item("index", t).i ? zeros({1}, DType::Int64) : empty({0}, DType::Int64));
        continue;
      }
      if (is_floating(t.dtype()))
        throw IndexError(join("index: index tensors must be integers or bools, got ", name(t.dtype())));
      if (t.dtype() != DType::Bool && t.dtype() != DType::UInt8 && t.dtype() != DType::Int64) t = to(t, DType::Int64);
      if (t.dtype() == DType::Bool || t.dtype() == DType::UInt8) {
        for (int k = 0; k < t.ndim(); ++k)
          if (dim + k >= r.view.ndim() || t.size(k) != r.view.size(dim + k))
            throw IndexError(join("index: a mask of shape ", t.shape(), " does not fit ", r.view.shape(), " at dim ", dim));
        Tensor hits = nonzero(t);
        for (int k = 0; k < t.ndim(); ++k) set(dim++, select(hits, 1, k));
      } else {
        if (dim >= r.view.ndim())
          throw IndexError(join("index: too many indices: ", used, " for a tensor of ", x.ndim(), " dims"));
        set(dim++, t);
      }
    } else if (PyIndex_Check(o)) {
      py::object index = py::reinterpret_steal<py::object>(PyNumber_Index(o));
      if (!index) throw PythonError();
      if (dim >= r.view.ndim())
        throw IndexError(join("index: too many indices: ", used, " for a tensor of ", x.ndim(), " dims"));
      r.view = select(r.view, dim, From<int64_t>::convert(index.ptr(), {"index", "an index"}));
    } else {
      throw TypeError(join("index: keys are ints, slices, None, ..., tensors or lists, got ", Py_TYPE(o)->tp_name));
    }
  }
  return r;
}

}  // namespace

PyObject* get_item(PyObject* self, PyObject* key) {
  try {
    Tensor x = unwrap(self);
    if (PyLong_CheckExact(key)) return wrap(select(x, 0, From<int64_t>::convert(key, {"index", "an index"})));
    Resolved r = resolve(x, key);
    if (r.advanced) return wrap(index(r.view, r.indices));
    return wrap(r.view.is_same(x) ? view_as_self(x) : r.view);
  } catch (...) {
    set_error();
    return nullptr;
  }
}

int set_item(PyObject* self, PyObject* key, PyObject* value) {
  try {
    Tensor x = unwrap(self);
    if (!value) throw TypeError("index: elements of a tensor cannot be deleted");
    Resolved r = resolve(x, key);
    Tensor v;
    if (is_tensor(value)) {
      v = unwrap(value);
    } else if (is_number(value)) {
      Number n = to_number(value, {"index", "the value"});
      if (!r.advanced) {
        fill_(r.view, n);
        return 0;
      }
      v = number_tensor(value, {"index", "the value"});
    } else {
      v = tensor_from_python(value, x.dtype(), std::nullopt);
    }
    if (r.advanced) {
      index_put_(r.view, r.indices, v, false);
    } else {
      while (v.ndim() > r.view.ndim() && v.size(0) == 1) v = select(v, 0, 0);
      copy_(r.view, v);
    }
    return 0;
  } catch (...) {
    set_error();
    return -1;
  }
}

}  // namespace deepnet::python
