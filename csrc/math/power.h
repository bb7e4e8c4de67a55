// pow: e^(y log x) with the logarithm to twice the precision. float32 goes through plain double precision.
#pragma once

#include "math/exp.h"
#include "math/log.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// A number as the sum of two, the second below the first's last bit.
template <class V>
struct Twofold {
  V high, low;
};

/// a + b for |a| >= |b|.
template <class V>
DN_INLINE Twofold<V> quick_sum(V a, V b) {
  const V s = a + b;
  return {s, b - (s - a)};
}

/// log x of a positive finite double to about 60 bits. x = 2^k z / c with c from a table, so that r = c m - 1 is small:
/// log x = k ln 2 - log c + log(1 + r).
template <class V>
DN_INLINE Twofold<V> log_twofold(V x) {
  // c for the sixteen sixteenths of an octave (from the seventh on, of the octave below), and -log c, cut to 42 bits, and rest.
  static constexpr double kC[16] = {1.0,       0.9140625, 0.8671875, 0.8203125, 0.78125, 0.7421875, 0.7109375, 1.359375,
                                    1.3046875, 1.2578125, 1.2109375, 1.1640625, 1.125,   1.0859375, 1.046875,  1.0};
  static constexpr double kLog[16] = {0.0,
                                      0.08985632912185793,
                                      0.14250006260726877,
                                      0.19806991376208316,
                                      0.2468600779316148,
                                      0.29815337231912054,
                                      0.3411707574027787,
                                      -0.30702503529482783,
                                      -0.2659635484972114,
                                      -0.22937410106487732,
                                      -0.19139485299956505,
                                      -0.15191604202573217,
                                      -0.11778303565643,
                                      -0.08244366921098845,
                                      -0.0458095360313564,
                                      0.0};
  static constexpr double kLogLow[16] = {0.0,
                                         3.1218748807418837e-15,
                                         1.4256439478199035e-14,
                                         1.0634128304268335e-14,
                                         -8.899851356560444e-14,
                                         -4.4204083338755686e-14,
                                         -1.156568624616423e-14,
                                         -8.403156304792425e-14,
                                         7.343591369867797e-14,
                                         3.149265065191484e-14,
                                         -6.440856150696892e-14,
                                         -1.0980754099855238e-13,
                                         4.654729747598445e-14,
                                         -8.614512936087814e-14,
                                         6.219834199475792e-14,
                                         0.0};
  using I = int_of<V>;
  const auto tiny = x < smallest_normal<V>();
  const I b = bits(select(tiny, x * V(18014398509481984.0), x));
  const I index = shr<48>(b) & I(int64_t(15));
  // From 7/16 of the octave on, m = x / 2^(k + 1).
  const I upper = shr_logical<52>(b + I(int64_t(0x0009000000000000))) - shr_logical<52>(b);
  const I k = shr<52>(b) - I(int64_t(1023)) + upper;
  const V m = from_bits(((b & I(int64_t(0x000fffffffffffff))) | I(int64_t(0x3ff0000000000000))) - shl<52>(upper));
  const V n = to_float(k) - select(tiny, V(54), V(0));
  const V c = lookup16(kC, index);
  // r = c m - 1, exactly, in two parts; then r - r^2 / 2 so too, and the rest of the series rounded.
  const V product = c * m, product_low = fma(c, m, -product);
  const Twofold<V> r = quick_sum(product - V(1), product_low);
  const V square = r.high * r.high, square_low = fma(r.high, r.high, -square) + V(2) * (r.high * r.low);
  const V rest =
      (square * r.high) * horner(r.high, 0.3333333333333333, -0.24999999999999978, 0.2000000000000077, -0.16666666666790242,
                                 0.14285714284932197, -0.12499999769340057, 0.1111110954175443, -0.10000172196116555,
                                 0.09093688297990629, -0.08298044391369058, 0.06602246219239175);
  const Twofold<V> series = quick_sum(r.high, V(-0.5) * square);
  const V series_low = series.low + (r.low - V(0.5) * square_low);
  const V base = fma(n, V(0.6931471805582987), lookup16(kLog, index));  // exact
  const V base_low = fma(n, V(1.6465949582897082e-12), lookup16(kLogLow, index));
  // base is 0 or larger than the series.
  const V near_one = select(base == V(0), series.high, base), other = select(base == V(0), V(0), series.high);
  const Twofold<V> sum = quick_sum(near_one, other);
  return quick_sum(sum.high, sum.low + ((series_low + base_low) + rest));
}

/// |x|^y by the given e^(y log |x|), with what C says of zeros, infinities and signs.
template <class V>
DN_INLINE V pow_edges(V x, V y, V magnitude_power) {
  const V a = abs(x);
  const auto integral = rint(y) == y, fractional = rint(y) != y;
  const V half = V(0.5) * y;
  const auto odd = integral & (rint(half) != half) & (abs(y) < V(9007199254740992.0));
  const auto negative = bits(x) < int_of<V>(int64_t(0));
  V r = select(odd & negative, -magnitude_power, magnitude_power);
  r = select((x < V(0)) & fractional & (a < infinity<V>()), not_a_number<V>(), r);
  return select((y == V(0)) | (x == V(1)) | ((x == V(-1)) & (abs(y) == infinity<V>())), V(1), r);
}

template <class V>
DN_INLINE V pow(V x, V y) {
  const V a = abs(x);
  const auto ordinary = (a > V(0)) & (a < infinity<V>());
  const Twofold<V> l = log_twofold(select(ordinary, a, V(1)));
  const V edge = select(a == V(0), -infinity<V>(), a);  // log of 0, inf, NaN
  const V high = y * select(ordinary, l.high, edge);
  const V low = fma(y, l.high, -high) + y * l.low;
  return pow_edges(x, y, exp(high, select(ordinary & (abs(high) < V(1000)), low, V(0))));
}

/// Enough for a float32 result.
struct PowForSingle {
  template <class V>
  DN_INLINE V operator()(V x, V y) const {
    return pow_edges(x, y, exp(y * log(abs(x))));
  }
};

struct Pow : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V x, V y) const {
    if constexpr (is_single<V>) {
      return in_double(PowForSingle(), x, y);
    } else {
      return pow(x, y);
    }
  }
  DN_INLINE int64_t operator()(int64_t x, int64_t y) const {
    if (y < 0) return x == 1 ? 1 : x == -1 ? ((y & 1) ? -1 : 1) : 0;
    uint64_t result = 1;
    for (uint64_t base = uint64_t(x); y != 0; y >>= 1, base *= base)
      if (y & 1) result *= base;
    return int64_t(result);
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
