// One way to bind an operator: op(m, "softmax", &softmax, "input, dim").
//
// A call costs one vectorcall and one conversion for each argument. Everything that must see every operator (tracing,
// transforms) attaches in Binding::call.
#pragma once

#include <pybind11/eval.h>
#include <pybind11/pybind11.h>

#include <functional>
#include <tuple>

#include "bindings/python.h"
#include "bindings/stub.h"

namespace deepnet::python {

namespace py = pybind11;

/// A bound operator: names, defaults, the C++ function.
class Binding {
 public:
  /// signature: "input, dim=None, *, dtype=None"; defaults are Python literals.
  Binding(const char* name, const char* signature);
  virtual ~Binding() = default;
  PyObject* call(PyObject* const* args, Py_ssize_t positional, PyObject* keywords) const;
  const char* name() const { return name_.c_str(); }
  const char* signature() const { return signature_.c_str(); }
  std::string doc;  // set by Python: docstrings live where editing them recompiles nothing
  /// "def name(input: Tensor, ...) -> Tensor: ..."
  std::string stub() const;

 protected:
  virtual PyObject* invoke(PyObject* const* values) const = 0;
  /// The Python types of the arguments, then of the result.
  virtual std::vector<std::string> types() const = 0;
  Where where(size_t i) const { return {name_.c_str(), parameters_[i].name.c_str()}; }
  size_t count() const { return parameters_.size(); }

 private:
  struct Parameter {
    std::string name, literal;
    PyObject* interned;
    PyObject* fallback;  // null: required
  };
  PyObject* finish(PyObject* result, PyObject* out) const;
  std::string name_, signature_;
  std::vector<Parameter> parameters_;
  size_t positional_ = 0;
};

template <class R, class... A>
class FunctionBinding final : public Binding {
 public:
  FunctionBinding(const char* name, const char* signature, std::function<R(A...)> f)
      : Binding(name, signature), f_(std::move(f)) {
    if (count() != sizeof...(A))
      throw std::logic_error(join(name, ": the signature names ", count(), " of ", sizeof...(A), " arguments"));
  }

 protected:
  std::vector<std::string> types() const override { return {PythonType<std::decay_t<A>>::text()..., PythonResult<R>::text()}; }
  PyObject* invoke(PyObject* const* values) const override { return run(values, std::index_sequence_for<A...>()); }

 private:
  template <size_t... I>
  PyObject* run(PyObject* const* values, std::index_sequence<I...>) const {
    if constexpr (std::is_void_v<R>) {
      f_(From<std::decay_t<A>>::convert(values[I], where(I))...);
      Py_RETURN_NONE;
    } else {
      return to_python(f_(From<std::decay_t<A>>::convert(values[I], where(I))...));
    }
  }
  std::function<R(A...)> f_;
};

/// Adds the binding to the module, and to the Tensor type under the same name where its first parameter is a tensor.
void install(py::module_& m, Binding* binding, bool method);
/// Sets an operator's docstring.
void document(const std::string& name, const std::string& doc);
/// The stubs of all operators bound so far: of the module's functions, and of Tensor's methods.
std::pair<std::string, std::string> stubs();

namespace detail {
template <class R, class... A>
std::function<R(A...)> as_function(R (*f)(A...)) {
  return f;
}
template <class F>
auto as_function(F f) {
  return std::function(std::move(f));
}
template <class R, class... A>
void bind(py::module_& m, const char* name, std::function<R(A...)> f, const char* signature) {
  using First = std::decay_t<std::tuple_element_t<0, std::tuple<A..., void>>>;
  install(m, new FunctionBinding<R, A...>(name, signature, std::move(f)), std::is_same_v<First, Tensor>);
}
}  // namespace detail

template <class F>
void op(py::module_& m, const char* name, F f, const char* signature) {
  detail::bind(m, name, detail::as_function(std::move(f)), signature);
}

// One registration function for each family of operators.
void bind_tensor(py::module_& m);
void bind_creation(py::module_& m);
void bind_elementwise(py::module_& m);
void bind_shape(py::module_& m);
void bind_layers(py::module_& m);
void bind_autograd(py::module_& m);
void bind_runtime(py::module_& m);

}  // namespace deepnet::python
