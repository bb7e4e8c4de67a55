// Stable sorting of keys that carry their index: equal keys stay in order whatever the algorithm.
#pragma once

#include "core/convert.h"
#include "device.h"
#include "runtime.h"

namespace deepnet::gpu {

/// A key of 32 bits with its index below it.
struct NarrowItem {
  uint64_t bits;
  using Key = uint32_t;
  static DN_INLINE NarrowItem make(uint32_t key, int64_t index) { return {uint64_t(key) << 32 | uint32_t(index)}; }
  static DN_INLINE NarrowItem last() { return {~uint64_t(0)}; }
  DN_INLINE uint32_t key() const { return uint32_t(bits >> 32); }
  DN_INLINE int64_t index() const { return uint32_t(bits); }
  DN_INLINE bool operator<(const NarrowItem& o) const { return bits < o.bits; }
};

struct WideItem {
  uint64_t bits, at;
  using Key = uint64_t;
  static DN_INLINE WideItem make(uint64_t key, int64_t index) { return {key, uint64_t(index)}; }
  static DN_INLINE WideItem last() { return {~uint64_t(0), ~uint64_t(0)}; }
  DN_INLINE uint64_t key() const { return bits; }
  DN_INLINE int64_t index() const { return int64_t(at); }
  DN_INLINE bool operator<(const WideItem& o) const { return bits != o.bits ? bits < o.bits : at < o.at; }
};

template <class T>
using ItemOf = std::conditional_t<sizeof(T) == 8, WideItem, NarrowItem>;

/// An unsigned key whose order is that of x: NaN last, both zeros equal.
template <class T>
DN_INLINE typename ItemOf<T>::Key ascending_key(T x) {
  using Key = typename ItemOf<T>::Key;
  constexpr Key kSign = Key(1) << (sizeof(Key) * 8 - 1);
  if constexpr (std::is_integral_v<T>) {
    return Key(std::conditional_t<sizeof(T) == 8, int64_t, int32_t>(x)) ^ kSign;
  } else {
    const auto v = deepnet::widen(x);
    const auto no_minus_zero = v + 0;
    Key b;
    memcpy(&b, &no_minus_zero, sizeof b);
    return v != v ? ~Key(0) : b & kSign ? ~b : b | kSign;
  }
}

/// Sorts each of `rows` rows of n items, in place or to `spare` (as large); returns where the result lies.
template <class Item>
Item* sort_items(Call& call, Item* items, Item* spare, int64_t rows, int64_t n);

/// The k least items of each row, in order, k <= kMostKept: rows of k, at the pointer returned.
constexpr int64_t kMostKept = 512;
template <class Item>
Item* least_items(Call& call, Item* items, Item* spare, int64_t rows, int64_t n, int64_t k);

}  // namespace deepnet::gpu
