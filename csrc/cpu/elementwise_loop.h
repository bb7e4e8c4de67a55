// One loop for every formula; included where the kernels of one compute type are made.
#pragma once

#include "cpu/elementwise_kernel.h"
#include "math/map_dispatch.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

template <class T>
struct VectorOf;
#if defined(DEEPNET_ISA_PORTABLE)
template <class T>
struct VectorOf {
  using type = T;
};
#else
template <>
struct VectorOf<float> {
  using type = F32;
};
template <>
struct VectorOf<double> {
  using type = F64;
};
#endif

template <class Op, class T>
void elementwise_loop(const T* const* in, T* out, int64_t n) {
  using V = typename VectorOf<T>::type;
  constexpr int kLanes = lanes_of<V>;
  const T* p[Op::arity];
  for (int k = 0; k < Op::arity; ++k) p[k] = in[k];
  T tail_in[Op::arity][kLanes] = {}, tail_out[kLanes];
  T* to = out;
  int64_t whole = n / kLanes * kLanes;
  for (;;) {
    for (int64_t i = 0; i < whole; i += kLanes) {
      if constexpr (Op::arity == 1) {
        store(to + i, Op()(load<V>(p[0] + i)));
      } else if constexpr (Op::arity == 2) {
        store(to + i, Op()(load<V>(p[0] + i), load<V>(p[1] + i)));
      } else if constexpr (Op::arity == 3) {
        store(to + i, Op()(load<V>(p[0] + i), load<V>(p[1] + i), load<V>(p[2] + i)));
      } else if constexpr (Op::arity == 4) {
        store(to + i, Op()(load<V>(p[0] + i), load<V>(p[1] + i), load<V>(p[2] + i), load<V>(p[3] + i)));
      } else {
        store(to + i, Op()(load<V>(p[0] + i), load<V>(p[1] + i), load<V>(p[2] + i), load<V>(p[3] + i), load<V>(p[4] + i)));
      }
    }
    // What is left goes through the same code once more, padded to a whole vector.
    const int64_t left = n - n / kLanes * kLanes, done = n - left;
    if (to == tail_out) {
      for (int64_t i = 0; i < left; ++i) out[done + i] = tail_out[i];
      return;
    }
    if (left == 0) return;
    for (int k = 0; k < Op::arity; ++k) {
      for (int64_t i = 0; i < left; ++i) tail_in[k][i] = in[k][done + i];
      p[k] = tail_in[k];
    }
    to = tail_out;
    whole = kLanes;
  }
}

template <class T>
DN_INLINE ElementwiseKernel<T> find_kernel(MapOp op) {
  return dispatch_map(op, [](auto f) -> ElementwiseKernel<T> {
    using Op = decltype(f);
    if constexpr (Op::real) {
      return elementwise_loop<Op, T>;
    } else {
      return nullptr;
    }
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
