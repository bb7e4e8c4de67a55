#include "ops/index.h"

#include "ops/copy.h"
#include "ops/indexing.h"

namespace deepnet {

namespace {

/// Runs a kernel on rows along dim; values and indices come back in x's layout.
template <class F>
std::pair<Tensor, Tensor> along(const char* op, const Tensor& x, int d, int64_t length, F kernel) {
  int last = std::max(x.ndim() - 1, 0);
  GradGuard off(false);
  Tensor c = contiguous(transpose(at_least_1d(detach(x)), d, last));
  Shape shape = c.shape();
  int64_t n = shape.v[shape.n - 1];
  shape.v[shape.n - 1] = length;
  Tensor values = empty(shape, x.dtype(), x.device()), indices = empty(shape, DType::Int64, x.device());
  if (values.numel()) {
    int64_t rows = values.numel() / length;
    Shape in{rows, n}, out{rows, length};
    launch(op, x.device(),
           [kernel, x = alias(c, in, contiguous_strides(in), c.impl()->offset).view(),
            v = alias(values, out, contiguous_strides(out), 0).view(),
            i = alias(indices, out, contiguous_strides(out), 0).view()](Backend& b) { kernel(b, x, v, i); });
  }
  Tensor v = transpose(values, d, last), i = transpose(indices, d, last);
  if (x.ndim() == 0) return {reshape(v, {}), reshape(i, {})};
  return {contiguous(v), contiguous(i)};
}

std::pair<Tensor, Tensor> with_gradient(const char* op, const Tensor& x, int d, std::pair<Tensor, Tensor> out) {
  if (is_floating(x.dtype()) && wants_grad(x))
    record(op, {x}, {out.first, out.second}, [i = out.second, from = x.shape(), d](const Backward& b) -> Tensors {
      return {scatter_add(zeros(from, b.dy(0).dtype(), b.dy(0).device()), d, i, b.dy(0))};
    });
  return out;
}

}  // namespace

std::pair<Tensor, Tensor> sort(const Tensor& x, int64_t dim, bool descending) {
  int d = wrap_dim("sort", dim, x.ndim());
  int64_t n = x.ndim() ? x.size(d) : 1;
  return with_gradient("sort", x, d,
                       along("sort", x, d, n, [descending](Backend& b, const View& x, const View& v, const View& i) {
                         b.sort(x, v, i, descending);
                       }));
}

std::pair<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim, bool largest) {
  int d = wrap_dim("topk", dim, x.ndim());
  int64_t n = x.ndim() ? x.size(d) : 1;
  if (k < 0 || k > n) fail<RuntimeError>("topk", "k must be in [0, ", n, "], got ", k);
  return with_gradient("topk", x, d, along("topk", x, d, k, [largest](Backend& b, const View& x, const View& v, const View& i) {
                         b.topk(x, v, i, largest);
                       }));
}

Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right) {
  GradGuard off(false);
  DType t = result_type(sorted, values);
  if (t == DType::Bool) t = DType::UInt8;
  Tensor s = contiguous(to(detach(sorted), t)), v = contiguous(to(detach(values), t));
  if (s.ndim() == 0) fail<RuntimeError>("searchsorted", "the sorted sequence needs at least 1 dim");
  Tensor y = empty(v.shape(), DType::Int64, v.device());
  if (y.numel() == 0) return y;
  int64_t rows = s.ndim() > 1 ? s.numel() / std::max<int64_t>(s.size(-1), 1) : 1;
  if (s.ndim() > 1) {
    Shape a = s.shape(), b = v.shape();
    if (a.n != b.n) fail<RuntimeError>("searchsorted", "leading sizes must agree, got ", a, " and ", b);
    for (int i = 0; i + 1 < a.n; ++i)
      if (a.v[i] != b.v[i]) fail<RuntimeError>("searchsorted", "leading sizes must agree, got ", a, " and ", b);
  }
  Shape in{rows, s.size(-1)}, out{rows, v.numel() / rows};
  launch("searchsorted", v.device(),
         [s = alias(s, in, contiguous_strides(in), s.impl()->offset).view(),
          v = alias(v, out, contiguous_strides(out), v.impl()->offset).view(),
          y = alias(y, out, contiguous_strides(out), 0).view(), right](Backend& b) { b.searchsorted(s, v, y, right); });
  return y;
}

}  // namespace deepnet
