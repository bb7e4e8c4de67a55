#include "bindings/op.h"

#include <structmember.h>

#include <cstring>
#include <map>

#include "ops/copy.h"

namespace deepnet::python {

namespace {

std::string trimmed(const std::string& s) {
  size_t a = s.find_first_not_of(' '), b = s.find_last_not_of(' ');
  return a == std::string::npos ? "" : s.substr(a, b - a + 1);
}

constexpr size_t kMaxArguments = 24;

/// The callable behind a binding: a small object, so that a call finds its binding without a lookup.
struct Callable {
  PyObject_HEAD vectorcallfunc vectorcall;
  const Binding* binding;
};

PyObject* callable_call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* keywords) {
  return reinterpret_cast<Callable*>(self)->binding->call(args, PyVectorcall_NARGS(nargsf), keywords);
}

PyObject* callable_repr(PyObject* self) {
  return PyUnicode_FromFormat("<built-in operator %s>", reinterpret_cast<Callable*>(self)->binding->name());
}

PyObject* callable_get(PyObject* self, PyObject* instance, PyObject*) {
  if (!instance || instance == Py_None) return Py_NewRef(self);
  return PyMethod_New(self, instance);
}

PyObject* callable_name(PyObject* self, void*) {
  return PyUnicode_FromString(reinterpret_cast<Callable*>(self)->binding->name());
}
PyObject* callable_signature(PyObject* self, void*) {
  return PyUnicode_FromFormat("(%s)", reinterpret_cast<Callable*>(self)->binding->signature());
}
PyObject* callable_doc(PyObject* self, void*) {
  const std::string& doc = reinterpret_cast<Callable*>(self)->binding->doc;
  if (doc.empty()) Py_RETURN_NONE;
  return PyUnicode_FromStringAndSize(doc.data(), Py_ssize_t(doc.size()));
}
PyObject* callable_module(PyObject*, void*) { return PyUnicode_FromString("deepnet._core"); }

PyTypeObject* callable_type() {
  static PyTypeObject* type = [] {
    static PyGetSetDef getset[] = {{"__name__", callable_name, nullptr, nullptr, nullptr},
                                   {"__qualname__", callable_name, nullptr, nullptr, nullptr},
                                   {"__doc__", callable_doc, nullptr, nullptr, nullptr},
                                   {"__text_signature__", callable_signature, nullptr, nullptr, nullptr},
                                   {"__module__", callable_module, nullptr, nullptr, nullptr},
                                   {nullptr, nullptr, nullptr, nullptr, nullptr}};
    static PyMemberDef members[] = {{"__vectorcalloffset__", T_PYSSIZET, offsetof(Callable, vectorcall), READONLY, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};
    static PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                                  {Py_tp_repr, reinterpret_cast<void*>(callable_repr)},
                                  {Py_tp_descr_get, reinterpret_cast<void*>(callable_get)},
                                  {Py_tp_getset, getset},
                                  {Py_tp_members, members},
                                  {0, nullptr}};
    // METHOD_DESCRIPTOR: x.op(...) calls without making a bound method.
    static PyType_Spec spec = {"deepnet._core.Operator", sizeof(Callable), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR, slots};
    return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  }();
  return type;
}

}  // namespace

Binding::Binding(const char* name, const char* signature) : name_(name), signature_(signature) {
  std::string s = signature;
  size_t depth = 0, start = 0;
  bool keyword_only = false;
  auto add = [&](std::string part) {
    part = trimmed(part);
    if (part.empty()) return;
    if (part == "*") {
      keyword_only = true;
      return;
    }
    size_t eq = part.find('=');
    Parameter p;
    p.name = trimmed(part.substr(0, eq));
    p.literal = eq == std::string::npos ? "" : trimmed(part.substr(eq + 1));
    p.interned = PyUnicode_InternFromString(p.name.c_str());
    p.fallback = eq == std::string::npos ? nullptr : py::eval(p.literal).release().ptr();
    parameters_.push_back(p);
    if (!keyword_only) positional_ = parameters_.size();
  };
  for (size_t i = 0; i < s.size(); ++i) {
    if (strchr("([", s[i])) ++depth;
    if (strchr(")]", s[i])) --depth;
    if (s[i] == ',' && depth == 0) {
      add(s.substr(start, i - start));
      start = i + 1;
    }
  }
  add(s.substr(start));
  if (parameters_.size() > kMaxArguments) throw std::logic_error(join(name, ": too many parameters"));
}

