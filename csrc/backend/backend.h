// The contract of a device: every kernel, its shapes, its order of arithmetic.
//
// A kernel fills the memory it is given: it allocates no output, checks no shape, records no gradient. Unless its line says
// otherwise: views may have any strides; every operand lies on this device; float16 and bfloat16 are read into float32,
// computed there and rounded once on the way out; an operand that is not wanted is an undefined View.
//
// Orders of arithmetic (docs/bits.md), always by logical index:
//   chain    one accumulator, elements in increasing order
//   tree     neighbours paired, the odd one carried up, level by level; missing entries are skipped, not added as zero
//   rows     a reduction along the last axis: chunks of 1,024 elements; in a chunk 32 lanes, lane l a chain over elements
//            l, l + 32, ...; the tree over lanes; then the tree over chunks
//   columns  a reduction along another axis: groups of `group` rows (64 unless said), each a chain; the tree over groups
//   product  k in blocks of 512, each a chain of fused multiply-adds from zero; the first block is stored, the others are
//            added in order
//   grouped  k in groups of `group`, each a product as above; then the tree over groups
// Which products and sums are fused (the exact formulas of softmax, the norms, attention, ...) stands at the head of
// cpu/<family>.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/view.h"
#include "math/map_op.h"

namespace deepnet {

/// A number on its way into a kernel.
struct Number {
  bool integral;
  int64_t i;
  double d;
  DN_INLINE double real() const { return integral ? double(i) : d; }
};

enum class ReduceOp : uint8_t { Sum, Prod, Min, Max, Any, All, SumSquares, SumAbs };
enum class ScanOp : uint8_t { Sum, Prod, Min, Max, LogSumExp };
enum class ScatterOp : uint8_t { Set, Add, Mul, Min, Max };
enum class RandomOp : uint8_t {
  Uniform,      // a + (b - a) * u; float32: u has 24 bits from word i; float64: 53 bits from words 2i (high) and 2i + 1
  Normal,       // a + b * z; Box-Muller over word pairs: element 2j takes the cosine, 2j + 1 the sine
  Bernoulli,    // 1 where u < a, else 0
  Integers,     // a + floor of (word * (b - a) / 2^32), or of 64 bits from words 2i, 2i + 1 where b - a > 2^32; int64
  Exponential,  // -log(1 - u) / a
};
enum class OptimizerOp : uint8_t { SGD, Adam, AdamW, RMSprop, Adagrad };

/// Sizes of (depth, height, width); 1-d and 2-d convolutions and pools have the leading ones at 1, 1, 0, 1.
struct ConvGeometry {
  int64_t stride[3], padding[3], dilation[3], groups;
};
struct PoolGeometry {
  int64_t kernel[3], stride[3], padding[3], dilation[3];
  bool count_include_pad;    // average: padded cells count in the divisor
  int64_t divisor_override;  // average: 0 means none
};

/// Tensors of one optimizer step, list by list, all float and contiguous, all lists of `count` entries.
struct OptimizerStep {
  OptimizerOp op;
  int count;
  const View* param;
  const View* grad;
  const View* state[3];  // SGD: momentum · Adam(W): first, second, maximum of second (amsgrad) · RMSprop: square_avg, grad_avg
                         // (centered), momentum · Adagrad: sum. Unused lists are null.
  View hyper;            // float64 on the CPU, read at launch; see math/optimizer.h for each op's fields
  bool nesterov, amsgrad, centered, maximize;
};

class Backend {
 public:
  virtual ~Backend() = default;
  /// "avx512", "cuda"
  virtual const char* name() const = 0;

  // ---- memory
  virtual void* allocate(size_t bytes) = 0;
  virtual void deallocate(void* p, size_t bytes) = 0;
  /// Between this device and the CPU, or within this device. Returns when the source may be overwritten.
  virtual void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes) = 0;
  /// Waits for all kernels and raises what they reported.
  virtual void synchronize() = 0;

  // ---- elementwise (elementwise.cpp)
  /// y = op(in[0], ..., in[count - 1]): all of y's shape, strides may be 0. Inputs of any dtypes are converted to `compute`
  /// (Float32, Float64 or Int64), the result to y's dtype as copy does.
  virtual void map(MapOp op, DType compute, const View* in, int count, const View& y) = 0;
  /// y = x converted: float to integer truncates, to bool compares with zero; integers wrap.
  virtual void copy(const View& x, const View& y) = 0;
  virtual void fill(const View& y, Number value) = 0;

  // ---- reductions (reduce.cpp): x (A, R, B), y (A, B). Order: rows where B = 1, else columns with `group`.
  // Sums of integers are int64; Any and All write bool; Min and Max let NaN win.
  virtual void reduce(ReduceOp op, const View& x, const View& y, int64_t group) = 0;
  /// values and the first index (int64) of the largest or smallest along R; NaN wins. x (A, R, B), both outputs (A, B).
  virtual void arg_reduce(bool largest, const View& x, const View& values, const View& indices) = 0;
  /// Running op along R of x (A, R, B), a chain. Min and Max also write the index (int64) of the latest such element.
  virtual void scan(ScanOp op, const View& x, const View& y, const View& indices) = 0;

