// Merge sort: tiles by a bitonic network in shared memory, then runs of twice the length each pass. An item finds its place in
// a merged run by its rank in the other half; no two items are equal, so ranks are places.
#include "sort.h"

namespace deepnet::gpu {
namespace {

constexpr int kTile = 1024, kSortThreads = 512;

/// The first `kept` items of each sorted tile: out (rows, tiles * kept), or what is left of the last tile.
template <class Item>
DN_KERNEL void __launch_bounds__(kSortThreads)
    sort_tiles(const Item* in, Item* out, int64_t n, int64_t tiles, int64_t kept, int64_t out_n) {
  __shared__ Item items[kTile];
  const int64_t row = quotient(blockIdx.x, tiles), tile = blockIdx.x - row * tiles, first = tile * kTile;
  for (int i = threadIdx.x; i < kTile; i += kSortThreads) items[i] = first + i < n ? in[row * n + first + i] : Item::last();
  __syncthreads();
  for (int size = 2; size <= kTile; size *= 2)
    for (int apart = size / 2; apart > 0; apart /= 2) {
      const int t = threadIdx.x, i = 2 * t - (t & (apart - 1)), j = i + apart;
      const Item a = items[i], b = items[j];
      if ((b < a) == ((i & size) == 0)) {
        items[i] = b;
        items[j] = a;
      }
      __syncthreads();
    }
  for (int64_t i = threadIdx.x; i < kept && tile * kept + i < out_n; i += kSortThreads)
    out[row * out_n + tile * kept + i] = items[i];
}

/// Merges runs of `run` items into runs of twice that.
template <class Item>
DN_KERNEL void merge_runs(const Item* in, Item* out, int64_t rows, int64_t n, int64_t run) {
  for (int64_t at = thread_id(); at < rows * n; at += thread_count()) {
    const int64_t row = quotient(at, n), i = at - row * n, pair = quotient(i, 2 * run) * 2 * run;
    const bool second = i - pair >= run;
    const Item* base = in + row * n;
    const Item own = base[i];
    int64_t low = smaller(n, second ? pair : pair + run), high = smaller(n, second ? pair + run : pair + 2 * run);
    const int64_t start = low;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (base[middle] < own)
        low = middle + 1;
      else
        high = middle;
    }
    out[row * n + (second ? i - run : i) + (low - start)] = own;
  }
}

}  // namespace

template <class Item>
Item* sort_items(Call& call, Item* items, Item* spare, int64_t rows, int64_t n) {
  if (rows == 0 || n == 0) return items;
  const int64_t tiles = ceil_div(n, kTile);
  call.run(sort_tiles<Item>, dim3(unsigned(rows * tiles)), dim3(kSortThreads), 0, items, spare, n, tiles, kTile, n);
  Item *from = spare, *to = items;
  for (int64_t run = kTile; run < n; run *= 2) {
    call.run_items(merge_runs<Item>, rows * n, from, to, rows, n, run);
    Item* const t = from;
    from = to;
    to = t;
  }
  return from;
}

template <class Item>
Item* least_items(Call& call, Item* items, Item* spare, int64_t rows, int64_t n, int64_t k) {
  Item *from = items, *to = spare;
  for (;;) {
    const int64_t tiles = ceil_div(n, kTile), left = n - (tiles - 1) * kTile;
    const int64_t out_n = (tiles - 1) * k + smaller(left, k);
    call.run(sort_tiles<Item>, dim3(unsigned(rows * tiles)), dim3(kSortThreads), 0, from, to, n, tiles, k, out_n);
    if (tiles == 1) return to;
    n = out_n;
    Item* const t = from;
    from = to;
    to = t;
  }
}

template NarrowItem* sort_items(Call&, NarrowItem*, NarrowItem*, int64_t, int64_t);
template WideItem* sort_items(Call&, WideItem*, WideItem*, int64_t, int64_t);
template NarrowItem* least_items(Call&, NarrowItem*, NarrowItem*, int64_t, int64_t, int64_t);
template WideItem* least_items(Call&, WideItem*, WideItem*, int64_t, int64_t, int64_t);

}  // namespace deepnet::gpu
