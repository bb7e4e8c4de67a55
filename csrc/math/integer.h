// What only integers have; bool is computed as 0 and 1.
#pragma once

#include "math/polynomial.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace math {

DN_INLINE uint64_t magnitude(int64_t x) { return x < 0 ? 0 - uint64_t(x) : uint64_t(x); }

DN_INLINE uint64_t greatest_common_divisor(uint64_t a, uint64_t b) {
  while (b != 0) {
    const uint64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

struct BitwiseNot : Signature<1, false, true> {
  DN_INLINE int64_t operator()(int64_t x) const { return ~x; }
};
struct BitwiseAnd : Signature<2, false, true> {
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a & b; }
};
struct BitwiseOr : Signature<2, false, true> {
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a | b; }
};
struct BitwiseXor : Signature<2, false, true> {
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const { return a ^ b; }
};
/// Shifts by a negative count or by 64 and more push every bit out.
struct ShiftLeft : Signature<2, false, true> {
  DN_INLINE int64_t operator()(int64_t a, int64_t count) const {
    return count < 0 || count > 63 ? 0 : int64_t(uint64_t(a) << count);
  }
};
struct ShiftRight : Signature<2, false, true> {
  DN_INLINE int64_t operator()(int64_t a, int64_t count) const { return a >> (count < 0 || count > 63 ? 63 : count); }
};
struct Gcd : Signature<2, false, true> {
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const {
    return int64_t(greatest_common_divisor(magnitude(a), magnitude(b)));
  }
};
struct Lcm : Signature<2, false, true> {
  DN_INLINE int64_t operator()(int64_t a, int64_t b) const {
    const uint64_t g = greatest_common_divisor(magnitude(a), magnitude(b));
    return g == 0 ? 0 : int64_t(magnitude(a) / g * magnitude(b));
  }
};

}  // namespace math
}  // namespace DEEPNET_ISA
}  // namespace deepnet
