#include "bindings/types.h"

#include <cstring>
#include <sstream>

#include "backend/launch.h"
#include "bindings/op.h"
#include "ops/copy.h"
#include "ops/index.h"

namespace deepnet::python {

PyTypeObject* size_type = nullptr;

namespace {

PyObject* dtype_objects[10];
const char* const kDTypeAliases[10][2] = {
    {"bool", nullptr}, {"uint8", nullptr},  {"int8", nullptr},     {"int16", "short"},   {"int32", "int"},
    {"int64", "long"}, {"float16", "half"}, {"bfloat16", nullptr}, {"float32", "float"}, {"float64", "double"}};

struct DTypeObject {
  DType t;
};

Device parse_device(const std::string& s, Where w) {
  if (s == "cpu" || s == "cpu:0") return {};
  if (s == "cuda") return {DeviceType::CUDA, 0};
  if (s.rfind("cuda:", 0) == 0 && s.size() <= 7 && s.find_first_not_of("0123456789", 5) == std::string::npos && s.size() > 5)
    return {DeviceType::CUDA, int8_t(std::stoi(s.substr(5)))};
  throw RuntimeError(join(w.op, ": ", w.argument, " must be 'cpu', 'cuda' or 'cuda:N', got '", s, "'"));
}

py::handle device_class;

}  // namespace

PyObject* wrap_dtype(DType t) { return Py_NewRef(dtype_objects[int(t)]); }
PyObject* wrap_device(Device d) { return py::cast(d).release().ptr(); }

DType From<DType>::convert(PyObject* o, Where w) {
  for (int i = 0; i < 10; ++i)
    if (dtype_objects[i] == o) return DType(i);
  if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) return default_dtype();
  if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::Int64;
  if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::Bool;
  bad_argument(w, "a dtype", o);
}

Device From<Device>::convert(PyObject* o, Where w) {
  if (PyUnicode_Check(o)) return parse_device(PyUnicode_AsUTF8(o), w);
  if (PyLong_Check(o)) return {DeviceType::CUDA, int8_t(PyLong_AsLong(o))};
  if (PyObject_IsInstance(o, device_class.ptr())) return py::cast<Device>(py::handle(o));
  bad_argument(w, "a device", o);
}

Number item(const char* op, const Tensor& t) {
  if (t.numel() != 1) fail<RuntimeError>(op, "only tensors of one element are numbers, got shape ", t.shape());
  if (current_recorder && current_recorder->refuses_reads())
    fail<RuntimeError>(op, "reads a value on the host, which a capture cannot replay");
  Tensor host = t.device().is_cpu() ? t : to(detach(t), t.dtype(), Device{}, false);
  return visit(host.dtype(), [&](auto tag) -> Number {
    using T = typename decltype(tag)::type;
    T x = *host.as<T>();
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
      return {false, 0, to_float(x)};
    else if constexpr (std::is_floating_point_v<T>)
      return {false, 0, double(x)};
    else
      return {true, int64_t(x), 0};
  });
}

PyObject* number_object(Number n, DType t) {
  if (t == DType::Bool) return PyBool_FromLong(n.i != 0);
  return n.integral ? PyLong_FromLongLong(n.i) : PyFloat_FromDouble(n.d);
}

bool has_buffer(PyObject* o) { return PyObject_CheckBuffer(o) && !PyBytes_Check(o) && !PyByteArray_Check(o) && !is_tensor(o); }

namespace {

std::optional<DType> buffer_dtype(const Py_buffer& b) {
  const char* f = b.format ? b.format : "B";
  if (*f == '@' || *f == '=' || *f == '<') ++f;
  if (std::strlen(f) != 1) return std::nullopt;
  switch (*f) {
    case '?':
      return DType::Bool;
    case 'B':
      return DType::UInt8;
    case 'b':
      return DType::Int8;
    case 'h':
      return DType::Int16;
    case 'e':
      return DType::Float16;
    case 'f':
      return DType::Float32;
    case 'd':
      return DType::Float64;
    case 'i':
    case 'l':
    case 'q':
      return b.itemsize == 8 ? DType::Int64 : b.itemsize == 4 ? std::optional(DType::Int32) : std::nullopt;
    default:
      return std::nullopt;
  }
}

/// Nested sequences, walked twice: once for the shape and the kind of number, once for the values.
class Nested {
 public:
  explicit Nested(PyObject* root) {
    inspect(root, 0);
    if (tensors_ && !shape_.empty()) return;
  }
  const Shape& shape() const { return shape_; }
  bool holds_tensors() const { return tensors_; }
  DType dtype() const { return floats_ ? default_dtype() : ints_ ? DType::Int64 : bools_ ? DType::Bool : default_dtype(); }

