// tanh by table in float32; the others by way of expm1 and log1p in double precision.
#pragma once

#include "math/exp.h"
#include "math/log.h"
#include "math/table.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

template <class V>
DN_INLINE V tanh(V x) {
  const V u = abs(x);
  if constexpr (is_single<V>) {
    // tanh(u) / u on quarters of the octaves of u + 1. The first centre is 0, where the value is exactly 1.
    static constexpr float kCentre[16] = {1.25e+00f, 1.75e+00f, 2.25e+00f, 2.75e+00f, 3.5e+00f, 4.5e+00f,
                                          5.5e+00f,  6.5e+00f,  8.e+00f,   1.e+01f,   0.0f,     0.0f,
                                          0.0f,      3.75e-01f, 6.25e-01f, 8.75e-01f};
    static constexpr float kTanh[7][16] = {
        {6.786269e-01f, 5.379289e-01f, 4.346783e-01f, 3.6067626e-01f, 2.8519368e-01f, 2.2216739e-01f, 1.8181211e-01f,
         1.5384546e-01f, 1.2499997e-01f, 1.e-01f, 0.0f, 0.0f, 1.e+00f, 9.5561975e-01f, 8.8735956e-01f, 8.0446357e-01f},
        {-3.1856975e-01f, -2.4235243e-01f, -1.7387259e-01f, -1.252589e-01f, -8.044364e-02f, -4.9260862e-02f, -3.3044603e-02f,
         -2.3667142e-02f, -1.5624947e-02f, -1.0000001e-02f, 0.0f, 0.0f, -3.827525e-08f, -2.24106e-01f, -3.1190464e-01f,
         -3.4279618e-01f},
        {6.455873e-02f, 7.726433e-02f, 5.8383457e-02f, 3.9700583e-02f, 2.1945525e-02f, 1.0837212e-02f, 5.9959632e-03f,
         3.6397078e-03f, 1.953062e-03f, 9.999992e-04f, 0.0f, 0.0f, -3.3333045e-01f, -2.35283e-01f, -1.1537732e-01f,
         -1.4098412e-02f},
        {3.501484e-02f, -8.197719e-03f, -1.3910688e-02f, -1.0601807e-02f, -5.5808076e-03f, -2.335095e-03f, -1.0820315e-03f,
         -5.590123e-04f, -2.4404282e-04f, -9.999048e-05f, 0.0f, 0.0f, -7.096752e-05f, 1.5115352e-01f, 1.560728e-01f,
         1.0960849e-01f},
        {-3.8080934e-02f, -8.758225e-03f, 7.0556777e-04f, 2.0006667e-03f, 1.2524391e-03f, 4.8245117e-04f, 1.9268917e-04f,
         8.553871e-05f, 3.0486914e-05f, 9.998778e-06f, 0.0f, 0.0f, 1.3412423e-01f, 4.5216504e-02f, -2.908194e-02f,
         -5.578601e-02f},
        {1.4682341e-02f, 7.175869e-03f, 1.5018148e-03f, -2.3668787e-05f, -2.1995463e-04f, -9.356467e-05f, -3.3791188e-05f,
         -1.3097781e-05f, -3.9082406e-06f, -1.0175477e-06f, 0.0f, 0.0f, -4.2413347e-03f, -7.010744e-02f, -4.163481e-02f,
         -3.752861e-03f},
        {3.4099582e-04f, -2.9019255e-03f, -9.859409e-04f, -1.8981862e-04f, 1.7758775e-05f, 1.5762758e-05f, 5.5826313e-06f,
         1.9507067e-06f, 4.85599e-07f, 1.0171182e-07f, 0.0f, 0.0f, -4.447831e-02f, 2.8298202e-03f, 2.8075764e-02f,
         1.91017e-02f},
    };
    const V v = vmin(V(9.5f), u);
    const int_of<V> index = shr<21>(bits(v + V(1)));
    return copy_sign(vmin(V(1), u * table_polynomial(kTanh, index, v - lookup16(kCentre, index))), x);
  } else {
    const V e = expm1(V(-2.0) * u);
    return copy_sign(-e / (e + V(2)), x);
  }
}

template <class V>
DN_INLINE V sinh(V x) {
  const V a = abs(x);
  // e^a / 2 = h; sinh = h - 1 / (4 h), and from expm1 where that would cancel.
  const Exponent<V> p = exp_parts(clamp_exponent(a), V(0));
  const V h = scale(p.m1 + V(1), p.n - V(1)), e = expm1(vmin(V(2), a));
  return copy_sign(select(a < V(1), V(0.5) * (e + e / (e + V(1))), h - V(0.25) / h), x);
}

template <class V>
DN_INLINE V cosh(V x) {
  const Exponent<V> p = exp_parts(clamp_exponent(abs(x)), V(0));
  const V h = scale(p.m1 + V(1), p.n - V(1));
  return h + V(0.25) / h;
}

template <class V>
DN_INLINE V asinh(V x) {
  const V a = abs(x), b = vmin(V(1e9), a), square = b * b;
  const V near_zero = log1p(b + square / (V(1) + sqrt(square + V(1))));
  return copy_sign(select(a > V(1e9), log(a) + V(0.6931471805599453), near_zero), x);
}

template <class V>
DN_INLINE V acosh(V x) {
  const V t = vmin(V(1e9), x) - V(1);
  const V y = select(x > V(1e9), log(x) + V(0.6931471805599453), log1p(t + sqrt(V(2) * t + t * t)));
  return select(x >= V(1), y, not_a_number<V>());
}

template <class V>
DN_INLINE V atanh(V x) {
  const V a = abs(x);
  return copy_sign(V(0.5) * log1p(V(2) * a / (V(1) - a)), x);
}

struct Tanh : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return tanh(x);
  }
};
struct Sinh : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return sinh(x);
    }
  }
};
struct Cosh : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return cosh(x);
    }
  }
};
struct Asinh : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return asinh(x);
    }
  }
};
struct Acosh : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return acosh(x);
    }
  }
};
struct Atanh : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return atanh(x);
    }
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
