// Layer and RMS normalisation over the last axis.
//
//   xhat = (x - mean) * rstd, or x * rstd (rms); rstd = 1 / sqrt(var + eps)
//   y  = fma(xhat, weight, bias), or the one of them that is there
//   g  = dy * weight; c1 = sum(g) / C (0 for rms), c2 = sum(g * xhat) / C, sums of products as chains of fma
//   dx = rstd * fma(-xhat, c2, g - c1)
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/isa_backend.h"
#include "cpu/norm_rows.h"
#include "cpu/reduce_columns.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

template <class S>
void forward_row(const S* x, const S* weight, const S* bias, S* y, int64_t n, S eps, bool rms, S* mean_out, S* rstd_out) {
  using V = vector_of<S>;
  S mean = 0, squares;
  if (!rms) mean = sum_row<V>(n, [&](auto at) DN_FUSED { return at(x); }) / S(n);
  const V m(mean);
  reduce_row<V, 1>(
      0, n, Adding{},
      [&](auto at, V* acc) DN_FUSED {
        const V d = at(x) - m;
        acc[0] = fma(d, d, acc[0]);
      },
      &squares);
  const S rstd = S(1) / sqrt(squares / S(n) + eps);
  const V r(rstd);
  normalise_row(x, y, n, [&](auto at, V v) DN_FUSED { return scale_and_shift((v - m) * r, at, weight, bias); });
  *mean_out = mean;
  *rstd_out = rstd;
}

template <class T>
void forward(const View& x, const View& weight, const View& bias, const View& y, const View& mean, const View& rstd, double eps,
             bool rms) {
  using S = compute_of<T>;
  const int64_t R = x.size(0), C = x.size(1);
  Scratch parameters(size_t(2 * C) * sizeof(S));
  const S* w = read_parameter(weight, C, parameters.as<S>());
  const S* b = read_parameter(bias, C, parameters.as<S>() + C);
  parallel_for(R, grain_for(C), [&](int64_t begin, int64_t end) {
    Scratch buffers(is_narrow<T> ? size_t(2 * C) * sizeof(S) : 0);
    for (int64_t r = begin; r < end; ++r) {
      const S* from = read_row(x.as<T>() + r * C, C, buffers.as<S>());
      S* to = row_target(y.as<T>() + r * C, buffers.as<S>() + C);
      S row_mean, row_rstd;
      forward_row(from, w, b, to, C, S(eps), rms, &row_mean, &row_rstd);
      write_row(y.as<T>() + r * C, to, C);
      if (mean.defined()) mean.as<S>()[r] = row_mean;
      if (rstd.defined()) rstd.as<S>()[r] = row_rstd;
    }
  });
}

template <class S>
void backward_row(const S* dy, const S* x, const S* weight, S mean, S rstd, S* dx, int64_t n, bool rms) {
  using V = vector_of<S>;
  const V m(mean), r(rstd);
  S sums[2];
  reduce_row<V, 2>(
      0, n, Adding{},
      [&](auto at, V* acc) DN_FUSED {
        const V g = weight ? at(dy) * at(weight) : at(dy);
        acc[0] = acc[0] + g;
        acc[1] = fma(g, (at(x) - m) * r, acc[1]);
      },
      sums);
  const V c1(rms ? S(0) : sums[0] / S(n)), c2(sums[1] / S(n));
  for_row<V>(n, [&](auto at) DN_FUSED {
    const V g = weight ? at(dy) * at(weight) : at(dy), xhat = (at(x) - m) * r;
    at.put(dx, r * fma(-xhat, c2, g - c1));
  });
}

template <class T>
struct Backward {
  using S = compute_of<T>;
  using V = vector_of<S>;
  const T *dy, *x;
  const S *weight, *mean, *rstd;  // mean is null for rms
  T* dx;
  int64_t R, C, group;
  bool rms;

  DN_INLINE S mean_of(int64_t r) const { return mean ? mean[r] : S(0); }

  void input_rows(int64_t begin, int64_t end) const {
    Scratch buffers(is_narrow<T> ? size_t(3 * C) * sizeof(S) : 0);
    S* buffer = buffers.as<S>();
    for (int64_t r = begin; r < end; ++r) {
      S* to = row_target(dx + r * C, buffer + 2 * C);
      backward_row(read_row(dy + r * C, C, buffer), read_row(x + r * C, C, buffer + C), weight, mean_of(r), rstd[r], to, C,
                   rms);
      write_row(dx + r * C, to, C);
    }
  }

