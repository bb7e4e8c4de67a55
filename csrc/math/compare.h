// Comparisons and choices. Predicates give 1 or 0 in the type that they are computed in.
#pragma once

#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

template <class V, class M>
DN_INLINE V truth(M m) {
  return select(m, V(1), V(0));
}

struct IsNan : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return truth<V>(isnan(x));
  }
};
struct IsInf : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return truth<V>(abs(x) == infinity<V>());
  }
};
struct IsFinite : Signature<1> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return truth<V>(abs(x) < infinity<V>());
  }
};

struct Eq : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return truth<V>(a == b);
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a == b; }
};
struct Ne : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return truth<V>(a != b);
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a != b; }
};
struct Lt : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return truth<V>(a < b);
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a < b; }
};
struct Le : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return truth<V>(a <= b);
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a <= b; }
};
struct Gt : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return truth<V>(a > b);
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a > b; }
};
struct Ge : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return truth<V>(a >= b);
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a >= b; }
};

struct LogicalNot : Signature<1, true, true> {
  template <class V>
  DN_INLINE V operator()(V x) const {
    return truth<V>(x == V(0));
  }
  DN_INLINE int64_t operator()(int64_t x) const { return x == 0; }
};
struct LogicalAnd : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return truth<V>((a != V(0)) & (b != V(0)));
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return (a != 0) & (b != 0); }
};
struct LogicalOr : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return truth<V>((a != V(0)) | (b != V(0)));
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return (a != 0) | (b != 0); }
};
struct LogicalXor : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return truth<V>((a != V(0)) ^ (b != V(0)));
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return (a != 0) != (b != 0); }
};

struct Minimum : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return select(isnan(a), a, vmin(a, b));
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a < b ? a : b; }
};
struct Maximum : Signature<2, true, true> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return select(isnan(a), a, vmax(a, b));
  }
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a > b ? a : b; }
};
struct Fmin : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return select(isnan(b), a, vmin(a, b));
  }
};
struct Fmax : Signature<2> {
  template <class V>
  DN_INLINE V operator()(V a, V b) const {
    return select(isnan(b), a, vmax(a, b));
  }
};

struct Where : Signature<3, true, true> {
  template <class V>
  DN_INLINE V operator()(V condition, V a, V b) const {
    return select(condition != V(0), a, b);
  }
  DN_INLINE int64_t operator()(int64_t condition, int64_t a, int64_t b) const { return condition != 0 ? a : b; }
};
struct Clamp : Signature<3, true, true> {
  template <class V>
  DN_INLINE V operator()(V x, V low, V high) const {
    return vmin(high, vmax(low, x));
  }
  DN_INLINE int64_t operator()(int64_t x, int64_t low, int64_t high) const {
    const int64_t y = x < low ? low : x;
    return high < y ? high : y;
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
