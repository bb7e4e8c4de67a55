// Products, convolutions, pools, norms, losses, recurrent layers, attention, random numbers, optimizers.
#include "bindings/op.h"
#include "bindings/types.h"
#include "ops/attention.h"
#include "ops/conv.h"
#include "ops/factor.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/optimizer.h"
#include "ops/pool.h"
#include "ops/random.h"
#include "ops/rnn.h"
#include "ops/softmax.h"

namespace deepnet::python {

namespace {

struct GeneratorHandle {
  Ref<Generator> g;
};

}  // namespace

template <>
struct From<Ref<Generator>> {
  static Ref<Generator> convert(PyObject* o, Where w) {
    if (o == Py_None) return nullptr;
    if (!py::isinstance<GeneratorHandle>(o)) bad_argument(w, "a Generator or None", o);
    return py::cast<GeneratorHandle&>(py::handle(o)).g;
  }
};
template <>
struct From<std::vector<Tensors>> {
  static std::vector<Tensors> convert(PyObject* o, Where w) {
    std::vector<Tensors> lists;
    if (!PySequence_Check(o)) bad_argument(w, "a sequence of sequences of Tensors", o);
    for (Py_ssize_t i = 0; i < PySequence_Size(o); ++i) {
      py::object e = py::reinterpret_steal<py::object>(PySequence_GetItem(o, i));
      lists.push_back(From<Tensors>::convert(e.ptr(), w));
    }
    return lists;
  }
};

void bind_layers(py::module_& m) {
  op(m, "matmul", matmul, "input, other");
  op(m, "mm", mm, "input, mat2");
  op(m, "bmm", bmm, "input, mat2");
  op(m, "mv", mv, "input, vec");
  op(m, "dot", dot, "input, tensor");
  op(m, "addmm", addmm, "input, mat1, mat2, *, beta=1, alpha=1");
  op(m, "solve_plain", solve_plain, "input, other");
  op(m, "triangular_solve_plain", triangular_solve_plain, "input, other, upper, unitriangular=False");
  op(m, "det_plain", det_plain, "input");
  op(m, "cholesky_plain", cholesky_plain, "input");
  op(m, "qr_plain", qr_plain, "input, columns");
  op(m, "eigh_plain", eigh_plain, "input, upper=False");
  op(m, "svd_plain", svd_plain, "input, full_matrices=True");
  op(
      m, "linear", [](const Tensor& x, const Tensor& w, const OptTensor& b) { return linear(x, w, b.t); },
      "input, weight, bias=None");
  op(m, "softmax", softmax, "input, dim, dtype=None");
  op(m, "log_softmax", log_softmax, "input, dim, dtype=None");
  op(
      m, "conv",
      [](const Tensor& x, const Tensor& w, const OptTensor& b, const Dims& s, const Dims& p, const Dims& d, int64_t g) {
        return conv(x, w, b.t, s, p, d, g);
      },
      "input, weight, bias, stride, padding, dilation, groups=1");
  op(
      m, "conv_transpose",
      [](const Tensor& x, const Tensor& w, const OptTensor& b, const Dims& s, const Dims& p, const Dims& o, int64_t g,
         const Dims& d) { return conv_transpose(x, w, b.t, s, p, o, g, d); },
      "input, weight, bias, stride, padding, output_padding, groups, dilation");
  op(m, "max_pool", max_pool, "input, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False, return_indices=False");
  op(m, "avg_pool", avg_pool,
     "input, kernel_size, stride=(), padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None");
  op(m, "adaptive_avg_pool", adaptive_avg_pool, "input, output_size");
  op(m, "adaptive_max_pool", adaptive_max_pool, "input, output_size");
  op(
      m, "layer_norm",
      [](const Tensor& x, const Dims& s, const OptTensor& w, const OptTensor& b, double eps) {
        return layer_norm(x, s, w.t, b.t, eps);
      },
      "input, normalized_shape, weight=None, bias=None, eps=1e-5");
  op(
      m, "rms_norm",
      [](const Tensor& x, const Dims& s, const OptTensor& w, std::optional<double> eps) { return rms_norm(x, s, w.t, eps); },
      "input, normalized_shape, weight=None, eps=None");
  op(
      m, "batch_norm",
      [](const Tensor& x, const OptTensor& w, const OptTensor& b, const OptTensor& rm, const OptTensor& rv, bool training,
         double momentum, double eps) { return batch_norm(x, w.t, b.t, rm.t, rv.t, training, momentum, eps); },
      "input, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5");
  op(
      m, "group_norm",
      [](const Tensor& x, int64_t groups, const OptTensor& w, const OptTensor& b, double eps) {
        return group_norm(x, groups, w.t, b.t, eps);
      },
      "input, num_groups, weight=None, bias=None, eps=1e-5");
  op(
      m, "cross_entropy",
      [](const Tensor& x, const Tensor& t, const OptTensor& w, const std::string& r, int64_t ignore, double smoothing) {
        return cross_entropy(x, t, w.t, r, ignore, smoothing);
      },
      "input, target, weight=None, reduction='mean', ignore_index=-100, label_smoothing=0.0");
  op(
      m, "nll_loss",
      [](const Tensor& x, const Tensor& t, const OptTensor& w, const std::string& r, int64_t ignore) {
        return nll_loss(x, t, w.t, r, ignore);
      },
      "input, target, weight=None, reduction='mean', ignore_index=-100");
  op(
      m, "scaled_dot_product_attention",
      [](const Tensor& q, const Tensor& k, const Tensor& v, const OptTensor& mask, double p, bool causal,
         std::optional<double> scale) { return scaled_dot_product_attention(q, k, v, mask.t, p, causal, scale); },
      "query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None");
  op(m, "lstm", lstm, "input, h0, c0, weights, has_biases, num_layers, dropout, training, bidirectional");
  op(m, "gru", gru, "input, h0, weights, has_biases, num_layers, dropout, training, bidirectional");
  op(m, "rnn", rnn, "input, h0, weights, has_biases, num_layers, dropout, training, bidirectional, nonlinearity='tanh'");
  op(
      m, "optimizer_step",
      [](const std::string& name, const Tensors& params, const Tensors& grads, const std::vector<Tensors>& states,
         const Tensor& hyper, bool nesterov, bool amsgrad, bool centered,
         bool maximize) { optimizer_step(name, params, grads, states, hyper, {nesterov, amsgrad, centered, maximize}); },
      "op, params, grads, states, hyper, nesterov=False, amsgrad=False, centered=False, maximize=False");

  py::class_<GeneratorHandle>(m, "Generator", "A stream of random numbers of its own.")
      .def(py::init([](py::object) { return GeneratorHandle{make_ref<Generator>(67280421310721ull)}; }),
           py::arg("device") = py::none())
      .def("manual_seed",
           [](py::object self, int64_t seed) {
             py::cast<GeneratorHandle&>(self).g->set(uint64_t(seed), 0);
             return self;
           })
      .def("initial_seed", [](const GeneratorHandle& h) { return h.g->seed(); })
      .def("seed",
           [](const GeneratorHandle& h) {
             h.g->set(
                 default_generator()->seed() * 6364136223846793005ull + default_generator()->offset() + 1442695040888963407ull,
                 0);
             return h.g->seed();
           })
      .def("get_state",
           [](const GeneratorHandle& h) {
             Tensor t = empty({2}, DType::Int64);
             t.as<int64_t>()[0] = int64_t(h.g->seed());
             t.as<int64_t>()[1] = int64_t(h.g->offset());
             return py::reinterpret_steal<py::object>(wrap(t));
           })
      .def("set_state",
           [](const GeneratorHandle& h, py::object state) {
             Tensor t = From<Tensor>::convert(state.ptr(), {"set_state", "state"});
             if (t.dtype() != DType::Int64 || !(t.shape() == Shape{2}) || !t.contiguous() || !t.device().is_cpu())
               fail<TypeError>("set_state", "state must be what get_state gave: two int64 on the CPU");
             h.g->set(uint64_t(t.as<int64_t>()[0]), uint64_t(t.as<int64_t>()[1]));
           })
      .def_property_readonly("device", [](const GeneratorHandle&) { return Device{}; });
  m.attr("default_generator") = py::cast(GeneratorHandle{default_generator()});
  auto in_place = [&](const char* name, RandomOp kind, const char* signature) {
    op(
        m, name,
        [name, kind](const Tensor& x, double a, double b, const Ref<Generator>& g) {
          if (kind == RandomOp::Uniform && a > b) fail<RuntimeError>(name, "from must not exceed to, got ", a, " and ", b);
          if (kind == RandomOp::Normal && b < 0) fail<RuntimeError>(name, "std must not be negative, got ", b);
          random_(name, kind, x, a, b, g);
          return x;
        },
        signature);
  };
  in_place("uniform_", RandomOp::Uniform, "input, a=0.0, b=1.0, *, generator=None");
  in_place("normal_", RandomOp::Normal, "input, mean=0.0, std=1.0, *, generator=None");
  op(
      m, "exponential_",
      [](const Tensor& x, double lambda, const Ref<Generator>& g) {
        if (!(lambda > 0)) fail<RuntimeError>("exponential_", "lambd must be positive, got ", lambda);
        random_("exponential_", RandomOp::Exponential, x, lambda, 0, g);
        return x;
      },
      "input, lambd=1.0, *, generator=None");
  op(
      m, "bernoulli_fill",
      [](const Tensor& x, double p, const Ref<Generator>& g) {
        if (p < 0 || p > 1) fail<RuntimeError>("bernoulli_", "p must be in [0, 1], got ", p);
        random_("bernoulli_", RandomOp::Bernoulli, x, p, 0, g);
        return x;
      },
      "input, p=0.5, *, generator=None");
  op(
      m, "integers_",
      [](const Tensor& x, int64_t low, int64_t high, const Ref<Generator>& g) {
        if (low >= high) fail<RuntimeError>("randint", "low must be below high, got ", low, " and ", high);
        random_("randint", RandomOp::Integers, x, double(low), double(high), g);
        return x;
      },
      "input, low, high, *, generator=None");
  op(
      m, "dropout", [](const Tensor& x, double p, bool training) { return dropout(x, p, training); },
      "input, p=0.5, training=True");
  op(
      m, "bernoulli_sample", [](const Tensor& p, const Ref<Generator>& g) { return bernoulli(p, g); },
      "input, *, generator=None");
  op(
      m, "multinomial",
      [](const Tensor& w, int64_t n, bool replacement, const Ref<Generator>& g) { return multinomial(w, n, replacement, g); },
      "input, num_samples, replacement=False, *, generator=None");
  op(
      m, "randperm_plain",
      [](int64_t n, DType t, std::optional<Device> d, const Ref<Generator>& g) {
        return randperm(n, t, d.value_or(Device{}), g);
      },
      "n, dtype, device=None, generator=None");
}

}  // namespace deepnet::python