  /// out[0 .. width - 1]: dweight, out[width .. 2 width - 1]: dbias, of rows [begin, end) and columns from `column` on.
  void parameter_columns(int64_t begin, int64_t end, int64_t column, int64_t width, S* out) const {
    const int64_t scratch_size = columns_scratch(end - begin, group, 2 * width);
    Scratch scratch(size_t(scratch_size + (is_narrow<T> ? 2 * kRowBlock * width : 0)) * sizeof(S));
    S* block = scratch.as<S>() + scratch_size;
    const S *dy_rows, *x_rows;
    int64_t first = 0, stride = width;
    if constexpr (is_narrow<T>) {
      dy_rows = block;
      x_rows = block + kRowBlock * width;
    } else {
      dy_rows = dy + column;
      x_rows = x + column;
      stride = C;
    }
    reduce_columns<V, 2>(
        begin, end, group, width, Adding{},
        [&](int64_t r, int64_t rows) {
          if constexpr (is_narrow<T>) {
            for (int64_t j = 0; j < rows; ++j) {
              read_row(dy + (r + j) * C + column, width, block + j * width);
              read_row(x + (r + j) * C + column, width, block + (kRowBlock + j) * width);
            }
            first = r;
          }
        },
        [&](auto at, int64_t r, V* acc) DN_FUSED {
          const int64_t offset = (r - first) * stride;
          const V g = at(dy_rows + offset);
          acc[0] = fma(g, (at(x_rows + offset) - V(mean_of(r))) * V(rstd[r]), acc[0]);
          acc[1] = acc[1] + g;
        },
        scratch.template as<S>(), out);
  }
};

/// values null means zeros.
template <class T>
void write_parameter(const View& y, const compute_of<T>* values, int64_t column, int64_t n) {
  if (!y.defined()) return;
  for (int64_t c = 0; c < n; ++c) assign(y.as<T>()[column + c], values ? values[c] : 0);
}

template <class T>
void backward(const View& dy, const View& x, const View& weight, const View& mean, const View& rstd, const View& dx,
              const View& dweight, const View& dbias, bool rms, int64_t group) {
  using S = compute_of<T>;
  const int64_t R = x.size(0), C = x.size(1);
  Scratch parameters(size_t(C) * sizeof(S));
  const Backward<T> rows{dy.as<T>(),
                         x.as<T>(),
                         read_parameter(weight, C, parameters.as<S>()),
                         rms ? nullptr : mean.as<S>(),
                         rstd.as<S>(),
                         dx.as<T>(),
                         R,
                         C,
                         group,
                         rms};
  const bool wants_parameters = dweight.defined() || dbias.defined();
  if (R == 0 || C == 0) {
    write_parameter<T>(dweight, nullptr, 0, C);
    write_parameter<T>(dbias, nullptr, 0, C);
    return;
  }
  // Tasks of a power of two of groups, while what they read is still in cache.
  int64_t task_rows = group;
  while (task_rows * C < 4 * kGrainElements) task_rows *= 2;
  const int64_t parts = ceil_div(R, task_rows);
  if (!wants_parameters || parts < 4) {
    if (dx.defined()) parallel_for(R, grain_for(C), [&](int64_t begin, int64_t end) { rows.input_rows(begin, end); });
    if (!wants_parameters) return;
    const int64_t width = smaller(C, 64);
    parallel_for(ceil_div(C, width), grain_for(R * width), [&](int64_t begin, int64_t end) {
      S result[2 * 64];
      for (int64_t column = begin * width; column < smaller(C, end * width); column += width) {
        const int64_t n = smaller(width, C - column);
        rows.parameter_columns(0, R, column, n, result);
        write_parameter<T>(dweight, result, column, n);
        write_parameter<T>(dbias, result + n, column, n);
      }
    });
    return;
  }
  Scratch partials(size_t(parts * 2 * C) * sizeof(S));
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t r0 = part * task_rows, r1 = smaller(R, r0 + task_rows);
      if (dx.defined()) rows.input_rows(r0, r1);
      rows.parameter_columns(r0, r1, 0, C, partials.as<S>() + part * 2 * C);
    }
  });
  for (int64_t span = 1; span < parts; span *= 2)
    for (int64_t p = 0; p + span < parts; p += 2 * span) {
      S *a = partials.as<S>() + p * 2 * C, *b = partials.as<S>() + (p + span) * 2 * C;
      for_row<vector_of<S>>(2 * C, [&](auto at) DN_FUSED { at.put(a, at(a) + at(b)); });
    }
  write_parameter<T>(dweight, partials.as<S>(), 0, C);
  write_parameter<T>(dbias, partials.as<S>() + C, 0, C);
}

}  // namespace

void IsaBackend::layer_norm_forward(const View& x, const View& weight, const View& bias, const View& y, const View& mean,
                                    const View& rstd, double eps, bool rms) {
  visit_floats(x.dtype, [&](auto tag) { forward<typename decltype(tag)::type>(x, weight, bias, y, mean, rstd, eps, rms); });
}

void IsaBackend::layer_norm_backward(const View& dy, const View& x, const View& weight, const View& mean, const View& rstd,
                                     const View& dx, const View& dweight, const View& dbias, bool rms, int64_t group) {
  if (group <= 0) group = 64;
  visit_floats(x.dtype, [&](auto tag) {
    backward<typename decltype(tag)::type>(dy, x, weight, mean, rstd, dx, dweight, dbias, rms, group);
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
