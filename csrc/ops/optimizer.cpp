#include "ops/optimizer.h"

#include "ops/copy.h"

namespace deepnet {

namespace {

OptimizerOp parse(const std::string& op) {
  if (op == "sgd") return OptimizerOp::SGD;
  if (op == "adam") return OptimizerOp::Adam;
  if (op == "adamw") return OptimizerOp::AdamW;
  if (op == "rmsprop") return OptimizerOp::RMSprop;
  if (op == "adagrad") return OptimizerOp::Adagrad;
  fail("optimizer_step", "no optimizer '", op, "'");
}

}  // namespace

void optimizer_step(const std::string& op, const Tensors& params, const Tensors& grads, const std::vector<Tensors>& states,
                    const Tensor& hyper, OptimizerFlags flags) {
  const char* name = "optimizer_step";
  OptimizerOp kind = parse(op);
  if (params.empty()) return;
  if (grads.size() != params.size()) fail(name, "got ", params.size(), " parameters but ", grads.size(), " gradients");
  if (states.size() > 3) fail(name, "at most 3 lists of state, got ", states.size());
  if (hyper.dtype() != DType::Float64 || !hyper.device().is_cpu()) fail<TypeError>(name, "hyper must be float64 on the CPU");
  // Lists of one view each for every tensor; parameter by parameter: param, grad, states.
  struct Lists {
    std::vector<View> param, grad, state[3];
  } lists;
  std::vector<std::pair<Tensor, Tensor>> write_back;  // non-contiguous parameters are updated in a copy
  GradGuard off(false);
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor &p = params[i], &g = grads[i];
    check_floating(name, "a parameter", p);
    if (!(p.shape() == g.shape())) fail(name, "gradient ", g.shape(), " must have its parameter's shape ", p.shape());
    check_same_device(name, p, params[0]);
    if (p.numel() == 0) continue;
    Tensor target = contiguous(detach(p));
    if (target.impl()->storage.get() != p.impl()->storage.get()) write_back.emplace_back(target, p);
    lists.param.push_back(target.view());
    Tensor gradient = contiguous(to(detach(g), p.dtype()));
    lists.grad.push_back(gradient.view());
    for (size_t s = 0; s < states.size(); ++s) {
      if (states[s].empty()) continue;  // a kind of state that this step does not keep
      if (states[s].empty()) continue;  // not used by this step
      if (states[s].size() != params.size())
        fail(name, "a list of state has ", states[s].size(), " tensors for ", params.size(), " parameters");
      const Tensor& t = states[s][i];
      if (!(t.shape() == p.shape()) || !t.contiguous() || t.dtype() != p.dtype())
        fail(name, "state must be contiguous with the parameter's shape ", p.shape(), " and dtype, got ", t.shape());
      lists.state[s].push_back(t.view());
    }
    // Keeps converted gradients alive until the kernel has run.
    if (!gradient.is_same(g)) write_back.emplace_back(gradient, Tensor());
  }
  if (lists.param.empty()) return;
  launch(name, params[0].device(), [kind, lists, h = hyper.view(), flags](Backend& b) {
    OptimizerStep step{};
    step.op = kind;
    step.count = int(lists.param.size());
    step.param = lists.param.data();
    step.grad = lists.grad.data();
    for (int s = 0; s < 3; ++s) step.state[s] = lists.state[s].empty() ? nullptr : lists.state[s].data();
    step.hyper = h;
    step.nesterov = flags.nesterov;
    step.amsgrad = flags.amsgrad;
    step.centered = flags.centered;
    step.maximize = flags.maximize;
    b.optimizer_step(step);
  });
  for (auto& [value, target] : write_back)
    if (target.defined()) copy_data(name, value, target);
  for (const Tensor& p : params) p.written(name);
}

}  // namespace deepnet
