// Errors that become Python exceptions of the same name: operator, rule, what came.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace deepnet {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct ValueError : Error {
  using Error::Error;
};
struct TypeError : Error {
  using Error::Error;
};
struct IndexError : Error {
  using Error::Error;
};
struct RuntimeError : Error {
  using Error::Error;
};
struct OutOfMemoryError : RuntimeError {
  using RuntimeError::RuntimeError;
};

template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Throws E with the message "op: parts...".
template <class E = ValueError, class... Parts>
[[noreturn]] void fail(const char* op, const Parts&... parts) {
  throw E(join(op, ": ", parts...));
}

}  // namespace deepnet
