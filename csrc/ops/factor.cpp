#include "ops/factor.h"

#include <atomic>
#include <cmath>

#include "core/parallel.h"
#include "ops/copy.h"
#include "ops/dense.h"
#include "ops/views.h"

namespace deepnet {

namespace {

/// A batch of matrices as plain float64 memory.
struct Batch {
  Tensor data;  // on the CPU, contiguous, ours to write
  int64_t count = 1, m, n;
  double* at(int64_t i) const { return data.as<double>() + i * m * n; }
};

Batch load(const char* op, const Tensor& x) {
  if (current_recorder && current_recorder->refuses_reads())
    fail<RuntimeError>(op, "works on the host, which a capture cannot replay");
  check_floating(op, "input", x);
  if (x.ndim() < 2) fail<RuntimeError>(op, "needs at least 2 dims, got shape ", x.shape());
  Batch b;
  b.m = x.size(x.ndim() - 2);
  b.n = x.size(x.ndim() - 1);
  for (int i = 0; i + 2 < x.ndim(); ++i) b.count *= x.size(i);
  b.data = contiguous(to(detach(x), DType::Float64, Device{}, true));
  return b;
}

Batch load_square(const char* op, const Tensor& x) {
  if (x.ndim() >= 2 && x.size(x.ndim() - 2) != x.size(x.ndim() - 1))
    fail<RuntimeError>(op, "needs square matrices, got shape ", x.shape());
  return load(op, x);
}

/// x's batch shape followed by `tail`.
Shape shaped(const Tensor& x, std::initializer_list<int64_t> tail) {
  Shape s;
  for (int i = 0; i + 2 < x.ndim(); ++i) s.push_back(x.size(i));
  for (int64_t t : tail) s.push_back(t);
  return s;
}

Tensor room(const Tensor& x, std::initializer_list<int64_t> tail) { return empty(shaped(x, tail), DType::Float64); }

Tensor like(const Tensor& result, const Tensor& x) { return to(result, x.dtype(), x.device(), false); }

/// Runs f(i) for every matrix; each costs about `work` operations. What f returns other than 0 is the code of a failure: the
/// first one that fails comes back as (its index, code).
template <class F>
std::pair<int64_t, int64_t> each(const Batch& b, int64_t work, F f) {
  std::vector<int64_t> codes(size_t(b.count), 0);
  parallel_for(b.count, std::max<int64_t>(1, 32768 / std::max<int64_t>(work, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) codes[size_t(i)] = f(i);
  });
  for (int64_t i = 0; i < b.count; ++i)
    if (codes[size_t(i)]) return {i, codes[size_t(i)]};
  return {0, 0};
}

std::string place(const Batch& b, int64_t i) { return b.count > 1 ? join("matrix ", i, " of the batch") : "the matrix"; }

}  // namespace

Tensor solve_plain(const Tensor& a, const Tensor& b) {
  Batch x = load_square("solve", a), y = load("solve", b);
  if (x.count != y.count || x.n != y.m) fail<RuntimeError>("solve", "shapes must agree, got ", a.shape(), " and ", b.shape());
  auto [i, code] = each(x, x.n * x.n * (x.n + y.n), [&](int64_t i) -> int64_t {
    std::vector<int64_t> swaps(size_t(x.n), 0);
    dense::lu(x.at(i), x.n, x.n, swaps.data());
    return dense::lu_solve(x.at(i), swaps.data(), x.n, y.at(i), y.n) ? 0 : 1;
  });
  if (code) fail<RuntimeError>("solve", place(x, i), " is singular");
  return like(y.data, b);
}

Tensor triangular_solve_plain(const Tensor& a, const Tensor& b, bool upper, bool unitriangular) {
  Batch x = load_square("solve_triangular", a), y = load("solve_triangular", b);
  if (x.count != y.count || x.n != y.m)
    fail<RuntimeError>("solve_triangular", "shapes must agree, got ", a.shape(), " and ", b.shape());
  each(x, x.n * x.n * y.n, [&](int64_t i) -> int64_t {
    dense::triangular_solve(x.at(i), x.n, y.at(i), y.n, upper, false, unitriangular);
    return 0;
  });
  return like(y.data, b);
}

std::tuple<Tensor, Tensor, Tensor> det_plain(const Tensor& a) {
  Batch x = load_square("det", a);
  Tensor det = room(a, {}), sign = room(a, {}), size = room(a, {});
  each(x, x.n * x.n * x.n, [&](int64_t i) -> int64_t {
    std::vector<int64_t> swaps(size_t(x.n), 0);
    double s = dense::lu(x.at(i), x.n, x.n, swaps.data()), d = s, log = 0;
    for (int64_t k = 0; k < x.n; ++k) {
      double u = x.at(i)[k * x.n + k];
      d *= u;
      s *= u == 0 ? 0 : std::copysign(1.0, u);
      log += std::log(std::fabs(u));
    }
    det.as<double>()[i] = d;
    sign.as<double>()[i] = s;
    size.as<double>()[i] = log;
    return 0;
  });
  return {like(det, a), like(sign, a), like(size, a)};
}

Tensor cholesky_plain(const Tensor& a) {
  Batch x = load_square("cholesky", a);
  auto [i, code] = each(x, x.n * x.n * x.n, [&](int64_t i) { return dense::cholesky(x.at(i), x.n); });
  if (code)
    fail<RuntimeError>("cholesky", place(x, i), " is not positive definite: its leading minor of order ", code,
                       " is not positive");
  return like(x.data, a);
}

std::pair<Tensor, Tensor> qr_plain(const Tensor& a, int64_t columns) {
  Batch x = load("qr", a);
  Tensor q = room(a, {x.m, columns}), r = room(a, {columns, x.n});
  each(x, x.m * x.n * x.n, [&](int64_t i) -> int64_t {
    std::vector<double> tau(size_t(std::min(x.m, x.n)), 0.0);
    double* w = x.at(i);
    dense::qr(w, x.m, x.n, tau.data());
    dense::qr_columns(w, x.m, x.n, tau.data(), q.as<double>() + i * x.m * columns, columns);
    for (int64_t k = 0; k < columns; ++k)
      for (int64_t c = 0; c < x.n; ++c) r.as<double>()[(i * columns + k) * x.n + c] = c < k ? 0 : w[k * x.n + c];
    return 0;
  });
  return {like(q, a), like(r, a)};
}

std::pair<Tensor, Tensor> eigh_plain(const Tensor& a, bool upper) {
  Batch x = load_square("eigh", a);
  Tensor w = room(a, {x.n});
  double eps = a.dtype() == DType::Float64 ? 0x1p-53 : 0x1p-24;
  auto [i, code] = each(x, 8 * x.n * x.n * x.n, [&](int64_t i) -> int64_t {
    return dense::symmetric_eigen(x.at(i), x.n, w.as<double>() + i * x.n, upper, eps) ? 0 : 1;
  });
  if (code) fail<RuntimeError>("eigh", "the iteration does not converge for ", place(x, i));
  return {like(w, a), like(x.data, a)};
}

std::tuple<Tensor, Tensor, Tensor> svd_plain(const Tensor& a, bool full_matrices) {
  Batch x = load("svd", a);
  int64_t m = x.m, n = x.n, k = std::min(m, n), columns = full_matrices ? m : k, rows = full_matrices ? n : k;
  Tensor u = room(a, {m, columns}), s = room(a, {k}), vt = room(a, {rows, n});
  double eps = a.dtype() == DType::Float64 ? 0x1p-53 : 0x1p-24;
  auto [i, code] = each(x, 8 * m * n * k, [&](int64_t i) -> int64_t {
    double *to_u = u.as<double>() + i * m * columns, *to_s = s.as<double>() + i * k, *to_vt = vt.as<double>() + i * rows * n;
    return dense::svd(x.at(i), m, n, to_s, to_u, columns, to_vt, rows, eps) ? 0 : 1;
  });
  if (code) fail<RuntimeError>("svd", "the iteration does not converge for ", place(x, i));
  return {like(u, a), like(s, a), like(vt, a)};
}

}  // namespace deepnet
