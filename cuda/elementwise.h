// One kernel for every formula and compute type; included where the kernels of one compute type are made.
#pragma once

#include "convert.h"
#include "layout.h"
#include "math/map_dispatch.h"
#include "runtime.h"

namespace deepnet::gpu {

/// Runs an operator computed in T; false where it has no such form.
bool map_floats(Call& call, MapOp op, const View* in, const View& y);
bool map_doubles(Call& call, MapOp op, const View* in, const View& y);
bool map_integers(Call& call, MapOp op, const View* in, const View& y);

template <int N>
struct Inputs {
  const void* data[N];
  DType dtype[N];
};

template <class Op, class T>
DN_DEVICE T apply(const T (&v)[Op::arity]) {
  if constexpr (Op::arity == 1)
    return Op()(v[0]);
  else if constexpr (Op::arity == 2)
    return Op()(v[0], v[1]);
  else if constexpr (Op::arity == 3)
    return Op()(v[0], v[1], v[2]);
  else if constexpr (Op::arity == 4)
    return Op()(v[0], v[1], v[2], v[3]);
  else
    return Op()(v[0], v[1], v[2], v[3], v[4]);
}

/// Any strides and dtypes. `plain`: all of them are T.
template <class Op, class T>
DN_KERNEL void map_strided(Inputs<Op::arity> in, void* y, DType y_dtype, Layout<Op::arity + 1> layout, bool plain) {
  for (int64_t i = thread_id(); i < layout.total; i += thread_count()) {
    int64_t at[Op::arity + 1];
    layout.offsets(i, at);
    T v[Op::arity];
    if (plain) {
#pragma unroll
      for (int k = 0; k < Op::arity; ++k) v[k] = static_cast<const T*>(in.data[k])[at[k]];
      static_cast<T*>(y)[at[Op::arity]] = apply<Op>(v);
    } else {
#pragma unroll
      for (int k = 0; k < Op::arity; ++k) v[k] = load_any<T>(in.data[k], in.dtype[k], at[k]);
      store_any<T>(y, y_dtype, at[Op::arity], apply<Op>(v));
    }
  }
}

/// Four elements as they lie in memory: of float, or of a 16-bit float that only the launch knows.
template <class E>
struct alignas(4 * sizeof(E)) Quad {
  E v[4];
};
DN_DEVICE float widen_as(float x, DType) { return x; }
DN_DEVICE float widen_as(uint16_t x, DType t) { return half_of(t, x); }
DN_DEVICE void narrow_as(float x, DType, float& y) { y = x; }
DN_DEVICE void narrow_as(float x, DType t, uint16_t& y) { y = half_bits(t, x); }

/// One run of memory for y and each input, or one element for all (bit k of `constant`); one dtype, stored as E.
template <class Op, class E>
DN_KERNEL void map_flat(Inputs<Op::arity> in, E* y, DType dtype, int64_t n, unsigned constant) {
  float fixed[Op::arity];
#pragma unroll
  for (int k = 0; k < Op::arity; ++k) fixed[k] = constant >> k & 1 ? widen_as(*static_cast<const E*>(in.data[k]), dtype) : 0.0f;
  for (int64_t i = thread_id(); i < n / 4; i += thread_count()) {
    Quad<E> x[Op::arity], out;
#pragma unroll
    for (int k = 0; k < Op::arity; ++k)
      if (!(constant >> k & 1)) x[k] = static_cast<const Quad<E>*>(in.data[k])[i];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      float v[Op::arity];
#pragma unroll
      for (int k = 0; k < Op::arity; ++k) v[k] = constant >> k & 1 ? fixed[k] : widen_as(x[k].v[j], dtype);
      narrow_as(apply<Op>(v), dtype, out.v[j]);
    }
    reinterpret_cast<Quad<E>*>(y)[i] = out;
  }
  const int64_t i = n / 4 * 4 + thread_id();
  if (i < n) {
    float v[Op::arity];
#pragma unroll
    for (int k = 0; k < Op::arity; ++k)
      v[k] = constant >> k & 1 ? fixed[k] : widen_as(static_cast<const E*>(in.data[k])[i], dtype);
    narrow_as(apply<Op>(v), dtype, y[i]);
  }
}

template <class Op>
Inputs<Op::arity> inputs_of(const View* in) {
  Inputs<Op::arity> result;
  for (int k = 0; k < Op::arity; ++k) {
    result.data[k] = in[k].data;
    result.dtype[k] = in[k].dtype;
  }
  return result;
}

template <class Op>
Layout<Op::arity + 1> layout_for(const View* in, const View& y) {
  const View* operands[Op::arity + 1];
  for (int k = 0; k < Op::arity; ++k) operands[k] = &in[k];
  operands[Op::arity] = &y;
  return layout_of(y.shape, operands, true);
}

/// Whether map_flat can take the operands; sets which are constant.
template <class Op, class E>
bool flat(const View* in, const View& y, const Layout<Op::arity + 1>& layout, DType dtype, unsigned& constant) {
  constant = 0;
  if (y.dtype != dtype || !layout.flat(Op::arity) || reinterpret_cast<uintptr_t>(y.data) % sizeof(Quad<E>)) return false;
  for (int k = 0; k < Op::arity; ++k) {
    if (in[k].dtype != dtype) return false;
    if (layout.constant(k))
      constant |= 1u << k;
    else if (!layout.flat(k) || reinterpret_cast<uintptr_t>(in[k].data) % sizeof(Quad<E>))
      return false;
  }
  return true;
}

template <class Op, class T>
void run_strided(Call& call, const View* in, const View& y, const Layout<Op::arity + 1>& layout) {
  bool plain = y.dtype == dtype_of<T>();
  for (int k = 0; k < Op::arity; ++k) plain = plain && in[k].dtype == dtype_of<T>();
  call.run_items(map_strided<Op, T>, layout.total, inputs_of<Op>(in), y.data, y.dtype, layout, plain);
}

}  // namespace deepnet::gpu
