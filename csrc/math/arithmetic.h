// Arithmetic and rounding, on floats and on int64 (which wraps).
#pragma once

#if defined(__CUDACC__)
#include <math.h>
#endif

#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

/// The exact remainder of x / y with x's sign. Out of line: it is long.
DN_HD inline __attribute__((noinline)) double remainder_exact(double x, double y) {
#if defined(__CUDA_ARCH__)
  return ::fmod(x, y);
#else
  return __builtin_fmod(x, y);
#endif
}

template <class V>
DN_INLINE V fmod(V x, V y) {
  // A quotient of few bits: one fused step is exact, and at most one divisor off where the quotient was rounded up.
  const V a = abs(x), b = abs(y), quotient = trunc(a / b);
  if (all((quotient < constant<V>(4194304.0f, 2251799813685248.0)) & (b > constant<V>(1e-30f, 1e-290)) & (b < infinity<V>()))) {
    const V r = fma(-quotient, b, a);
    return copy_sign(select(r < V(0), r + b, r), x);
  }
  return each_lane([](auto u, auto v) { return decltype(u)(remainder_exact(double(u), double(v))); }, x, y);
}

/// The remainder with y's sign.
template <class V>
DN_INLINE V remainder(V x, V y) {
  const V r = fmod(x, y);
  return select((r != V(0)) & ((r < V(0)) ^ (y < V(0))), r + y, r);
}

struct Identity : Signature<1, true, true> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return x;
  }
};
struct Neg : Signature<1, true, true> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return -x;
  }
  DN_INLINE int64_t operator()(int64_t x) const { return int64_t(0 - uint64_t(x)); }
};
struct Abs : Signature<1, true, true> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return abs(x);
  }
  DN_INLINE int64_t operator()(int64_t x) const { return x < 0 ? int64_t(0 - uint64_t(x)) : x; }
};
struct Sign : Signature<1, true, true> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return select(x > V(0), V(1), select(x < V(0), V(-1), select(isnan(x), x, V(0))));
  }
  DN_INLINE int64_t operator()(int64_t x) const { return (x > 0) - (x < 0); }
};
struct Square : Signature<1, true, true> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return x * x;
  }
  DN_INLINE int64_t operator()(int64_t x) const { return int64_t(uint64_t(x) * uint64_t(x)); }
};
struct Sqrt : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return sqrt(x);
  }
};
struct Rsqrt : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return V(1) / sqrt(x);
  }
};
struct Reciprocal : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return V(1) / x;
  }
};
struct Floor : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return floor(x);
  }
};
struct Ceil : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return ceil(x);
  }
};
struct Trunc : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return trunc(x);
  }
};
struct Round : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return rint(x);
  }
};

struct Add : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return a + b;
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return int64_t(uint64_t(a) + uint64_t(b)); }
};
struct Sub : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return a - b;
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return int64_t(uint64_t(a) - uint64_t(b)); }
};
struct Mul : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return a * b;
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return int64_t(uint64_t(a) * uint64_t(b)); }
};
struct Div : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return a / b;
  }
};
struct TruncDiv : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return trunc(a / b);
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const {
    if (b == 0) return 0;
    return b == -1 ? int64_t(0 - uint64_t(a)) : a / b;
  }
};
struct FloorDiv : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    // (a - remainder) / b is an integer but for rounding; a zero divisor gives what division gives.
    const V q = (a - remainder(a, b)) / b, f = floor(q);
    return select(b == V(0), a / b, select(q - f > V(0.5f), f + V(1), f));
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const {
    if (b == 0) return 0;
    if (b == -1) return int64_t(0 - uint64_t(a));
    return a / b - ((a % b != 0) & ((a < 0) != (b < 0)));
  }
};
struct Remainder : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return remainder(a, b);
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const {
    if (b == 0 || b == -1) return 0;
    const int64_t r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  }
};
struct Fmod : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return fmod(a, b);
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return b == 0 || b == -1 ? 0 : a % b; }
};

struct Lerp : Signature<3> {
  template <class V>
  DN_INLINE V operator()(V a, V b, V w) const {
    const V d = b - a;
    return select(abs(w) < V(0.5f), a + w * d, b - d * (V(1) - w));
  }
};
struct MulAdd : Signature<3, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b, V c) const {
    return a * b + c;
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b, int64_t c) const {
    return int64_t(uint64_t(a) * uint64_t(b) + uint64_t(c));
  }
};
struct Addcmul : Signature<4, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b, V c, V v) const {
    return a + v * b * c;
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b, int64_t c, int64_t v) const {
    return int64_t(uint64_t(a) + uint64_t(v) * uint64_t(b) * uint64_t(c));
  }
};
struct Addcdiv : Signature<4> {
  template <class V>
  DN_INLINE V operator()(V a, V b, V c, V v) const {
    return a + v * b / c;
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