PyObject* Binding::call(PyObject* const* args, Py_ssize_t given, PyObject* keywords) const {
  PyObject* values[kMaxArguments];
  PyObject* out = nullptr;
  size_t n = parameters_.size();
  try {
    if (size_t(given) > positional_)
      throw TypeError(join(name_, ": takes at most ", positional_, " positional arguments (", signature_, "), got ", given));
    for (size_t i = 0; i < size_t(given); ++i) values[i] = args[i];
    for (size_t i = size_t(given); i < n; ++i) values[i] = nullptr;
    Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
    for (Py_ssize_t k = 0; k < named; ++k) {
      PyObject* key = PyTuple_GET_ITEM(keywords, k);
      PyObject* value = args[given + k];
      size_t i = 0;
      while (i < n && parameters_[i].interned != key) ++i;
      if (i == n) {
        const char* word = PyUnicode_AsUTF8(key);
        // NumPy's names, and keys that were not interned.
        if (!strcmp(word, "axis")) word = "dim";
        if (!strcmp(word, "keepdims")) word = "keepdim";
        if (!strcmp(word, "x")) word = "input";
        for (i = 0; i < n && parameters_[i].name != word;) ++i;
        if (i == n && !strcmp(word, "out")) {
          if (value != Py_None) out = value;
          continue;
        }
        if (i == n) throw TypeError(join(name_, ": has no argument '", word, "' (", signature_, ")"));
      }
      if (values[i]) throw TypeError(join(name_, ": got two values for ", parameters_[i].name));
      values[i] = value;
    }
    for (size_t i = size_t(given); i < n; ++i) {
      if (values[i]) continue;
      if (!parameters_[i].fallback) throw TypeError(join(name_, ": needs ", parameters_[i].name, " (", signature_, ")"));
      values[i] = parameters_[i].fallback;
    }
    PyObject* result = invoke(values);
    return out ? finish(result, out) : result;
  } catch (...) {
    set_error();
    return nullptr;
  }
}

/// Writes the result where out= says: into one tensor, or a tuple of them.
PyObject* Binding::finish(PyObject* result, PyObject* out) const {
  auto write = [&](PyObject* value, PyObject* target) {
    if (!is_tensor(value) || !is_tensor(target)) throw TypeError(join(name_, ": out must hold as many tensors as the result"));
    write_out(name_.c_str(), unwrap(target), unwrap(value));
  };
  py::object owned = py::reinterpret_steal<py::object>(result);
  if (PyTuple_Check(result)) {
    if (!PySequence_Check(out) || PySequence_Size(out) != PyTuple_GET_SIZE(result))
      throw TypeError(join(name_, ": out must be a tuple of ", PyTuple_GET_SIZE(result), " tensors"));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(result); ++i) {
      py::object target = py::reinterpret_steal<py::object>(PySequence_GetItem(out, i));
      write(PyTuple_GET_ITEM(result, i), target.ptr());
    }
  } else {
    write(result, out);
  }
  return Py_NewRef(out);
}

std::string Binding::stub() const {
  std::vector<std::string> kinds = types();
  std::string s = "def " + name_ + "(";
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (i == positional_) s += "*, ";
    s += parameters_[i].name + ": " + kinds[i];
    if (parameters_[i].fallback) s += " = " + parameters_[i].literal;
    if (i + 1 < parameters_.size()) s += ", ";
  }
  bool writes_out = kinds.back() == "Tensor" || kinds.back().rfind("tuple[Tensor", 0) == 0;
  if (writes_out)
    s += std::string(parameters_.empty() ? "" : ", ") + (positional_ == parameters_.size() ? "*, " : "") + "out: Any = None";
  return s + ") -> " + kinds.back() + ": ...";
}

namespace {
std::map<std::string, std::string> function_stubs, method_stubs;
std::multimap<std::string, Binding*> bindings;
}  // namespace

std::pair<std::string, std::string> stubs() {
  std::string functions, methods;
  for (auto& [name, text] : function_stubs) functions += text + "\n";
  for (auto& [name, text] : method_stubs) methods += text + "\n";
  return {functions, methods};
}

void document(const std::string& name, const std::string& doc) {
  auto [first, last] = bindings.equal_range(name);
  if (first == last) throw ValueError("document: no operator " + name);
  for (; first != last; ++first) first->second->doc = doc;
}

void install(py::module_& m, Binding* binding, bool method) {
  Callable* c = PyObject_New(Callable, callable_type());
  c->vectorcall = callable_call;
  c->binding = binding;
  py::object callable = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(c));
  m.attr(binding->name()) = callable;
  bindings.emplace(binding->name(), binding);
  function_stubs[binding->name()] = binding->stub();
  if (method) method_stubs[binding->name()] = binding->stub();
  if (method) PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), binding->name(), callable.ptr());
}

}  // namespace deepnet::python
