// Stable sorting of rows. Every element becomes an unsigned key whose order is the wanted one (NaN last as the largest, both
// zeros equal, inverted where descending); keys carry their index, so equal ones stay in order whatever the algorithm.
#include <algorithm>
#include <cstring>

#include "core/allocator.h"
#include "core/convert.h"
#include "cpu/clones.h"
#include "cpu/cpu_backend.h"
#include "cpu/strided.h"

namespace deepnet {
namespace {

template <class T>
using Key = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T>
inline Key<T> ascending_key(T x) {
  if constexpr (std::is_integral_v<T>) {
    using Wide = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
    using U = Key<T>;
    return U(Wide(x)) ^ (U(1) << (sizeof(U) * 8 - 1));
  } else {
    const auto v = widen(x);
    const auto no_minus_zero = v + 0;
    Key<T> b;
    std::memcpy(&b, &no_minus_zero, sizeof b);
    constexpr Key<T> kSign = Key<T>(1) << (sizeof b * 8 - 1);
    const Key<T> ordered = b & kSign ? ~b : b | kSign;
    return v != v ? ~Key<T>(0) : ordered;
  }
}

template <class K>
struct Item {
  K key;
  K index;
  bool operator<(const Item& o) const { return key != o.key ? key < o.key : index < o.index; }
};

/// Keys of n elements; returns the least.
template <class T>
DN_ALSO_AVX2 Key<T> make_keys(const T* x, int64_t n, bool inverted, Key<T>* keys) {
  const Key<T> flip = inverted ? ~Key<T>(0) : 0;
  Key<T> least = ~Key<T>(0);
  for (int64_t i = 0; i < n; ++i) {
    keys[i] = ascending_key(x[i]) ^ flip;
    least = keys[i] < least ? keys[i] : least;
  }
  return least;
}

template <class T>
void make_items(const T* x, int64_t n, bool descending, Item<Key<T>>* items) {
  const Key<T> flip = descending ? ~Key<T>(0) : 0;
  for (int64_t i = 0; i < n; ++i) items[i] = {Key<T>(ascending_key(x[i]) ^ flip), Key<T>(i)};
}

// Below this a comparison sort is faster than the radix sort's passes.
constexpr int64_t kRadixFrom = 512;
constexpr int kDigitBits = 11;
constexpr int kDigits = 1 << kDigitBits;

/// Sorts by key, stably, from the lowest digit up; `spare` has room for n. Returns where the result lies.
template <class K>
Item<K>* radix_sort(Item<K>* items, Item<K>* spare, int64_t n) {
  int64_t starts[kDigits];
  for (int shift = 0; shift < int(sizeof(K)) * 8; shift += kDigitBits) {
    std::fill_n(starts, kDigits, 0);
    for (int64_t i = 0; i < n; ++i) ++starts[(items[i].key >> shift) & (kDigits - 1)];
    if (starts[(items[0].key >> shift) & (kDigits - 1)] == n) continue;  // one digit for all
    int64_t sum = 0;
    for (int64_t& start : starts) sum += std::exchange(start, sum);
    for (int64_t i = 0; i < n; ++i) spare[starts[(items[i].key >> shift) & (kDigits - 1)]++] = items[i];
    std::swap(items, spare);
  }
  return items;
}

/// Rows in parallel, each with scratch for `per_row` items.
template <class T, class F>
void for_rows(const View& x, int64_t per_row, F f) {
  const int64_t columns = x.size(1);
  parallel_for(x.size(0), std::max<int64_t>(1, 4096 / std::max<int64_t>(1, columns)), [&](int64_t begin, int64_t end) {
    const Scratch scratch(size_t(per_row) * sizeof(Item<Key<T>>));
    for (int64_t row = begin; row < end; ++row) f(row, scratch.as<Item<Key<T>>>());
  });
}

template <class T>
void write_items(const Item<Key<T>>* items, const T* x, int64_t n, T* values, int64_t* indices) {
  for (int64_t i = 0; i < n; ++i) {
    if (values) values[i] = x[items[i].index];
    if (indices) indices[i] = int64_t(items[i].index);
  }
}

template <class T>
void sort_rows(const View& x, const View& values, const View& indices, bool descending) {
  const int64_t n = x.size(1);
  for_rows<T>(x, 2 * n, [&](int64_t row, Item<Key<T>>* items) {
    const T* from = x.as<const T>() + row * n;
    make_items(from, n, descending, items);
    if (n < kRadixFrom)
      std::sort(items, items + n);
    else
      items = radix_sort(items, items + n, n);
    write_items(items, from, n, values.defined() ? values.as<T>() + row * n : nullptr,
                indices.defined() ? indices.as<int64_t>() + row * n : nullptr);
  });
}

/// The k least items of a row, in order, at the front of `items`, which has room for `room` >= 2 * k. Items at or above the
/// k-th least so far are passed by: an equal key that comes later loses.
template <class T>
void least_items(const T* x, int64_t n, bool inverted, int64_t k, Item<Key<T>>* items, int64_t room) {
  constexpr int64_t kBlock = 64;
  Key<T> keys[kBlock], threshold = 0;
  int64_t held = 0;
  bool full = false;
  auto cut = [&] {
    std::nth_element(items, items + k - 1, items + held);
    held = k;
    threshold = items[k - 1].key;
    full = true;
  };
  for (int64_t start = 0; start < n; start += kBlock) {
    const int64_t count = std::min(kBlock, n - start);
    if (make_keys(x + start, count, inverted, keys) >= threshold && full) continue;
    for (int64_t i = 0; i < count; ++i) {
      if (full && keys[i] >= threshold) continue;
      items[held++] = {keys[i], Key<T>(start + i)};
      if (held == room) cut();
    }
  }
  if (held > k) cut();
  std::sort(items, items + k);
}

template <class T>
void topk_rows(const View& x, const View& values, const View& indices, bool largest) {
  const int64_t n = x.size(1), k = values.size(1), room = std::max<int64_t>(2 * k, 256);
  for_rows<T>(x, room, [&](int64_t row, Item<Key<T>>* items) {
    const T* from = x.as<const T>() + row * n;
    least_items(from, n, largest, k, items, room);
    write_items(items, from, k, values.as<T>() + row * k, indices.defined() ? indices.as<int64_t>() + row * k : nullptr);
  });
}

template <class T, class I>
void search_rows(const View& sorted, const View& values, const View& y, bool right) {
  const int64_t n = sorted.size(1), k = values.size(1);
  const bool one_row = sorted.size(0) == 1;
  parallel_for(values.numel(), 1024, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const T* row = sorted.as<const T>() + (one_row ? 0 : at / k * n);
      const Key<T> key = ascending_key(values.as<const T>()[at]);
      const T* place = right ? std::upper_bound(row, row + n, key, [](Key<T> a, T b) { return a < ascending_key(b); })
                             : std::lower_bound(row, row + n, key, [](T a, Key<T> b) { return ascending_key(a) < b; });
      y.as<I>()[at] = I(place - row);
    }
  });
}

}  // namespace

void CpuBackend::sort(const View& x, const View& values, const View& indices, bool descending) {
  if (x.numel() == 0) return;
  visit(x.dtype, [&](auto tag) { sort_rows<typename decltype(tag)::type>(x, values, indices, descending); });
}

void CpuBackend::topk(const View& x, const View& values, const View& indices, bool largest) {
  if (values.numel() == 0) return;
  visit(x.dtype, [&](auto tag) { topk_rows<typename decltype(tag)::type>(x, values, indices, largest); });
}

void CpuBackend::searchsorted(const View& sorted, const View& values, const View& y, bool right) {
  visit(values.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (y.dtype == DType::Int32)
      search_rows<T, int32_t>(sorted, values, y, right);
    else
      search_rows<T, int64_t>(sorted, values, y, right);
  });
}

}  // namespace deepnet