  template <class T>
  void fill(PyObject* o, T*& out) const {
    if (is_sequence(o)) {
      py::object fast = py::reinterpret_steal<py::object>(PySequence_Fast(o, ""));
      Py_ssize_t n = PySequence_Fast_GET_SIZE(fast.ptr());
      for (Py_ssize_t i = 0; i < n; ++i) fill(PySequence_Fast_GET_ITEM(fast.ptr(), i), out);
      return;
    }
    Number n = to_number(o, {"tensor", "an element"});
    if constexpr (std::is_same_v<T, double>)
      *out++ = n.real();
    else
      *out++ = n.integral ? n.i : int64_t(n.d);
  }

 private:
  static bool is_sequence(PyObject* o) {
    return PyList_Check(o) || PyTuple_Check(o) || (PySequence_Check(o) && !is_tensor(o) && !PyUnicode_Check(o));
  }

  void inspect(PyObject* o, int depth) {
    if (!is_sequence(o)) {
      if (depth_ < 0) depth_ = depth;
      if (depth != depth_) throw ValueError("tensor: nested sequences must have one depth");
      if (is_tensor(o)) {
        Tensor t = unwrap(o);
        if (t.numel() != 1)
          throw ValueError(
              join("tensor: only tensors of one element can stand in a list, got shape ", t.shape(), "; use stack"));
        tensors_ = true;
        (is_floating(t.dtype()) ? floats_ : t.dtype() == DType::Bool ? bools_ : ints_) = true;
      } else if (PyBool_Check(o)) {
        bools_ = true;
      } else if (PyFloat_Check(o)) {
        floats_ = true;
      } else if (PyLong_Check(o)) {
        ints_ = true;
      } else {
        Number n = to_number(o, {"tensor", "an element"});
        (n.integral ? ints_ : floats_) = true;
      }
      return;
    }
    py::object fast = py::reinterpret_steal<py::object>(PySequence_Fast(o, "tensor: expected a sequence"));
    if (!fast) throw PythonError();
    Py_ssize_t n = PySequence_Fast_GET_SIZE(fast.ptr());
    if (depth == shape_.n) {
      if (depth_ >= 0 && depth >= depth_) throw ValueError("tensor: nested sequences must have one depth");
      if (depth == kMaxDims) throw ValueError(join("tensor: at most ", kMaxDims, " dims"));
      shape_.push_back(n);
    } else if (shape_.v[depth] != n) {
      throw ValueError(join("tensor: sequences at depth ", depth, " must have one length, got ", shape_.v[depth], " and ", n));
    }
    for (Py_ssize_t i = 0; i < n; ++i) inspect(PySequence_Fast_GET_ITEM(fast.ptr(), i), depth + 1);
  }

  Shape shape_;
  int depth_ = -1;
  bool floats_ = false, ints_ = false, bools_ = false, tensors_ = false;
};

}  // namespace

Tensor tensor_from_buffer(PyObject* o, bool read_only) {
  auto* buffer = new Py_buffer;
  if (read_only || PyObject_GetBuffer(o, buffer, PyBUF_STRIDES | PyBUF_FORMAT | PyBUF_WRITABLE) != 0) {
    PyErr_Clear();
    if (PyObject_GetBuffer(o, buffer, PyBUF_STRIDES | PyBUF_FORMAT) != 0) {
      delete buffer;
      throw PythonError();
    }
    if (!read_only &&
        PyErr_WarnEx(PyExc_UserWarning, "from_numpy: the array is read-only, but writes through the tensor would change it",
                     1) < 0) {
      PyBuffer_Release(buffer);
      delete buffer;
      throw PythonError();
    }
  }
  auto release = [](void* p) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyBuffer_Release(static_cast<Py_buffer*>(p));
    delete static_cast<Py_buffer*>(p);
    PyGILState_Release(state);
  };
  std::optional<DType> t = buffer_dtype(*buffer);
  std::string format = buffer->format ? buffer->format : "B";
  if (!t || buffer->ndim > kMaxDims) {
    int ndim = buffer->ndim;
    release(buffer);
    if (!t) throw TypeError(join("from_numpy: no dtype for arrays of format '", format, "'"));
    throw ValueError(join("from_numpy: at most ", kMaxDims, " dims, got ", ndim));
  }
  auto impl = make_ref<TensorImpl>();
  size_t span = size_t(buffer->itemsize);
  for (int i = 0; i < buffer->ndim; ++i) {
    int64_t stride = buffer->strides[i];
    if (stride < 0 || stride % buffer->itemsize) {
      release(buffer);
      throw ValueError("from_numpy: strides must be non-negative multiples of the item size; pass a copy of the array");
    }
    impl->shape.push_back(buffer->shape[i]);
    impl->strides.push_back(stride / buffer->itemsize);
    if (buffer->shape[i] > 0) span += size_t(buffer->shape[i] - 1) * size_t(stride);
  }
  impl->dtype = *t;
  impl->storage =
      make_ref<Storage>(buffer->buf, span, Device{}, static_cast<void*>(buffer), static_cast<void (*)(void*)>(release));
  return Tensor(std::move(impl));
}

