// Matrix products.
#include "convert.h"
#include "cuda_backend.h"
#include "operands.h"
#include "product_launch.h"

namespace deepnet::gpu {
namespace {

/// A batch of matrices (z, row, column) by strides, in elements.
struct Matrices {
  const void* data;
  int64_t sz, srow, scol;
  explicit Matrices(const View& v) : data(v.data), sz(v.stride(0)), srow(v.stride(1)), scol(v.stride(2)) {}
  void transpose() {
    const int64_t t = srow;
    srow = scol;
    scol = t;
  }
};

struct Problem {
  int64_t batch, M, N, K, group;
  Matrices a, b, bias, y;

  Problem(const View& a_, const View& b_, const View& bias_, const View& y_, int64_t group_)
      : batch(y_.size(0)),
        M(y_.size(1)),
        N(y_.size(2)),
        K(a_.size(2)),
        group(group_),
        a(a_),
        b(b_),
        bias(bias_.defined() ? bias_ : y_),
        y(y_) {
    if (!bias_.defined()) bias.data = nullptr;
    b.transpose();  // (column, k): both operands as rows of k's
    // y' = b' a': the same sums, but tiles are wide and stores go along y's unit stride.
    const bool wide = N >= M || M > 16, along = y.scol == 1 || N == 1;
    if (!wide || (M > 16 && N > 16 && !along && y.srow == 1)) swap();
  }
  void swap() {
    const Matrices t = a;
    a = b;
    b = t;
    const int64_t size = M;
    M = N;
    N = size;
    bias.transpose();
    y.transpose();
  }
};

template <class T>
StridedOutput<T> output_of(const Problem& p) {
  return {static_cast<T*>(const_cast<void*>(p.y.data)), p.y.sz,    p.y.srow,    p.y.scol,
          static_cast<const T*>(p.bias.data),           p.bias.sz, p.bias.srow, p.bias.scol};
}

template <class T>
StridedOperand<T> operand_of(const Matrices& m) {
  return {static_cast<const T*>(m.data), m.sz, m.srow, m.scol, m.scol == 1 || m.srow != 1};
}

bool aligned(const Matrices& m, int64_t pitch) {
  return reinterpret_cast<uintptr_t>(m.data) % 16 == 0 && pitch % 8 == 0 && m.sz % 8 == 0;
}

template <class T>
DN_KERNEL void gather_matrix(const T* x, T* y, int64_t batch, int64_t rows, int64_t K, int64_t sz, int64_t srow, int64_t scol) {
  for (int64_t i = thread_id(); i < batch * rows * K; i += thread_count()) {
    const int64_t zr = quotient(i, K), z = quotient(zr, rows);
    y[i] = x[z * sz + (zr - z * rows) * srow + (i - zr * K) * scol];
  }
}

/// Calls f with m as an operand of 16-bit elements, copied first where neither its rows nor its k's lie side by side.
template <class T, class F>
void with_vectors(Call& call, Matrices m, int64_t batch, int64_t rows, int64_t K, F&& f) {
  if (m.scol != 1 && m.srow != 1 && rows > 1 && K > 1) {
    const int64_t copies = m.sz == 0 ? 1 : batch;
    T* dense = call.scratch<T>(copies * rows * K);
    call.run_items(gather_matrix<T>, copies * rows * K, static_cast<const T*>(m.data), dense, copies, rows, K, m.sz, m.srow,
                   m.scol);
    m.data = dense;
    m.sz = m.sz == 0 ? 0 : rows * K;
    m.srow = K;
    m.scol = 1;
  }
  const T* data = static_cast<const T*>(m.data);
  if (m.scol == 1 || K == 1)
    f(VectorOperand<T, true>{data, m.sz, m.srow, aligned(m, m.srow)});
  else
    f(VectorOperand<T, false>{data, m.sz, m.scol, aligned(m, m.scol)});
}

template <class T>
void multiply_narrow(Call& call, const Problem& p) {
  with_vectors<T>(call, p.a, p.batch, p.M, p.K, [&](auto a) {
    with_vectors<T>(call, p.b, p.batch, p.N, p.K,
                    [&](auto b) { run_mma(call, a, b, output_of<T>(p), p.M, p.N, p.K, p.batch); });
  });
}

constexpr int kIntegerTile = 16;

/// Integers wrap; any order gives the same.
DN_KERNEL void multiply_integers(Problem p, DType dtype) {
  __shared__ int64_t as[kIntegerTile][kIntegerTile + 1];
  __shared__ int64_t bs[kIntegerTile][kIntegerTile + 1];
  const int ty = threadIdx.y, tx = threadIdx.x;
  const int64_t tiles_n = ceil_div(p.N, kIntegerTile), tiles = ceil_div(p.M, kIntegerTile) * tiles_n;
  const int64_t z = blockIdx.x / tiles, tile = blockIdx.x - z * tiles;
  const int64_t m = tile / tiles_n * kIntegerTile + ty, n0 = tile % tiles_n * kIntegerTile, n = n0 + tx;
  uint64_t acc = 0;
  for (int64_t k0 = 0; k0 < p.K; k0 += kIntegerTile) {
    as[ty][tx] =
        m < p.M && k0 + tx < p.K ? load_any<int64_t>(p.a.data, dtype, z * p.a.sz + m * p.a.srow + (k0 + tx) * p.a.scol) : 0;
    bs[ty][tx] = n0 + ty < p.N && k0 + tx < p.K
                     ? load_any<int64_t>(p.b.data, dtype, z * p.b.sz + (n0 + ty) * p.b.srow + (k0 + tx) * p.b.scol)
                     : 0;
    __syncthreads();
    for (int k = 0; k < kIntegerTile; ++k) acc += uint64_t(as[ty][k]) * uint64_t(bs[tx][k]);
    __syncthreads();
  }
  if (m >= p.M || n >= p.N) return;
  if (p.bias.data) acc += uint64_t(load_any<int64_t>(p.bias.data, dtype, z * p.bias.sz + m * p.bias.srow + n * p.bias.scol));
  store_any(const_cast<void*>(p.y.data), dtype, z * p.y.sz + m * p.y.srow + n * p.y.scol, int64_t(acc));
}

}  // namespace

void CudaBackend::matmul(const View& a, const View& b, const View& bias, const View& y, int64_t group) {
  Call call(device_, "matmul");
  if (y.numel() == 0) return;
  const Problem p(a, b, bias, y, group);
  switch (y.dtype) {
    case DType::Float32:
      return run_product<float>(call, operand_of<float>(p.a), operand_of<float>(p.b), output_of<float>(p), p.M, p.N, p.K,
                                p.batch, group);
    case DType::Float64:
      return run_product<double>(call, operand_of<double>(p.a), operand_of<double>(p.b), output_of<double>(p), p.M, p.N, p.K,
                                 p.batch, group);
    case DType::Float16:
      return multiply_narrow<Half>(call, p);
    case DType::BFloat16:
      return multiply_narrow<BFloat16>(call, p);
    default:
      const int64_t tiles = ceil_div(p.M, kIntegerTile) * ceil_div(p.N, kIntegerTile) * p.batch;
      return call.run(multiply_integers, dim3(unsigned(tiles)), dim3(kIntegerTile, kIntegerTile), 0, p, y.dtype);
  }
}

}  // namespace deepnet::gpu
