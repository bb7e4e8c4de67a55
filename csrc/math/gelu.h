// gelu(x) = x P(x), with P the normal distribution function or its tanh form.
#pragma once

#include "math/activation.h"
#include "math/erf.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// y = P(-|x|), to P(x).
template <class V>
DN_INLINE V by_sign(V x, V y) {
  return select(x < V(0), y, V(1) - y);
}

/// The normal distribution function at -u, 0 <= u <= 3.875, in float32.
template <class V>
DN_INLINE V normal_near(V u) {
  static constexpr float kPhi[7][16] = {
      {5.e-01f, 4.0129367e-01f, 3.0853754e-01f, 2.2662735e-01f, 1.5865526e-01f, 1.0564978e-01f, 6.68072e-02f, 4.0059157e-02f,
       2.2750132e-02f, 1.2224473e-02f, 6.2096654e-03f, 2.9797633e-03f, 1.349898e-03f, 5.7702506e-04f, 2.3262909e-04f,
       8.8417284e-05f},
      {-3.989423e-01f, -3.8666812e-01f, -3.5206532e-01f, -3.0113742e-01f, -2.4197072e-01f, -1.8264909e-01f, -1.295176e-01f,
       -8.627732e-02f, -5.3990968e-02f, -3.1739652e-02f, -1.7528301e-02f, -9.093562e-03f, -4.4318484e-03f, -2.029048e-03f,
       -8.726827e-04f, -3.525957e-04f},
      {7.0403763e-09f, 4.8333514e-02f, 8.801633e-02f, 1.12926535e-01f, 1.2098536e-01f, 1.1415568e-01f, 9.7138196e-02f,
       7.549265e-02f, 5.3990968e-02f, 3.570711e-02f, 2.1910377e-02f, 1.2503649e-02f, 6.6477726e-03f, 3.2972032e-03f,
       1.5271946e-03f, 6.611168e-04f},
      {6.649005e-02f, 6.0416695e-02f, 4.4008095e-02f, 2.195801e-02f, 1.6256932e-07f, -1.712318e-02f, -2.6982713e-02f,
       -2.9657789e-02f, -2.6995508e-02f, -2.1490443e-02f, -1.5337318e-02f, -9.946122e-03f, -5.909149e-03f, -3.2337983e-03f,
       -1.6362757e-03f, -7.67624e-04f},
      {7.631624e-06f, -1.1831713e-02f, -2.0170338e-02f, -2.2938004e-02f, -2.0163966e-02f, -1.3674668e-02f, -6.0710097e-03f,
       3.9319214e-04f, 4.499151e-03f, 6.137022e-03f, 5.9339358e-03f, 4.7539105e-03f, 3.3238532e-03f, 2.0779264e-03f,
       1.1772311e-03f, 6.0948904e-04f},
      {-1.0062795e-02f, -8.44532e-03f, -4.57527e-03f, 1.3771732e-04f, 4.0119416e-03f, 5.9650256e-03f, 5.853577e-03f,
       4.3059825e-03f, 2.2527964e-03f, 4.6897546e-04f, -6.593242e-04f, -1.1178923e-03f, -1.1056728e-03f, -8.6519757e-04f,
       -5.7917845e-04f, -3.427672e-04f},
      {5.184413e-04f, 1.9292645e-03f, 3.0620382e-03f, 3.02619e-03f, 2.0030837e-03f, 5.6730706e-04f, -6.5997936e-04f,
       -1.3065771e-03f, -1.343553e-03f, -9.850155e-04f, -5.0869863e-04f, -1.1669733e-04f, 1.1142456e-04f, 1.9126138e-04f,
       1.7958246e-04f, 1.3151967e-04f},
  };
  const Interval<V> i = nearest_quarter(u);
  return table_polynomial(kPhi, i.index, i.t);
}

/// The same at -u, u > 3.875 (float64: u >= 0), as density times ratio: the ratio is smooth, the density may be tiny.
template <class V>
struct NormalTail {
  V density, ratio;
};
template <class V>
DN_INLINE NormalTail<V> normal_tail(V u) {
  const V square = u * u, density = exp(V(-0.5f) * square, V(-0.5f) * fma(u, u, -square));
  if constexpr (is_single<V>) {
    const V p = horner(V(1) / square, 3.9894226e-01f, -3.9892793e-01f, 1.194534e+00f, -5.8066425e+00f, 3.4211617e+01f,
                       -1.7330534e+02f, 4.705881e+02f);
    return {density, p / u};
  } else {
    return {density, V(0.5) * erfcx(u * V(0.7071067811865476))};
  }
}

