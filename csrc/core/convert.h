// One element to another dtype, as copy defines it.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/config.h"
#include "core/dtype.h"

namespace deepnet {

template <class T>
constexpr bool is_narrow_float_type = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

/// Where arithmetic on T happens: float for the narrow floats, T itself for the wide ones, int64 for integers and bool.
template <class T>
using compute_type =
    std::conditional_t<is_narrow_float_type<T>, float, std::conditional_t<std::is_floating_point_v<T>, T, int64_t>>;

/// x as a number that arithmetic takes.
template <class T>
DN_INLINE auto widen(T x) {
  if constexpr (is_narrow_float_type<T>)
    return to_float(x);
  else
    return x;
}

/// Floats truncate towards zero on their way to integers (through int32, or int64 for int64; NaN and what does not fit give
/// the smallest), integers wrap, bool is "not zero", float64 reaches the narrow floats through float32.
template <class To, class From>
DN_INLINE To convert(From from) {
  const auto x = widen(from);
  using X = std::remove_const_t<decltype(x)>;
  if constexpr (std::is_same_v<To, From>) {
    return from;
  } else if constexpr (std::is_same_v<To, Half>) {
    return to_half(float(x));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return to_bfloat16(float(x));
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != X(0);
  } else if constexpr (std::is_floating_point_v<X> && std::is_integral_v<To>) {
    using Through = std::conditional_t<sizeof(To) == 8, int64_t, int32_t>;
    constexpr X kBound = sizeof(To) == 8 ? X(9223372036854775808.0) : X(2147483648.0);
    constexpr Through kSmallest = sizeof(To) == 8 ? Through(INT64_MIN) : Through(INT32_MIN);
    return To(x >= -kBound && x < kBound ? Through(x) : kSmallest);
  } else {
    return To(x);
  }
}

}  // namespace deepnet
