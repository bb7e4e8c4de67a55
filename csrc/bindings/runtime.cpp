// Threads, memory, instruction sets, captures, CUDA's loading.
#include "autograd/accumulate.h"
#include "backend/registry.h"
#include "bindings/op.h"
#include "capture/capture.h"
#include "core/allocator.h"
#include "core/parallel.h"
#include "tensor/generator.h"

namespace deepnet::python {

namespace {

void* drop_gil() { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; }
void take_gil(void* state) {
  if (state) PyEval_RestoreThread(static_cast<PyThreadState*>(state));
}

struct CaptureHandle {
  Ref<Capture> capture = make_ref<Capture>();
  std::unique_ptr<GradientLog> log = std::make_unique<GradientLog>();

  void begin() {
    capture->begin();
    gradient_log = log.get();
  }
  void end() {
    gradient_log = nullptr;
    capture->end();
  }
  /// (leaf, first use of its .grad) for every leaf whose gradient the step touched.
  py::list gradients() const {
    py::list l;
    for (const auto& [leaf, use] : log->uses)
      l.append(py::make_tuple(py::reinterpret_steal<py::object>(wrap(leaf)), std::string(1, char(use))));
    return l;
  }
};

PyObject* cuda_import = nullptr;
void load_cuda() {
  if (!cuda_import) return;
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject* f = cuda_import;
  PyObject* r = PyObject_CallNoArgs(f);
  if (!r) PyErr_Clear();
  Py_XDECREF(r);
  PyGILState_Release(state);
}

}  // namespace

void bind_runtime(py::module_& m) {
  set_blocking_hooks({drop_gil, take_gil});
  m.def("get_num_threads", [] { return num_threads(); });
  m.def("set_num_threads", [](int n) {
    if (n < 1) fail("set_num_threads", "needs at least 1 thread, got ", n);
    set_num_threads(n);
  });
  m.def("available_threads", [] { return available_threads(); });
  m.def("active_isa", [] { return std::string(active_cpu_backend().name()); });
  m.def("built_isas", [] {
    py::list names;
    for (const char* const* isa = built_isas(); *isa; ++isa) names.append(*isa);
    return names;
  });
  m.def("memory_stats", [] {
    MemoryStats s = memory_stats();
    py::dict d;
    d["allocated_bytes"] = s.allocated;
    d["peak_allocated_bytes"] = s.peak_allocated;
    d["cached_bytes"] = s.cached;
    d["allocations"] = s.allocations;
    d["system_calls"] = s.system_calls;
    return d;
  });
  m.def("reset_peak_memory_stats", [] { reset_peak_memory_stats(); });
  m.def("empty_cache", [] { default_pool().trim(); });
  m.def("manual_seed", [](int64_t seed) { default_generator()->set(uint64_t(seed), 0); });

  py::class_<CaptureHandle>(m, "Capture", "A step's kernels, recorded once.")
      .def(py::init<>())
      .def("begin", &CaptureHandle::begin)
      .def("end", &CaptureHandle::end)
      .def("gradients", &CaptureHandle::gradients)
      .def("replay", [](CaptureHandle& h) { h.capture->replay(); })
      .def("__len__", [](const CaptureHandle& h) { return h.capture->size(); });
  m.def("capturing", [] { return current_recorder && current_recorder->refuses_reads(); });

  m.def("set_cuda_loader", [](py::object f) {
    cuda_import = f.release().ptr();
    set_cuda_loader(load_cuda);
  });
  m.def("register_cuda_backend",
        [](int index, intptr_t pointer) { register_cuda_backend(index, reinterpret_cast<Backend*>(pointer)); });
  m.def("set_why_no_cuda", [](const std::string& why) {
    static std::string kept;
    kept = why;
    set_why_no_cuda(kept.c_str());
  });
  m.def("synchronize", [](int index) { backend(Device{DeviceType::CUDA, int8_t(index)}).synchronize(); });
}

}  // namespace deepnet::python
