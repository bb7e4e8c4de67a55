// Cross-entropy of logits with class indices: loss = lse - logit of the target, lse = max + log(sum of exp(x - max)).
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/isa_backend.h"
#include "cpu/softmax_rows.h"
#include "cpu/throw.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

DN_INLINE int64_t target_of(const View& target, int64_t row) { return target.as<int64_t>()[row * target.stride(0)]; }
DN_INLINE void check_target(int64_t t, int64_t classes) {
  if (t < 0 || t >= classes) throw_target_out_of_range(t, classes);
}

template <class S>
S log_sum_exp(const S* x, int64_t n) {
  using V = vector_of<S>;
  const S max = max_row<V>(x, n);
  return max + math::log(sum_exponentials<V>(x, n, max, [](auto, V) DN_FUSED {}));
}

template <class S>
void gradient_row(const S* x, int64_t target, S lse, S dloss, S* dx, int64_t n) {
  using V = vector_of<S>;
  const S at_target = (math::exp(x[target] - lse) - S(1)) * dloss;
  const V l(lse), g(dloss);
  for_row<V>(n, [&](auto at) DN_FUSED { at.put(dx, math::exp(at(x) - l) * g); });
  dx[target] = at_target;
}

}  // namespace

void IsaBackend::cross_entropy_forward(const View& logits, const View& target, const View& loss, const View& lse,
                                       int64_t ignore_index) {
  const int64_t R = logits.size(0), C = logits.size(1);
  visit_floats(logits.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = compute_of<T>;
    parallel_for(R, grain_for(C), [&](int64_t begin, int64_t end) {
      Scratch buffer(is_narrow<T> ? size_t(C) * sizeof(S) : 0);
      for (int64_t r = begin; r < end; ++r) {
        const int64_t t = target_of(target, r);
        if (t != ignore_index) check_target(t, C);
        const S* x = read_row(logits.as<T>() + r * C, C, buffer.template as<S>());
        const S row_lse = log_sum_exp(x, C);
        write_number(lse, r * lse.stride(0), row_lse);
        write_number(loss, r * loss.stride(0), t == ignore_index ? S(0) : row_lse - x[t]);
      }
    });
  });
}

void IsaBackend::cross_entropy_backward(const View& logits, const View& target, const View& lse, const View& dloss,
                                        const View& dx, int64_t ignore_index) {
  const int64_t R = logits.size(0), C = logits.size(1);
  visit_floats(logits.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using S = compute_of<T>;
    parallel_for(R, grain_for(C), [&](int64_t begin, int64_t end) {
      Scratch buffer(is_narrow<T> ? size_t(2 * C) * sizeof(S) : 0);
      S* read = buffer.template as<S>();
      for (int64_t r = begin; r < end; ++r) {
        const int64_t t = target_of(target, r);
        S* to = row_target(dx.as<T>() + r * C, read + C);
        if (t == ignore_index) {
          for (int64_t c = 0; c < C; ++c) to[c] = S(0);
        } else {
          check_target(t, C);
          gradient_row(read_row(logits.as<T>() + r * C, C, read), t, read_number<S>(lse, r * lse.stride(0)),
                       read_number<S>(dloss, r * dloss.stride(0)), to, C);
        }
        write_row(dx.as<T>() + r * C, to, C);
      }
    });
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
