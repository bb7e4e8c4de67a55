// The Python types of C++ arguments, so that the extension's stub is written from its bindings.
#pragma once

#include <string>

#include "bindings/python.h"

namespace deepnet::python {

template <class T>
struct PythonType {
  static std::string text() { return "Any"; }
};
#define DN_PYTHON_TYPE(T, TEXT)                \
  template <>                                  \
  struct PythonType<T> {                       \
    static std::string text() { return TEXT; } \
  };
DN_PYTHON_TYPE(void, "None")
DN_PYTHON_TYPE(Tensor, "Tensor")
DN_PYTHON_TYPE(Operand, "Tensor | Number")
DN_PYTHON_TYPE(OptTensor, "Tensor | None")
DN_PYTHON_TYPE(OptOperand, "Tensor | Number | None")
DN_PYTHON_TYPE(int64_t, "SupportsIndex")
DN_PYTHON_TYPE(double, "builtins.float")
DN_PYTHON_TYPE(bool, "builtins.bool")
DN_PYTHON_TYPE(Number, "Number")
DN_PYTHON_TYPE(Dims, "SupportsIndex | Sequence[SupportsIndex]")
DN_PYTHON_TYPE(std::vector<int64_t>, "Sequence[SupportsIndex]")
DN_PYTHON_TYPE(Tensors, "Sequence[Tensor]")
DN_PYTHON_TYPE(std::vector<Tensors>, "Sequence[Sequence[Tensor]]")
DN_PYTHON_TYPE(DType, "_DType")
DN_PYTHON_TYPE(Device, "_Device | str | builtins.int")
DN_PYTHON_TYPE(std::string, "str")
#undef DN_PYTHON_TYPE
template <class T>
struct PythonType<std::optional<T>> {
  static std::string text() { return PythonType<T>::text() + " | None"; }
};

/// As results: tuples and plain numbers.
template <class T>
struct PythonResult : PythonType<T> {};
template <>
struct PythonResult<Tensors> {
  static std::string text() { return "tuple[Tensor, ...]"; }
};
template <>
struct PythonResult<Dims> {
  static std::string text() { return "tuple[builtins.int, ...]"; }
};
template <>
struct PythonResult<int64_t> {
  static std::string text() { return "builtins.int"; }
};
template <>
struct PythonResult<double> {
  static std::string text() { return "builtins.float"; }
};
template <class... T>
struct PythonResult<std::tuple<T...>> {
  static std::string text() {
    std::string s = "tuple[";
    bool first = true;
    ((s += (first ? "" : ", ") + PythonResult<T>::text(), first = false), ...);
    return s + "]";
  }
};
template <class A, class B>
struct PythonResult<std::pair<A, B>> : PythonResult<std::tuple<A, B>> {};

}  // namespace deepnet::python
