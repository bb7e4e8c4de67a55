// Random numbers from a counter: element i of a draw depends on the seed, the offset and i alone. A thread takes a counter's
// four words, which are four elements, or two of 64 bits.
#include "convert.h"
#include "core/philox.h"
#include "cuda_backend.h"
#include "math/random.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

template <class C>
struct Uniforms {
  static constexpr int kCount = 16 / sizeof(C);
  C u[kCount];
  DN_DEVICE explicit Uniforms(const PhiloxWords& p) {
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      if constexpr (sizeof(C) == 4)
        u[j] = uniform24(p.w[j]);
      else
        u[j] = uniform53(p.w[2 * j], p.w[2 * j + 1]);
    }
  }
};

template <class T>
DN_KERNEL void draw_floats(RandomOp op, uint64_t seed, uint64_t offset, T* y, int64_t n, double a, double b) {
  using C = Compute<T>;
  constexpr int kCount = Uniforms<C>::kCount;
  for (int64_t i = thread_id(); i < ceil_div(n, kCount); i += thread_count()) {
    const Uniforms<C> draw(philox(seed, offset + uint64_t(i)));
    C out[kCount];
#pragma unroll
    for (int j = 0; j < kCount; j += 2) {
      if (op == RandomOp::Normal) {
        const math::NormalPair<C> z = math::box_muller(draw.u[j], draw.u[j + 1]);
        out[j] = C(a) + C(b) * z.first;
        out[j + 1] = C(a) + C(b) * z.second;
        continue;
      }
#pragma unroll
      for (int k = j; k < j + 2; ++k) {
        if (op == RandomOp::Uniform)
          out[k] = math::uniform(draw.u[k], C(a), C(b - a));
        else if (op == RandomOp::Bernoulli)
          out[k] = math::bernoulli(draw.u[k], C(a));
        else
          out[k] = math::exponential(draw.u[k], C(a));
      }
    }
#pragma unroll
    for (int j = 0; j < kCount; ++j)
      if (i * kCount + j < n) y[i * kCount + j] = narrow<T>(out[j]);
  }
}

/// Bernoulli into integers and bool, by float32 uniforms; integers from one word each, or two where `wide`.
DN_KERNEL void draw_whole(bool flags, bool wide, uint64_t seed, uint64_t offset, void* y, DType dtype, int64_t n, float p,
                          int64_t low, uint64_t range) {
  const int each = wide ? 2 : 4;
  for (int64_t i = thread_id(); i < ceil_div(n, each); i += thread_count()) {
    const PhiloxWords w = philox(seed, offset + uint64_t(i));
    for (int j = 0; j < each && i * each + j < n; ++j) {
      int64_t v;
      if (flags)
        v = uniform24(w.w[j]) < p;
      else if (wide)
        v = int64_t(uint64_t(low) + math::scaled_words(w.w[2 * j], w.w[2 * j + 1], range));
      else
        v = int64_t(uint64_t(low) + math::scaled_word(w.w[j], range));
      store_any(y, dtype, i * each + j, v);
    }
  }
}

}  // namespace

void CudaBackend::random(RandomOp op, const View& state, const View& y, double a, double b) {
  Call call(device_, "random");
  const uint64_t seed = uint64_t(state.as<int64_t>()[0]), offset = uint64_t(state.as<int64_t>()[1]);
  const int64_t n = y.numel();
  if (is_floating(y.dtype)) {
    visit_floats(y.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      call.run_items(draw_floats<T>, ceil_div(n, Uniforms<Compute<T>>::kCount), op, seed, offset, y.as<T>(), n, a, b);
    });
    return;
  }
  const bool flags = op == RandomOp::Bernoulli;
  const uint64_t range = flags ? 0 : uint64_t(b - a);
  const bool wide = range > uint64_t(1) << 32;
  call.run_items(draw_whole, ceil_div(n, wide ? 2 : 4), flags, wide, seed, offset, y.data, y.dtype, n, float(a),
                 flags ? 0 : int64_t(a), range);
}

}  // namespace deepnet::gpu
