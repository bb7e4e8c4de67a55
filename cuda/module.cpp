// The Python module `_cuda`: devices, their backends, memory, streams and events. It loads on a machine without a driver.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cuda_backend.h"
#include "memory.h"
#include "runtime.h"

namespace py = pybind11;

namespace deepnet::gpu {
namespace {

void check_device(int device) {
  const Probe p = probe();
  if (p.devices == 0) throw RuntimeError(join("cuda: no device is available: ", p.why_not));
  if (device < 0 || device >= p.devices) throw ValueError(join("cuda: there are ", p.devices, " devices, got device ", device));
}

/// The backend of a device, made on first use, never destroyed: tensors may outlive everything.
Backend* backend_of(int device) {
  constexpr int kMostDevices = 16;
  static std::mutex mutex;
  static CudaBackend* backends[kMostDevices];
  check_device(device);
  const std::lock_guard<std::mutex> lock(mutex);
  if (!backends[device]) backends[device] = new CudaBackend(device);
  return backends[device];
}

/// Makes a device current for a scope.
class Using {
 public:
  explicit Using(int device) {
    check(cudaGetDevice(&before_), "cudaGetDevice");
    check(cudaSetDevice(device), "cudaSetDevice");
  }
  ~Using() { cudaSetDevice(before_); }

 private:
  int before_ = 0;
};

/// The device that events mean where no stream names one.
int current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  return device;
}

/// A point in a stream's work.
class Event {
 public:
  explicit Event(bool timed) : timed_(timed) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    if (event_) cudaEventDestroy(event_);
  }
  void record(int device, cudaStream_t stream) {
    const Using scope(device);
    if (!event_) check(cudaEventCreateWithFlags(&event_, timed_ ? cudaEventDefault : cudaEventDisableTiming), "Event");
    check(cudaEventRecord(event_, stream), "Event.record");
  }
  void wait(cudaStream_t stream) const {
    if (event_) check(cudaStreamWaitEvent(stream, event_, 0), "Event.wait");
  }
  bool query() const {
    if (!event_) return true;
    const cudaError_t status = cudaEventQuery(event_);
    if (status == cudaErrorNotReady) {
      cudaGetLastError();
      return false;
    }
    check(status, "Event.query");
    return true;
  }
  void synchronize() const {
    if (event_) check(cudaEventSynchronize(event_), "Event.synchronize");
  }
  double elapsed_time(const Event& end) const {
    if (!event_ || !end.event_) throw RuntimeError("Event.elapsed_time: both events must have been recorded");
    if (!timed_ || !end.timed_) throw ValueError("Event.elapsed_time: both events must be made with enable_timing=True");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, event_, end.event_), "Event.elapsed_time");
    return milliseconds;
  }

 private:
  bool timed_;
  cudaEvent_t event_ = nullptr;
};

/// A queue of work on a device; the default stream is the null one.
class Stream {
 public:
  Stream(int device, bool is_default) : device(device) {
    check_device(device);
    if (is_default) return;
    const Using scope(device);
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "Stream");
  }
  /// Somebody else's.
  Stream(int device, cudaStream_t s) : device(device), stream(s), owns_(false) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (!owns_ || !stream) return;
    // Cached memory knows streams by address: what was freed on this one must be done before the address can come again.
    cudaStreamSynchronize(stream);
    cudaStreamDestroy(stream);
  }
  void wait_stream(const Stream& other) const {
    Event event(false);
    event.record(other.device, other.stream);
    event.wait(stream);
  }
  bool query() const {
    const cudaError_t status = cudaStreamQuery(stream);
    if (status == cudaErrorNotReady) {
      cudaGetLastError();
      return false;
    }
    check(status, "Stream.query");
    return true;
  }
  const int device;
  cudaStream_t stream = nullptr;

 private:
  bool owns_ = true;
};

py::dict memory_stats_of(int device) {
  check_device(device);
  const MemoryStats s = device_state(device).memory->stats();
  py::dict d;
  d["allocated_bytes"] = s.allocated;
  d["peak_allocated_bytes"] = s.peak_allocated;
  d["cached_bytes"] = s.cached;
  d["allocations"] = s.allocations;
  d["system_calls"] = s.system_calls;
  return d;
}

void translate_errors(std::exception_ptr p) {
  try {
    if (p) std::rethrow_exception(p);
  } catch (const OutOfMemoryError& e) {
    PyErr_SetString(PyExc_MemoryError, e.what());
  } catch (const ValueError& e) {
    PyErr_SetString(PyExc_ValueError, e.what());
  } catch (const TypeError& e) {
    PyErr_SetString(PyExc_TypeError, e.what());
  } catch (const IndexError& e) {
    PyErr_SetString(PyExc_IndexError, e.what());
  } catch (const Error& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
}

}  // namespace
}  // namespace deepnet::gpu