/// Beyond this bound P(-u) is 0.
template <class V>
DN_INLINE V normal_bound() {
  return constant<V>(16.0f, 40.0);
}

template <class V>
DN_INLINE V normal(V x) {
  const V u = vmin(normal_bound<V>(), abs(x));
  if constexpr (is_single<V>) {
    V y = normal_near(vmin(V(3.875f), u));
    const auto far = u > V(3.875f);
    if (any(far)) {  // rare
      const NormalTail<V> t = normal_tail(vmax(V(3.875f), u));
      y = select(far, t.density * t.ratio, y);
    }
    return by_sign(x, y);
  } else {
    const NormalTail<V> t = normal_tail(u);
    return select(u < V(0.5), fma(V(0.5), erf_near(x * V(0.7071067811865476)), V(0.5)), by_sign(x, t.density * t.ratio));
  }
}

/// x P(x). The limit at -inf is 0; in the tail x meets the ratio first, since P(x) may be subnormal where the product is not.
template <class V>
DN_INLINE V gelu(V x) {
  const V v = vmax(-normal_bound<V>(), x), u = vmin(normal_bound<V>(), abs(v));
  if constexpr (is_single<V>) {
    V y = v * by_sign(v, normal_near(vmin(V(3.875f), u)));
    const auto far = u > V(3.875f);
    if (any(far)) {  // rare
      const NormalTail<V> t = normal_tail(vmax(V(3.875f), u));
      y = select(far, select(v < V(0), (v * t.ratio) * t.density, v - v * (t.density * t.ratio)), y);
    }
    return select(isnan(x), x, y);
  } else {
    const NormalTail<V> t = normal_tail(u);
    const V near = v * fma(V(0.5), erf_near(v * V(0.7071067811865476)), V(0.5));
    const V far = select(v < V(0), (v * t.ratio) * t.density, v - v * (t.density * t.ratio));
    return select(isnan(x), x, select(u < V(0.5), near, far));
  }
}

/// 1 / (1 + e^(2 k (u + 0.044715 u^3))), k = sqrt(2 / pi): what the tanh form has in place of P(-u). Double precision.
template <class V>
DN_INLINE V tanh_form(V u) {
  // The exponent is kept to twice the precision: its error is the result's relative error.
  const V square = u * u, square_low = fma(u, u, -square);
  const V cubic = V(0.07135481627260025) * square, cubic_low = fma(V(0.07135481627260025), square, -cubic);
  const V slope = V(1.5957691216057308) + cubic, virtual_part = slope - V(1.5957691216057308);
  const V slope_low = (cubic - virtual_part) + (V(1.5957691216057308) - (slope - virtual_part));
  const V rest = slope_low + (cubic_low + fma(V(-6.175149918155315e-19), square,
                                              fma(V(0.07135481627260025), square_low, V(-9.96930880911092e-17))));
  const V e = u * slope, e_low = fma(u, slope, -e) + u * rest;
  const V z = exp(-e, -e_low);
  return z / (V(1) + z);
}

struct GeluTanhInDouble {
  template <class V>
  DN_INLINE V operator()(V x) const {
    const V v = vmax(V(-32), x);
    return select(isnan(x), x, v * by_sign(v, tanh_form(vmin(V(32), abs(v)))));
  }
};
struct TanhForm {
  template <class V>
  DN_INLINE V operator()(V u) const {
    return tanh_form(u);
  }
};

