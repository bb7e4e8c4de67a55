// The backend of one CUDA device. Kernels are queued on the calling thread's current stream and return at once; strides,
// shapes and orders of arithmetic as backend/backend.h says.
#pragma once

#include "backend/backend.h"

namespace deepnet::gpu {

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(int device) : device_(device) {}
  const char* name() const override { return "cuda"; }

  void* allocate(size_t bytes) override;
  void deallocate(void* p, size_t bytes) override;
  void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes) override;
  /// Waits for the calling thread's current stream of this device.
  void synchronize() override;

  void map(MapOp op, DType compute, const View* in, int count, const View& y) override;
  void copy(const View& x, const View& y) override;
  void fill(const View& y, Number value) override;
  void reduce(ReduceOp op, const View& x, const View& y, int64_t group) override;
  void arg_reduce(bool largest, const View& x, const View& values, const View& indices) override;
  void scan(ScanOp op, const View& x, const View& y, const View& indices) override;
  void matmul(const View& a, const View& b, const View& bias, const View& y, int64_t group) override;
  void conv_forward(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g) override;
  void conv_input_grad(const View& dy, const View& w, const View& bias, const View& dx, const ConvGeometry& g) override;
  void conv_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) override;
  void max_pool_forward(const View& x, const View& y, const View& window, const PoolGeometry& g) override;
  void max_pool_backward(const View& dy, const View& window, const View& dx, const PoolGeometry& g) override;
  void max_pool_indices(const View& window, const Shape& x_shape, const View& flat, const PoolGeometry& g) override;
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
  void index_select(const View& x, const View& index, const View& y) override;
  void index_put(const View& y, const View& index, const View& src, ScatterOp op) override;
  void gather(const View& x, const View& index, const View& y, int dim) override;
  void scatter(const View& y, const View& index, const View& src, int dim, ScatterOp op) override;
  void nonzero(const View& x, const View& y) override;
  int64_t count_nonzero(const View& x) override;
  void sort(const View& x, const View& values, const View& indices, bool descending) override;
  void topk(const View& x, const View& values, const View& indices, bool largest) override;
  void searchsorted(const View& sorted, const View& values, const View& y, bool right) override;
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

 private:
  int device_;
};

}  // namespace deepnet::gpu
