// Tensors from sizes, numbers, sequences, arrays and other libraries' memory.
#include "bindings/types.h"

#include "bindings/op.h"
#include "ops/copy.h"
#include "ops/factories.h"

namespace deepnet::python {

namespace {

// DLPack's C structures, by its specification (version 0.8).
struct DLDevice {
  int32_t type, id;
};
struct DLDataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape, *strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor*);
};
enum { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBfloat = 4, kDLBool = 6, kDLCPU = 1, kDLCUDA = 2 };

DLDataType dl_type(DType t) {
  uint8_t bits = uint8_t(itemsize(t) * 8);
  switch (t) {
    case DType::Bool:
      return {kDLBool, 8, 1};
    case DType::UInt8:
      return {kDLUInt, 8, 1};
    case DType::BFloat16:
      return {kDLBfloat, 16, 1};
    default:
      return {uint8_t(is_floating(t) ? kDLFloat : kDLInt), bits, 1};
  }
}

DType from_dl_type(DLDataType d) {
  for (int i = 0; i < 10; ++i) {
    DLDataType t = dl_type(DType(i));
    if (t.code == d.code && t.bits == d.bits && d.lanes == 1) return DType(i);
  }
  throw TypeError(join("from_dlpack: no dtype for code ", int(d.code), " with ", int(d.bits), " bits"));
}

struct Exported {
  DLManagedTensor managed;
  Tensor tensor;
};

py::capsule to_dlpack(const Tensor& x) {
  if (requires_grad(x)) fail<RuntimeError>("__dlpack__", "the tensor requires a gradient; detach it first");
  auto* e = new Exported{{}, x};
  DLTensor& t = e->managed.tensor;
  t.data = x.data();
  t.device = {x.device().is_cpu() ? kDLCPU : kDLCUDA, x.device().index};
  t.ndim = x.ndim();
  t.dtype = dl_type(x.dtype());
  t.shape = x.impl()->shape.v;
  t.strides = x.impl()->strides.v;
  t.byte_offset = 0;
  e->managed.context = e;
  e->managed.deleter = [](DLManagedTensor* m) { delete static_cast<Exported*>(m->context); };
  return py::capsule(&e->managed, "dltensor", [](PyObject* capsule) {
    if (!PyCapsule_IsValid(capsule, "dltensor")) return;  // taken: its receiver frees it
    auto* m = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
    m->deleter(m);
  });
}

Tensor from_dlpack(py::object o) {
  py::object capsule = py::hasattr(o, "__dlpack__") ? o.attr("__dlpack__")() : o;
  if (!PyCapsule_IsValid(capsule.ptr(), "dltensor"))
    throw TypeError("from_dlpack: needs an object with __dlpack__, or an unused capsule");
  auto* m = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  const DLTensor& t = m->tensor;
  if (t.device.type != kDLCPU && t.device.type != kDLCUDA)
    throw RuntimeError(join("from_dlpack: no device of DLPack type ", t.device.type));
  if (t.ndim > kMaxDims) throw ValueError(join("from_dlpack: at most ", kMaxDims, " dims, got ", t.ndim));
  DType dtype = from_dl_type(t.dtype);
  auto impl = make_ref<TensorImpl>();
  int64_t span = 1;
  for (int i = 0; i < t.ndim; ++i) impl->shape.push_back(t.shape[i]);
  impl->strides = contiguous_strides(impl->shape);
  for (int i = 0; i < t.ndim; ++i) {
    if (t.strides) impl->strides.v[i] = t.strides[i];
    if (impl->strides.v[i] < 0) throw ValueError("from_dlpack: negative strides are not offered");
    span += (impl->shape.v[i] - 1) * impl->strides.v[i];
  }
  impl->dtype = dtype;
  Device d{t.device.type == kDLCPU ? DeviceType::CPU : DeviceType::CUDA, int8_t(t.device.id)};
  PyCapsule_SetName(capsule.ptr(), "used_dltensor");
  impl->storage =
      make_ref<Storage>(static_cast<char*>(t.data) + t.byte_offset, size_t(std::max<int64_t>(span, 0) * itemsize(dtype)), d,
                        static_cast<void*>(m), [](void* p) {
                          auto* m = static_cast<DLManagedTensor*>(p);
                          if (!m->deleter) return;
                          PyGILState_STATE s = PyGILState_Ensure();
                          m->deleter(m);
                          PyGILState_Release(s);
                        });
  return Tensor(std::move(impl));
}

