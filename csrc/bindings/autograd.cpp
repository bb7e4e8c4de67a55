// Backward passes, modes, hooks, custom functions, accumulation.
#include "autograd/backward.h"

#include <set>

#include "autograd/accumulate.h"
#include "autograd/mode.h"
#include "autograd/record.h"
#include "autograd/trace.h"
#include "bindings/op.h"
#include "ops/copy.h"
#include "tensor/inference.h"

namespace deepnet::python {

namespace {

py::object object_of(const Tensor& t) { return py::reinterpret_steal<py::object>(wrap(t)); }

struct Gil {
  PyGILState_STATE state = PyGILState_Ensure();
  ~Gil() { PyGILState_Release(state); }
};

struct PythonHook final : Hook {
  PyObject* callable;
  explicit PythonHook(py::object f) : callable(f.release().ptr()) {}
  ~PythonHook() override {
    Gil gil;
    Py_DECREF(callable);
  }
  Tensor operator()(const Tensor& g) override {
    Gil gil;
    py::object r = py::reinterpret_borrow<py::object>(callable)(object_of(g));
    if (r.is_none()) return {};
    return From<Tensor>::convert(r.ptr(), {"hook", "the returned gradient"});
  }
};

struct NodeHandle {
  Ref<Node> node;
};

/// The node of a custom Function: its backward is Python.
class PythonNode final : public Node {
 public:
  PythonNode(const char* name, py::object backward, size_t inputs, bool saves)
      : Node(name), backward_(backward.release().ptr()), inputs_(inputs), saves_(saves) {}
  ~PythonNode() override { drop(); }
  void release_saved() override {
    if (saves_) drop();
  }
  bool saved_released() const override { return !backward_; }
  int visit(visitproc visit, void* arg) const {
    Py_VISIT(backward_);
    return 0;
  }
  void drop() {
    if (!backward_) return;
    Gil gil;
    Py_CLEAR(backward_);
  }
  Tensors apply(const Backward& b) override {
    Gil gil;
    py::tuple grads(outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) grads[i] = object_of(b.dy(int(i)));
    py::tuple needs(inputs_);
    for (size_t i = 0; i < inputs_; ++i) needs[i] = py::bool_(b.needs(int(i)));
    py::object r =
        py::reinterpret_borrow<py::object>(backward_)(grads, needs, b.create_graph(), py::cast(NodeHandle{Ref<Node>(this)}));
    return From<Tensors>::convert(r.ptr(), {name(), "the returned gradients"});
  }