Tensor tensor_from_python(PyObject* data, std::optional<DType> dtype, std::optional<Device> device) {
  if (is_tensor(data)) return to(detach(unwrap(data)), dtype, device, true);
  if (has_buffer(data)) return to(tensor_from_buffer(data, true), dtype, device, true);
  if (!PyList_Check(data) && !PyTuple_Check(data) && !is_number(data) && PyObject_HasAttrString(data, "__array__")) {
    py::object array = py::reinterpret_borrow<py::object>(data).attr("__array__")();
    return tensor_from_python(array.ptr(), dtype, device);
  }
  if (PyList_Check(data) && PyList_GET_SIZE(data) && has_buffer(PyList_GET_ITEM(data, 0)) &&
      !is_number(PyList_GET_ITEM(data, 0))) {
    Tensors parts;  // a list of arrays
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); ++i)
      parts.push_back(tensor_from_python(PyList_GET_ITEM(data, i), dtype, device));
    return stack(parts, 0);
  }
  if (!is_number(data) && !PySequence_Check(data)) bad_argument({"tensor", "data"}, "a number, a sequence or an array", data);
  if (PyUnicode_Check(data)) bad_argument({"tensor", "data"}, "a number, a sequence or an array", data);
  Nested nested(data);
  DType t = dtype.value_or(nested.dtype());
  bool floating = is_floating(nested.dtype()) || is_floating(t);
  Tensor y = empty(nested.shape(), floating ? DType::Float64 : DType::Int64);
  if (y.numel()) {
    if (floating) {
      double* out = y.as<double>();
      nested.fill(data, out);
    } else {
      int64_t* out = y.as<int64_t>();
      nested.fill(data, out);
    }
  }
  return to(y, t, device, false);
}

void bind_types(py::module_& m) {
  py::class_<DTypeObject>(m, "dtype", "The type of a tensor's elements.")
      .def("__repr__", [](const DTypeObject& d) { return std::string("deepnet.") + name(d.t); })
      .def("__reduce__", [](const DTypeObject& d) { return std::string(name(d.t)); })
      .def("__hash__", [](const DTypeObject& d) { return int(d.t) + 1; })
      .def("__eq__", [](const DTypeObject& d,
                        py::object o) { return py::isinstance<DTypeObject>(o) && py::cast<DTypeObject>(o).t == d.t; })
      .def_property_readonly("is_floating_point", [](const DTypeObject& d) { return is_floating(d.t); })
      .def_property_readonly("is_complex", [](const DTypeObject&) { return false; })
      .def_property_readonly("is_signed", [](const DTypeObject& d) { return d.t != DType::UInt8 && d.t != DType::Bool; })
      .def_property_readonly("itemsize", [](const DTypeObject& d) { return itemsize(d.t); });
  for (int i = 0; i < 10; ++i) {
    py::object o = py::cast(DTypeObject{DType(i)});
    dtype_objects[i] = Py_NewRef(o.ptr());
    for (const char* alias : kDTypeAliases[i])
      if (alias) m.attr(alias) = o;
  }
  py::class_<Device> device(m, "device", "Where a tensor lies: 'cpu', or 'cuda' with an index.");
  device
      .def(py::init([](py::object type, py::object index) {
             Device d = From<Device>::convert(type.ptr(), {"device", "type"});
             if (!index.is_none()) d.index = int8_t(py::cast<int>(index));
             return d;
           }),
           py::arg("type"), py::arg("index") = py::none())
      .def_property_readonly("type", [](const Device& d) { return d.is_cpu() ? "cpu" : "cuda"; })
      .def_property_readonly("index",
                             [](const Device& d) -> py::object {
                               if (d.is_cpu()) return py::none();
                               return py::int_(int(d.index));
                             })
      .def("__str__", [](const Device& d) { return name(d); })
      .def("__repr__",
           [](const Device& d) {
             return d.is_cpu() ? std::string("device(type='cpu')") : join("device(type='cuda', index=", int(d.index), ")");
           })
      .def("__hash__", [](const Device& d) { return int(d.type) * 64 + d.index; })
      .def("__eq__",
           [](const Device& d, py::object o) {
             if (py::isinstance<Device>(o)) return py::cast<Device>(o) == d;
             return py::isinstance<py::str>(o) && From<Device>::convert(o.ptr(), {"device", "other"}) == d;
           })
      .def("__reduce__", [](py::object self) { return py::make_tuple(py::type::of(self), py::make_tuple(py::str(self))); });
  device_class = device.release();
}

}  // namespace deepnet::python
