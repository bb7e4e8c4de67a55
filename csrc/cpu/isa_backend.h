// The CPU backend of one instruction set: this folder's kernel files are compiled once for each, with DEEPNET_ISA naming it.
// They use no standard containers and nothing inline that is neither forced inline nor in the set's own namespace.
#pragma once

#include "cpu/cpu_backend.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

class IsaBackend final : public CpuBackend {
 public:
  const char* name() const override;
  void map(MapOp op, DType compute, const View* in, int count, const View& y) override;
  void reduce(ReduceOp op, const View& x, const View& y, int64_t group) override;
  void matmul(const View& a, const View& b, const View& bias, const View& y, int64_t group) override;
  void conv_forward(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g) override;
  void conv_input_grad(const View& dy, const View& w, const View& bias, const View& dx, const ConvGeometry& g) override;
  void conv_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) override;
  void max_pool_forward(const View& x, const View& y, const View& window, const PoolGeometry& g) override;
  void max_pool_backward(const View& dy, const View& window, const View& dx, const PoolGeometry& g) override;
  void avg_pool_forward(const View& x, const View& y, const PoolGeometry& g) override;
  void avg_pool_backward(const View& dy, const View& dx, const PoolGeometry& g) override;
  void adaptive_avg_pool_forward(const View& x, const View& y) override;
  void adaptive_avg_pool_backward(const View& dy, const View& dx) override;
  void adaptive_max_pool_forward(const View& x, const View& y, const View& flat) override;
  void layer_norm_forward(const View& x, const View& weight, const View& bias, const View& y, const View& mean,
                          const View& rstd, double eps, bool rms) override;
  void layer_norm_backward(const View& dy, const View& x, const View& weight, const View& mean, const View& rstd,
                           const View& dx, const View& dweight, const View& dbias, bool rms, int64_t group) override;
  void batch_norm_stats(const View& x, const View& mean, const View& var) override;
  void batch_norm_apply(const View& x, const View& mean, const View& rstd, const View& weight, const View& bias,
                        const View& y) override;
  void batch_norm_backward(const View& dy, const View& x, const View& mean, const View& rstd, const View& weight,
                           const View& dx, const View& dweight, const View& dbias, bool training) override;
  void softmax_forward(const View& x, const View& y, bool log) override;
  void softmax_backward(const View& y, const View& dy, const View& dx, bool log) override;
  void cross_entropy_forward(const View& logits, const View& target, const View& loss, const View& lse,
                             int64_t ignore_index) override;
  void cross_entropy_backward(const View& logits, const View& target, const View& lse, const View& dloss, const View& dx,
                              int64_t ignore_index) override;
  void random(RandomOp op, const View& state, const View& y, double a, double b) override;
  void dropout(const View& x, const View& state, const View& y, double p) override;
  void lstm_cell_forward(const View& gates, const View& c_prev, const View& c, const View& h) override;
  void lstm_cell_backward(const View& gates, const View& c_prev, const View& c, const View& dh, const View& dc,
                          const View& dgates, const View& dc_prev) override;
  void gru_cell_forward(const View& gi, const View& gh, const View& h_prev, const View& h, const View& saved) override;
  void gru_cell_backward(const View& saved, const View& h_prev, const View& dh, const View& dgi, const View& dgh,
                         const View& dh_prev) override;
  void attention_forward(const View& q, const View& k, const View& v, const View& mask, const View& out, const View& lse,
                         double scale, bool causal) override;
  void attention_backward(const View& q, const View& k, const View& v, const View& mask, const View& out, const View& lse,
                          const View& dout, const View& dq, const View& dk, const View& dv, double scale, bool causal) override;
  void optimizer_step(const OptimizerStep& step) override;
};

/// The set's one backend object; all that the rest of the library links to.
Backend* make_backend();

}  // namespace DEEPNET_ISA
}  // namespace deepnet
