// The error function, its complement and inverse.
#pragma once

#include "math/exp.h"
#include "math/log.h"
#include "math/table.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// e^(x^2) erfc(x) in double precision for 0 <= x <= 28: a polynomial in (x - 4) / (x + 4).
template <class V>
DN_INLINE V erfcx(V x) {
  const V d = x + V(4), t = (x - V(4)) / d;
  const V q = horner(t, 1.095995661000491, -0.976548729080882, 0.7732087022652373, -0.5408538313132348, 0.33085158787799573,
                     -0.1740109372399367, 0.07638151490981868, -0.02637005334037897, 0.0061120556479207135,
                     -0.0002809588646589944, -0.0004550526170416611, 0.00017681281571815694, -3.6355255622105376e-06,
                     -1.886090165492578e-05, 4.695621315179629e-06, 1.42434318298847e-06, -8.488806235321626e-07,
                     -7.605523637041289e-08, 1.2792484351598194e-07, 1.84460083207502e-09, -1.8516491455225472e-08,
                     -8.323544093249366e-10, 2.0730418331059426e-09, 4.0578039798213347e-10);
  return q / d;
}

/// e^(-x^2), whose argument is kept to twice the precision.
template <class V>
DN_INLINE V exp_minus_square(V x) {
  const V square = x * x;
  return exp(-square, -fma(x, x, -square));
}

/// erf(x) in double precision for |x| <= 1.
template <class V>
DN_INLINE V erf_near(V x) {
  const V z = x * x;
  return x * horner(z, 1.1283791670955126, -0.3761263890318375, 0.11283791670954885, -0.026866170645077868,
                    0.005223977624828364, -0.0008548326981422426, 0.00012055331132865349, -1.4925595770496571e-05,
                    1.646100845769692e-06, -1.63503960743544e-07, 1.4660328108196214e-08, -1.1374954676896952e-09,
                    5.9606855233571e-11);
}

/// For double precision; float32 goes through it.
template <class V>
DN_INLINE V erfc(V x) {
  const V u = vmin(V(28), abs(x)), y = exp_minus_square(u) * erfcx(u);
  const V far = select(x < V(0), V(2) - y, y);
  return select(isnan(x), x, select(u < V(0.5), V(1) - erf_near(x), far));
}

template <class V>
DN_INLINE V erf(V x) {
  const V u = abs(x);
  if constexpr (is_single<V>) {
    static constexpr float kErf[6][16] = {
        {1.1283792e+00f, 1.1053056e+00f, 1.0409998e+00f, 9.482075e-01f, 8.427008e-01f, 7.383201e-01f, 6.440701e-01f,
         5.638124e-01f, 4.9766114e-01f, 4.4379434e-01f, 3.9983723e-01f, 3.6359978e-01f, 3.3332598e-01f, 3.0769098e-01f,
         2.8571406e-01f, 2.6666665e-01f},
        {-2.8265031e-08f, -1.8116572e-01f, -3.2443434e-01f, -4.0703526e-01f, -4.275933e-01f, -4.014392e-01f, -3.5009322e-01f,
         -2.9202136e-01f, -2.3849708e-01f, -1.9406757e-01f, -1.5906358e-01f, -1.320049e-01f, -1.11062236e-01f, -9.466517e-02f,
         -8.163105e-02f, -7.111087e-02f},
        {-3.7612376e-01f, -3.3534873e-01f, -2.2991388e-01f, -1.00219384e-01f, 1.2483461e-02f, 8.4628835e-02f, 1.14464976e-01f,
         1.1409482e-01f, 9.8582126e-02f, 7.9110324e-02f, 6.1447322e-02f, 4.7415555e-02f, 3.6881488e-02f, 2.9098535e-02f,
         2.3317741e-02f, 1.8962005e-02f},
        {-9.0354464e-05f, 1.0471965e-01f, 1.6689791e-01f, 1.6933917e-01f, 1.2588261e-01f, 6.632512e-02f, 1.6192282e-02f,
         -1.3677625e-02f, -2.5179103e-02f, -2.55047e-02f, -2.1238957e-02f, -1.623831e-02f, -1.20308325e-02f, -8.893162e-03f,
         -6.650132e-03f, -5.0544105e-03f},
        {1.1423581e-01f, 8.8606365e-02f, 3.2359663e-02f, -2.453223e-02f, -5.6299347e-02f, -5.7749994e-02f, -4.049163e-02f,
         -1.975136e-02f, -4.7310027e-03f, 2.7875209e-03f, 5.0162505e-03f, 4.7119344e-03f, 3.6632146e-03f, 2.6514456e-03f,
         1.883608e-03f, 1.3462423e-03f},
        {-9.985541e-03f, -3.5678234e-02f, -4.9777597e-02f, -3.7618775e-02f, -1.2478688e-02f, 8.525897e-03f, 1.6984316e-02f,
         1.4965508e-02f, 8.857946e-03f, 3.4885874e-03f, 4.4717357e-04f, -7.039937e-04f, -8.7817e-04f, -7.17637e-04f,
         -5.1418936e-04f, -3.5396227e-04f},
    };
    const Interval<V> i = nearest_quarter(vmin(V(3.875f), u));
    return copy_sign(vmin(V(1), u * table_polynomial(kErf, i.index, i.t)), x);
  } else {
    return select(u < V(1), erf_near(x), copy_sign(V(1) - erfc(u), x));
  }
}

/// For double precision: a fit, then one Halley step on erf, or on erfc where x is near 1.
template <class V>
DN_INLINE V erfinv(V x) {
  const V a = abs(x), w = -log((V(1) - a) * (V(1) + a));
  const V centred = w - V(2.5), root = sqrt(vmax(V(5), w)) - V(4);
  const V near_zero = horner(centred, 1.5014094224391823, 0.24664072803461842, -0.004177710492329073, -0.001253710063434079,
                             0.00021860337532973576, -4.3959335314590075e-06, -3.5290193830480222e-06, 3.4364750221287905e-07,
                             2.8540599274021877e-08);
  const V near_one =
      horner(root, 3.8397803657828717, 1.0095124763134309, 0.0013046285185544374, -0.000944157391430737, 0.00023839828789270467,
             -2.7579859895146907e-05, 9.88939869015802e-05, -7.874561499944448e-05, 1.6620424271501683e-05);
  const V y = a * select(w < V(5), near_zero, near_one);
  const V f = select(a < V(0.5), erf(y) - a, (V(1) - a) - erfc(y));
  const V step = f / fma(y, f, V(1.1283791670955126) * exp_minus_square(y));
  const V inside = select(a == V(0), a, y - step);
  return copy_sign(select(a < V(1), inside, select(a == V(1), infinity<V>(), not_a_number<V>())), x);
}

struct Erf : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return erf(x);
  }
};
struct Erfc : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return erfc(x);
    }
  }
};
struct Erfinv : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    if constexpr (is_single<V>) {
      return in_double(*this, x);
    } else {
      return erfinv(x);
    }
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