 private:
  PyObject* backward_;
  size_t inputs_;
  bool saves_;
};

int64_t next_hook_id = 1;

/// A registered hook and the tensor it was registered on.
struct HookHandle {
  Tensor tensor;
  Ref<Hook> hook;
  void remove() {
    // The tensor may have another node by now, which does not know the hook.
    hook->active = false;
    remove_hook(tensor, hook->id);
  }
};

HookHandle register_hook(py::object tensor, py::object f, bool post) {
  Tensor t = From<Tensor>::convert(tensor.ptr(), {"register_hook", "self"});
  auto hook = Ref<PythonHook>(new PythonHook(f));
  hook->id = next_hook_id++;
  if (post) {
    if (!is_leaf(t) || !requires_grad(t))
      fail<RuntimeError>("register_post_accumulate_grad_hook", "only leaves that require a gradient accumulate one");
    meta(t).post_hooks.push_back(hook);
  } else {
    add_hook(t, hook);
  }
  return {t, hook};
}

std::string python_trace() {
  Gil gil;
  py::list lines = py::module_::import("traceback").attr("format_stack")();
  return py::cast<std::string>(py::str("").attr("join")(lines));
}

Tensors tensors(py::object o, const char* what) {
  return o.is_none() ? Tensors() : From<Tensors>::convert(o.ptr(), {"backward", what});
}

}  // namespace

int visit_hooks(const TensorImpl& t, visitproc visit, void* arg) {
  const AutogradMeta* m = t.autograd;
  // What others hold too is alive through them, unseen by the collector.
  if (!m || t.use_count() > 1) return 0;
  auto each = [&](const Ref<Hook>& h) {
    const auto* hook = dynamic_cast<const PythonHook*>(h.get());
    return hook && h->use_count() == 1 ? visit(hook->callable, arg) : 0;
  };
  for (const auto* list : {&m->hooks, &m->post_hooks})
    for (const Ref<Hook>& h : *list)
      if (int r = each(h)) return r;
  if (!m->grad_fn || m->grad_fn->use_count() > 1) return 0;
  for (const auto& [slot, h] : m->grad_fn->hooks)
    if (int r = each(h)) return r;
  const auto* node = dynamic_cast<const PythonNode*>(m->grad_fn.get());
  return node ? node->visit(visit, arg) : 0;
}

void clear_hooks(const TensorImpl& t) {
  AutogradMeta* m = t.autograd;
  if (!m || t.use_count() > 1) return;
  auto hooks = std::move(m->hooks), post_hooks = std::move(m->post_hooks);
  Ref<Node> node = m->grad_fn && m->grad_fn->use_count() == 1 ? std::move(m->grad_fn) : Ref<Node>();
}

void bind_autograd(py::module_& m) {
  capture_trace = python_trace;
  m.def("backward", [](py::object outputs, py::object grads, bool retain, bool create, py::object inputs) {
    deepnet::backward(tensors(outputs, "tensors"), tensors(grads, "grad_tensors"), retain, create, tensors(inputs, "inputs"));
  });
  m.def("grad", [](py::object outputs, py::object inputs, py::object grads, bool retain, bool create, bool allow_unused) {
    return py::reinterpret_steal<py::object>(to_python(deepnet::grad(
        tensors(outputs, "outputs"), tensors(inputs, "inputs"), tensors(grads, "grad_outputs"), retain, create, allow_unused)));
  });
  op(m, "backward_one", [](const Tensor& t) { deepnet::backward({t}, {}, false, false); }, "input");
  m.def("is_grad_enabled", [] { return grad_mode.enabled; });
  m.def("set_grad_mode", [](bool on) { grad_mode.enabled = on; });
  m.def("is_inference_mode_enabled", [] { return inference_mode; });
  m.def("set_inference_mode", [](bool on) { inference_mode = on; });
  m.def("is_anomaly_enabled", [] { return grad_mode.anomaly; });
  m.def("set_anomaly_enabled", [](bool on) { grad_mode.anomaly = on; });
  m.def("register_hook", register_hook);
  py::class_<HookHandle>(m, "HookHandle", "A hook and the tensor it is on.")
      .def_property_readonly("id", [](const HookHandle& h) { return h.hook->id; })
      .def("remove", &HookHandle::remove);
  op(m, "retain_grad", [](const Tensor& t) { retain_grad(t); }, "input");
  op(m, "retains_grad", [](const Tensor& t) { return t.impl()->autograd && t.impl()->autograd->retained; }, "input");
  op(m, "detach", [](const Tensor& t) { return detach(t); }, "input");
  op(
      m, "detach_",
      [](const Tensor& t) {
        if (t.impl()->base) fail<RuntimeError>("detach_", "a view cannot be detached in place; use detach()");
        if (t.impl()->autograd) {
          meta(t).grad_fn = nullptr;
          meta(t).requires_grad = false;
        }
        return t;
      },
      "input");
  op(
      m, "requires_grad_",
      [](const Tensor& t, bool on) {
        set_requires_grad(t, on);
        return t;
      },
      "input, requires_grad=True");
  op(m, "bump_version", [](const Tensor& t) { t.written("an operator outside of deepnet"); }, "input");

  py::class_<NodeHandle>(m, "Node", "A recorded operator of the graph.")
      .def("name", [](const NodeHandle& h) { return std::string(h.node->name()); })
      .def_property_readonly("next_functions",
                             [](const NodeHandle& h) {
                               py::tuple t(h.node->edges.size());
                               for (size_t i = 0; i < h.node->edges.size(); ++i) {
                                 const Edge& e = h.node->edges[i];
                                 t[i] = e.node ? py::tuple(py::make_tuple(NodeHandle{e.node}, e.slot))
                                               : py::tuple(py::make_tuple(py::none(), 0));
                               }
                               return t;
                             })
      .def("__eq__", [](const NodeHandle& a,
                        py::object b) { return py::isinstance<NodeHandle>(b) && py::cast<NodeHandle&>(b).node == a.node; })
      .def("__hash__", [](const NodeHandle& h) { return reinterpret_cast<intptr_t>(h.node.get()); })
      .def("__repr__", [](const NodeHandle& h) { return join("<", h.node->name(), " backward>"); });
  m.def("grad_fn", [](py::object t) -> py::object {
    Ref<Node> n = grad_fn(unwrap(t.ptr()));
    return n ? py::cast(NodeHandle{n}) : py::none();
  });

  // Makes outputs the results of a custom function on inputs; backward(grads, needs, create_graph, node) gives a tensor or None
  // for each input. dirty: the inputs that it wrote; saves: it cannot run again once what it saved is released.
  m.def("record_function",
        [](const std::string& name, py::object inputs, py::object outputs, py::object backward, py::object dirty, bool saves) {
          static std::set<std::string> names;  // nodes borrow their name
          const char* kept = names.insert(name).first->c_str();
          Tensors in = tensors(inputs, "inputs"), out = tensors(outputs, "outputs"), written = tensors(dirty, "dirty");
          for (const Tensor& t : written) {
            check_inplace(kept, t);
            if (t.impl()->base)
              fail<RuntimeError>(kept, "marks a view as dirty, whose base would not know of the write; clone it first");
          }
          Ref<Node> node(new PythonNode(kept, backward, in.size(), saves));
          connect(*node, in.data(), in.size());
          attach(node, out.data(), out.size());
          for (const Tensor& t : written) ++meta(t).history;
        });
  // A saved output without its node (which would own itself) gets it back for second derivatives.
  m.def("with_history", [](py::object saved, const NodeHandle& node, int slot) {
    Tensor t = detach(unwrap(saved.ptr()));
    set_history(t, node.node, slot);
    return object_of(t);
  });
  py::class_<Accumulation>(m, "Accumulation")
      .def(py::init<int64_t>())
      .def_property_readonly("done", &Accumulation::done)
      .def("finish", &Accumulation::finish);
}

}  // namespace deepnet::python