  // ---- products (gemm.cpp)
  /// y = a · b + bias; a (B, M, K), b (B, K, N), y (B, M, N), bias (B, M, N) by strides or undefined. One dtype, float or
  /// integer. Order: product where group = 0, else grouped; the bias is added last.
  virtual void matmul(const View& a, const View& b, const View& bias, const View& y, int64_t group) = 0;

  // ---- convolution (conv.cpp): x (N, C, D, H, W), w (O, C / groups, KD, KH, KW), y (N, O, D', H', W'), bias (O) or
  // undefined; contiguous, one float dtype.
  /// Each output: a product over k = (channel, kd, kh, kw) in that order, cells outside x as zeros; then the bias. 3x3
  /// stride-1 layers may use Winograd where the geometry alone says so (not in strict mode).
  virtual void conv_forward(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g) = 0;
  /// Each input cell: a product over k = (output channel, kd, kh, kw); then the bias (C) (transposed convolution's).
  virtual void conv_input_grad(const View& dy, const View& w, const View& bias, const View& dx, const ConvGeometry& g) = 0;
  /// Each weight: grouped over k = (sample, output position), group = batch_group(output positions of a sample)
  /// (math/batch_group.h).
  virtual void conv_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) = 0;

  // ---- pooling (pool.cpp): x (N, D, H, W), y (N, D', H', W'); contiguous, N counts samples times channels
  /// window (y's shape; uint8, or int32 where a window has over 255 cells; may be undefined): the first cell in the window,
  /// row by row, that holds the maximum; NaN wins.
  virtual void max_pool_forward(const View& x, const View& y, const View& window, const PoolGeometry& g) = 0;
  /// dx: each cell a chain over the windows that chose it, in output order.
  virtual void max_pool_backward(const View& dy, const View& window, const View& dx, const PoolGeometry& g) = 0;
  /// flat (int64): each window's chosen cell as d * H * W + h * W + w of an input with x_shape (N, D, H, W).
  virtual void max_pool_indices(const View& window, const Shape& x_shape, const View& flat, const PoolGeometry& g) = 0;
  virtual void avg_pool_forward(const View& x, const View& y, const PoolGeometry& g) = 0;
  virtual void avg_pool_backward(const View& dy, const View& dx, const PoolGeometry& g) = 0;
  /// Output cell i covers input cells floor(i * in / out) to ceil((i + 1) * in / out).
  virtual void adaptive_avg_pool_forward(const View& x, const View& y) = 0;
  virtual void adaptive_avg_pool_backward(const View& dy, const View& dx) = 0;
  virtual void adaptive_max_pool_forward(const View& x, const View& y, const View& flat) = 0;

  // ---- normalisation (norm.cpp); contiguous, one float dtype (float16 and bfloat16: statistics in float32)
  /// x, y (R, C); weight, bias (C) or undefined; mean, rstd (R), float32 or float64. mean: the sum by rows, over C; variance:
  /// the sum by rows of (x - mean)², over C. rms: no mean, x² instead. y = (x - mean) * rstd * weight + bias.
  virtual void layer_norm_forward(const View& x, const View& weight, const View& bias, const View& y, const View& mean,
                                  const View& rstd, double eps, bool rms) = 0;
  /// dx (R, C), dweight, dbias (C): each may be undefined. dweight and dbias: sums by columns with `group`.
  virtual void layer_norm_backward(const View& dy, const View& x, const View& weight, const View& mean, const View& rstd,
                                   const View& dx, const View& dweight, const View& dbias, bool rms, int64_t group) = 0;
  /// x (N, C, S); mean, var (C), biased. Per channel: sums by rows over S for each sample, then the tree over samples
  /// (S < 64: samples' sums chained in groups of 64 / S rounded up, then the tree).
  virtual void batch_norm_stats(const View& x, const View& mean, const View& var) = 0;
  /// y = (x - mean) * rstd * weight + bias per channel.
  virtual void batch_norm_apply(const View& x, const View& mean, const View& rstd, const View& weight, const View& bias,
                                const View& y) = 0;
  /// Sums over a channel in the order of batch_norm_stats. training: dx passes through mean and variance too. The outputs may
  /// be undefined.
  virtual void batch_norm_backward(const View& dy, const View& x, const View& mean, const View& rstd, const View& weight,
                                   const View& dx, const View& dweight, const View& dbias, bool training) = 0;

  // ---- softmax (softmax.cpp): over the last axis; (R, C), contiguous, one float dtype; sums by rows
  virtual void softmax_forward(const View& x, const View& y, bool log) = 0;
  virtual void softmax_backward(const View& y, const View& dy, const View& dx, bool log) = 0;

  // ---- cross-entropy (loss.cpp): logits (R, C) contiguous, target int64 (R); a target of ignore_index takes no part, one
  // out of range is an IndexError
  /// loss (R): lse - logit of the target (0 where ignored); lse (R): log of the row's sum of exponentials.
  virtual void cross_entropy_forward(const View& logits, const View& target, const View& loss, const View& lse,
                                     int64_t ignore_index) = 0;
  /// dx = (exp(logits - lse) - [class is target]) * dloss(r); 0 in ignored rows.
  virtual void cross_entropy_backward(const View& logits, const View& target, const View& lse, const View& dloss,
                                      const View& dx, int64_t ignore_index) = 0;

  // ---- random numbers (random.cpp): y contiguous; state: two int64 (seed, counter offset), on the CPU, read at launch
  virtual void random(RandomOp op, const View& state, const View& y, double a, double b) = 0;
  /// y = x / (1 - p) where u >= p, else 0; u of float32 uniforms in logical order. Its own gradient, given the same state.
  virtual void dropout(const View& x, const View& state, const View& y, double p) = 0;

  // ---- indexing (index.cpp): index int64; one outside the range is an IndexError and is never followed. Negative indices
  // were resolved before.
  /// y[k, ...] = x[index[k], ...]; x (R, rest), y (K, rest), index (K).
  virtual void index_select(const View& x, const View& index, const View& y) = 0;
  /// y[index[k], ...] op= src[k, ...]; each destination takes its sources in the order of k.
  virtual void index_put(const View& y, const View& index, const View& src, ScatterOp op) = 0;
  /// y[i...] = x[i... with index[i...] at dim]; y and index of one shape.
  virtual void gather(const View& x, const View& index, const View& y, int dim) = 0;
  /// y[i... with index[i...] at dim] op= src[i...], sources of a destination in logical order.
  virtual void scatter(const View& y, const View& index, const View& src, int dim, ScatterOp op) = 0;
  /// The flat positions (int64) of the non-zero elements of x (contiguous); y has room for as many as there are.
  virtual void nonzero(const View& x, const View& y) = 0;
  virtual int64_t count_nonzero(const View& x) = 0;

  // ---- sorting (sort.cpp): rows of (R, C), contiguous; stable; NaN counts as largest
  virtual void sort(const View& x, const View& values, const View& indices, bool descending) = 0;
  /// values, indices (R, k), largest or smallest first.
  virtual void topk(const View& x, const View& values, const View& indices, bool largest) = 0;
  /// y[i] = where values[i] goes in sorted (R, C) rows; values (R, K); right: after equal entries.
  virtual void searchsorted(const View& sorted, const View& values, const View& y, bool right) = 0;

  // ---- recurrent cells (rnn.cpp): the pointwise part of one step; contiguous, one float dtype
  /// gates (N, 4H) before activation, order i f g o; replaced by the activated gates. c = f c_prev + i g, h = o tanh(c).
  virtual void lstm_cell_forward(const View& gates, const View& c_prev, const View& c, const View& h) = 0;
  /// dgates (N, 4H) before activation; dc_prev (N, H). dc may be undefined.
  virtual void lstm_cell_backward(const View& gates, const View& c_prev, const View& c, const View& dh, const View& dc,
                                  const View& dgates, const View& dc_prev) = 0;
  /// gi, gh (N, 3H): input and hidden parts, biases in, order r z n. saved (N, 4H): r, z, n and the hidden part of n.
  /// h = (1 - z) n + z h_prev with n = tanh(gi_n + r gh_n).
  virtual void gru_cell_forward(const View& gi, const View& gh, const View& h_prev, const View& h, const View& saved) = 0;
  virtual void gru_cell_backward(const View& saved, const View& h_prev, const View& dh, const View& dgi, const View& dgh,
                                 const View& dh_prev) = 0;

  // ---- attention (attention.cpp): q (B, T, D), k (B, S, D), v (B, S, E), out (B, T, E); contiguous, one float dtype
  /// mask (B, T, S), float, added to the scaled scores, by strides, or undefined; causal: position t sees s <= t. lse (B, T).
  /// Keys in tiles of 64; within a tile maximum, exponentials and products are chains over s; tiles are folded in order
  /// with rescaling (online softmax). A row that sees nothing is 0.
  virtual void attention_forward(const View& q, const View& k, const View& v, const View& mask, const View& out,
                                 const View& lse, double scale, bool causal) = 0;
  virtual void attention_backward(const View& q, const View& k, const View& v, const View& mask, const View& out,
                                  const View& lse, const View& dout, const View& dq, const View& dk, const View& dv,
                                  double scale, bool causal) = 0;

  // ---- optimizers (optimizer.cpp): elementwise over every tensor of the lists, in one pass
  virtual void optimizer_step(const OptimizerStep& step) = 0;
};

/// The backend of a device. Throws RuntimeError where there is none (no driver, not built), saying why.
Backend& backend(Device device);

}  // namespace deepnet