Tensor new_tensor(const char* opname, const Dims& size, std::optional<DType> t, std::optional<Device> d, bool grad,
                  std::optional<Number> value) {
  check_numel(opname, size);
  DType dtype = t.value_or(default_dtype());
  Tensor y = value ? full(size, *value, dtype, d.value_or(Device{})) : empty(size, dtype, d.value_or(Device{}));
  if (grad) set_requires_grad(y, true);
  return y;
}

}  // namespace

void bind_creation(py::module_& m) {
  const char* sized = "size, *, dtype=None, device=None, requires_grad=False";
  op(
      m, "empty_size",
      [](const Dims& s, std::optional<DType> t, std::optional<Device> d, bool g) {
        return new_tensor("empty", s, t, d, g, std::nullopt);
      },
      sized);
  op(
      m, "full_size",
      [](const Dims& s, Number v, std::optional<DType> t, std::optional<Device> d, bool g) {
        return new_tensor("full", s, t, d, g, v);
      },
      "size, fill_value, *, dtype=None, device=None, requires_grad=False");
  op(
      m, "arange_plain",
      [](Number a, Number b, Number c, DType t, std::optional<Device> d) { return arange(a, b, c, t, d.value_or(Device{})); },
      "start, end, step, dtype, device=None");
  op(
      m, "linspace_plain",
      [](double a, double b, int64_t n, DType t, std::optional<Device> d) {
        return linspace(a, b, n, t, d.value_or(Device{}));
      },
      "start, end, steps, dtype, device=None");
  op(
      m, "eye_plain", [](int64_t n, int64_t k, DType t, std::optional<Device> d) { return eye(n, k, t, d.value_or(Device{})); },
      "n, m, dtype, device=None");
  m.def(
      "tensor",
      [](py::object data, py::object dtype, py::object device, bool requires_grad) {
        Tensor t = tensor_from_python(data.ptr(), From<std::optional<DType>>::convert(dtype.ptr(), {"tensor", "dtype"}),
                                      From<std::optional<Device>>::convert(device.ptr(), {"tensor", "device"}));
        if (requires_grad) set_requires_grad(t, true);
        return py::reinterpret_steal<py::object>(wrap(t));
      },
      py::arg("data"), py::kw_only(), py::arg("dtype") = py::none(), py::arg("device") = py::none(),
      py::arg("requires_grad") = false);
  m.def("from_buffer", [](py::object o) { return py::reinterpret_steal<py::object>(wrap(tensor_from_buffer(o.ptr()))); });
  m.def("to_dlpack", [](py::object o) { return to_dlpack(From<Tensor>::convert(o.ptr(), {"to_dlpack", "input"})); });
  m.def("from_dlpack", [](py::object o) { return py::reinterpret_steal<py::object>(wrap(from_dlpack(o))); });
  m.def("make_subclass", [](py::type type, py::object data, bool requires_grad) {
    Tensor t = detach(From<Tensor>::convert(data.ptr(), {"make_subclass", "data"}));
    if (requires_grad) set_requires_grad(t, true);
    return py::reinterpret_steal<py::object>(wrap_as(reinterpret_cast<PyTypeObject*>(type.ptr()), t));
  });
  m.def("result_type", [](py::object a, py::object b) {
    return py::reinterpret_steal<py::object>(
        wrap_dtype(result_type(From<Operand>::convert(a.ptr(), {"result_type", "tensor1"}).t,
                               From<Operand>::convert(b.ptr(), {"result_type", "tensor2"}).t)));
  });
  m.def("promote_types", [](py::object a, py::object b) {
    return py::reinterpret_steal<py::object>(wrap_dtype(promote(From<DType>::convert(a.ptr(), {"promote_types", "type1"}),
                                                                From<DType>::convert(b.ptr(), {"promote_types", "type2"}))));
  });
  m.def("get_default_dtype", [] { return py::reinterpret_steal<py::object>(wrap_dtype(default_dtype())); });
  m.def("set_default_dtype",
        [](py::object t) { set_default_dtype(From<DType>::convert(t.ptr(), {"set_default_dtype", "dtype"})); });
  m.def("set_size_type", [](py::type t) { size_type = reinterpret_cast<PyTypeObject*>(t.inc_ref().ptr()); });
  op(m, "item", [](const Tensor& t) { return PythonNumber{item("item", t), t.dtype()}; }, "input");
}

}  // namespace deepnet::python