/// P(-u) of the tanh form, 0 <= u <= 3.875, in float32.
template <class V>
DN_INLINE V tanh_form_near(V u) {
  static constexpr float kPhiTanh[7][16] = {
      {5.e-01f, 4.0129858e-01f, 3.08572e-01f, 2.2671926e-01f, 1.5880801e-01f, 1.05828635e-01f, 6.695228e-02f, 4.0116925e-02f,
       2.2701154e-02f, 1.208948e-02f, 6.0337065e-03f, 2.808416e-03f, 1.2124641e-03f, 4.8265452e-04f, 1.7605648e-04f,
       5.846722e-05f},
      {-3.989423e-01f, -3.8661078e-01f, -3.5188377e-01f, -3.0087668e-01f, -2.417721e-01f, -1.8265702e-01f, -1.2977539e-01f,
       -8.669366e-02f, -5.4400206e-02f, -3.2001786e-02f, -1.7594112e-02f, -9.002668e-03f, -4.2655435e-03f, -1.8606154e-03f,
       -7.424858e-04f, -2.6928724e-04f},
      {7.372986e-09f, 4.854585e-02f, 8.826064e-02f, 1.1296392e-01f, 1.2069799e-01f, 1.1365322e-01f, 9.668966e-02f,
       7.533319e-02f, 5.4168873e-02f, 3.6084827e-02f, 2.2286724e-02f, 1.2740247e-02f, 6.716458e-03f, 3.248945e-03f,
       1.4334901e-03f, 5.7317124e-04f},
      {6.6819124e-02f, 6.0610842e-02f, 4.3884616e-02f, 2.1558302e-02f, -4.1108127e-04f, -1.7246837e-02f, -2.6723921e-02f,
       -2.9191256e-02f, -2.6606701e-02f, -2.1360492e-02f, -1.545488e-02f, -1.0174805e-02f, -6.1100717e-03f, -3.340685e-03f,
       -1.6558598e-03f, -7.398758e-04f},
      {7.991705e-06f, -1.2086592e-02f, -2.051102e-02f, -2.3108821e-02f, -2.0009318e-02f, -1.3291576e-02f, -5.7385266e-03f,
       4.5673354e-04f, 4.3000886e-03f, 5.853392e-03f, 5.7443017e-03f, 4.7207302e-03f, 3.399051e-03f, 2.1779377e-03f,
       1.2463961e-03f, 6.359619e-04f},
      {-1.0295002e-02f, -8.60033e-03f, -4.5427633e-03f, 3.616954e-04f, 4.2672884e-03f, 6.045172e-03f, 5.7029286e-03f,
       4.063421e-03f, 2.1025983e-03f, 4.829396e-04f, -5.4217386e-04f, -1.0022306e-03f, -1.0529743e-03f, -8.73283e-04f,
       -6.134257e-04f, -3.7288087e-04f},
      {5.428392e-04f, 2.022631e-03f, 3.2065373e-03f, 3.1157874e-03f, 1.9472707e-03f, 4.0708325e-04f, -7.8276126e-04f,
       -1.2991809e-03f, -1.2403219e-03f, -8.853237e-04f, -4.7674804e-04f, -1.4612835e-04f, 6.4408836e-05f, 1.6152895e-04f,
       1.7443823e-04f, 1.4012204e-04f},
  };
  const Interval<V> i = nearest_quarter(u);
  return table_polynomial(kPhiTanh, i.index, i.t);
}

struct Gelu : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return gelu(x);
  }
};
struct GeluTanh : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      const V u = abs(x);
      const V y = x * by_sign(x, tanh_form_near(vmin(V(3.875f), u)));
      const auto far = u > V(3.875f);
      return any(far) ? select(far, in_double(GeluTanhInDouble(), x), y) : y;
    } else {
      return GeluTanhInDouble()(x);
    }
  }
};
/// d gelu / dx = P + x dP/dx
struct GeluGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V x) const {
    const V v = vmin(V(40.0f), vmax(V(-40.0f), x)), half = V(-0.5f) * v;
    return dy * fma(v * constant<V>(0.39894228f, 0.3989422804014327), exp(half * v), normal(v));
  }
};
struct GeluTanhGrad : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V dy, V x) const {
    const V v = vmin(V(32.0f), vmax(V(-32.0f), x)), u = abs(v);
    V y;
    if constexpr (is_single<V>) {
      const auto far = u > V(3.875f);
      y = tanh_form_near(vmin(V(3.875f), u));
      if (any(far)) y = select(far, in_double(TanhForm(), u), y);
    } else {
      y = tanh_form(u);
    }
    const V slope = fma(constant<V>(0.21406445f, 0.21406444881780076), v * v, constant<V>(1.5957692f, 1.5957691216057308));
    return dy * fma(v * slope, y * (V(1) - y), by_sign(v, y));
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