PYBIND11_MODULE(_cuda, m) {
  using namespace deepnet::gpu;
  using namespace pybind11::literals;
  m.doc() = "deepnet's CUDA backend.";
  py::register_local_exception_translator(translate_errors);

  m.def("device_count", [] { return probe().devices; }, "How many devices there are; never raises.");
  m.def(
      "why_not", [] { return probe().devices ? std::optional<std::string>() : std::optional<std::string>(probe().why_not); },
      "Why there is no device, or None.");
  m.def("backend_pointer", [](int device) { return reinterpret_cast<uintptr_t>(backend_of(device)); }, "device"_a);
  m.def(
      "synchronize",
      [](int device) {
        backend_of(device);
        const Using scope(device);
        // Other streams first, then this thread's, which raises what kernels reported.
        check(cudaDeviceSynchronize(), "synchronize");
        wait(device, current_stream(device));
      },
      "device"_a, py::call_guard<py::gil_scoped_release>());
  m.def(
      "set_device",
      [](int device) {
        check_device(device);
        check(cudaSetDevice(device), "set_device");
      },
      "device"_a, "The device that events and streams mean where none is named.");
  m.def("device_name", [](int device) { return check_device(device), std::string(device_facts(device).name); }, "device"_a);
  m.def(
      "device_capability",
      [](int device) { return check_device(device), std::make_pair(device_facts(device).major, device_facts(device).minor); },
      "device"_a);
  m.def("total_memory", [](int device) { return check_device(device), device_facts(device).total_memory; }, "device"_a);
  m.def("multiprocessors", [](int device) { return check_device(device), device_facts(device).multiprocessors; }, "device"_a);
  m.def(
      "mem_get_info",
      [](int device) {
        check_device(device);
        const Using scope(device);
        size_t available = 0, total = 0;
        check(cudaMemGetInfo(&available, &total), "mem_get_info");
        return std::make_pair(available, total);
      },
      "device"_a);
  m.def("memory_stats", memory_stats_of, "device"_a);
  m.def(
      "reset_peak_memory_stats", [](int device) { check_device(device), device_state(device).memory->reset_peak(); },
      "device"_a);
  m.def(
      "empty_cache", [](int device) { check_device(device), device_state(device).memory->trim(); }, "device"_a,
      py::call_guard<py::gil_scoped_release>());
  m.def(
      "allocate_pinned",
      [](size_t bytes) {
        void* p = nullptr;
        check(cudaHostAlloc(&p, bytes, cudaHostAllocPortable), "allocate_pinned");
        return reinterpret_cast<uintptr_t>(p);
      },
      "bytes"_a, "Page-locked host memory, from which copies to a device are fastest; give it back by free_pinned.");
  m.def("free_pinned", [](uintptr_t p) { check(cudaFreeHost(reinterpret_cast<void*>(p)), "free_pinned"); }, "data"_a);
  m.def(
      "record_stream",
      [](uintptr_t data, const Stream& s) {
        device_state(s.device).memory->record_stream(reinterpret_cast<void*>(data), s.stream);
      },
      "data"_a, "stream"_a, "Keep the block at `data` until what `stream` has queued is done.");

  py::class_<Event>(m, "Event")
      .def(py::init([](bool enable_timing, bool, bool) { return std::make_unique<Event>(enable_timing); }),
           "enable_timing"_a = false, "blocking"_a = false, "interprocess"_a = false)
      .def(
          "record",
          [](Event& e, const Stream* s) {
            const int device = s ? s->device : current_device();
            e.record(device, s ? s->stream : current_stream(device));
          },
          "stream"_a = nullptr)
      .def(
          "wait", [](const Event& e, const Stream* s) { e.wait(s ? s->stream : current_stream(current_device())); },
          "stream"_a = nullptr)
      .def("query", &Event::query)
      .def("synchronize", &Event::synchronize, py::call_guard<py::gil_scoped_release>())
      .def("elapsed_time", &Event::elapsed_time, "end_event"_a, "Milliseconds from this event to the other.");

  py::class_<Stream, std::shared_ptr<Stream>>(m, "Stream")
      .def(py::init([](int device, int) { return std::make_shared<Stream>(device, false); }), "device"_a = 0, "priority"_a = 0)
      .def_readonly("device_index", &Stream::device)
      .def_property_readonly("cuda_stream", [](const Stream& s) { return reinterpret_cast<uintptr_t>(s.stream); })
      .def("query", &Stream::query)
      .def(
          "synchronize", [](const Stream& s) { wait(s.device, s.stream); }, py::call_guard<py::gil_scoped_release>())
      .def(
          "wait_event", [](const Stream& s, const Event& e) { e.wait(s.stream); }, "event"_a)
      .def("wait_stream", &Stream::wait_stream, "stream"_a)
      .def(
          "record_event",
          [](const Stream& s, py::object event) {
            if (event.is_none()) event = py::cast(std::make_unique<Event>(false));
            event.cast<Event&>().record(s.device, s.stream);
            return event;
          },
          "event"_a = py::none());
  m.def("default_stream", [](int device) { return std::make_shared<Stream>(device, true); }, "device"_a = 0);
  m.def(
      "current_stream",
      [](int device) { return check_device(device), std::make_shared<Stream>(device, current_stream(device)); }, "device"_a = 0,
      "The stream that this thread's kernels go to; it belongs to whoever made it.");
  // The Python side keeps the stream alive for as long as it is current.
  m.def("set_stream", [](const Stream& s) { set_current_stream(s.device, s.stream); }, "stream"_a);
}
