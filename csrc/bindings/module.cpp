#include "bindings/op.h"
#include "bindings/types.h"

#include <pybind11/stl.h>

namespace py = pybind11;
using namespace deepnet;
using namespace deepnet::python;

PYBIND11_MODULE(_core, m) {
  m.doc() = "deepnet's kernels, tensors and autograd.";
  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const py::builtin_exception&) {
      throw;
    } catch (const PythonError&) {
    } catch (const Error&) {
      set_error();
    }
  });
  bind_types(m);
  bind_tensor(m);
  bind_creation(m);
  bind_elementwise(m);
  bind_shape(m);
  bind_layers(m);
  bind_autograd(m);
  bind_runtime(m);
  m.def("stubs", &stubs);
  m.def("document", &document);
}
