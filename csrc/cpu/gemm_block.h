// One panel of columns of y: the loops over spans of k, tiles of rows and segments around the tile kernels.
#pragma once

#include "core/allocator.h"
#include "cpu/float_rows.h"
#include "cpu/gemm_kernel.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

constexpr int64_t kBlock = 512;  // of the orders "product" and "grouped" (backend/backend.h)
constexpr int64_t kSpan = 1024;  // how much of k is packed at a time

/// Part i of n things cut into nearly equal parts begins here.
DN_INLINE int64_t part_begin(int64_t n, int64_t parts, int64_t i) { return n * i / parts; }

/// How k is cut. Segments are chains; segments of a group are added in order, groups by the tree. Spans are segments that are
/// packed together; they hold whole subtrees, or parts of one group.
struct KPlan {
  int64_t k, group;               // group 0: all of k is one
  const int32_t* cuts = nullptr;  // ends of segments where not at every 512 of a group; the last is k
  int fold = 0;                   // tree levels that close within a span
  int64_t span;

  DN_INLINE KPlan(int64_t k_, int64_t group_, int64_t longest = kSpan)
      : k(k_), group(group_ > 0 ? group_ : larger(k_, 1)), span(longest) {
    if (group < longest) {
      while (group << (fold + 1) <= longest) ++fold;
      span = group << fold;
    }
  }
  DN_INLINE int64_t groups() const { return ceil_div(k, group); }
  /// The segment that begins at k0 ends here; cut is the number of cuts at or before k0.
  DN_INLINE int64_t segment_end(int64_t k0, int64_t cut) const {
    if (cuts) return cuts[cut];
    const int64_t begin = k0 / group * group;
    return smaller(smaller(begin + group, k), begin + ((k0 - begin) / kBlock + 1) * kBlock);
  }
  DN_INLINE int64_t span_end(int64_t k0, int64_t cut) const {
    if (cuts) {
      while (cuts[cut] < k && cuts[cut + 1] - k0 <= span) ++cut;
      return cuts[cut];
    }
    if (group <= span) return smaller(k0 + span, k);
    const int64_t begin = k0 / group * group;
    return smaller(smaller(begin + group, k), begin + ((k0 - begin) / span + 1) * span);
  }
};

/// What a span reads. a points at k = the span's first: row r begins at r * row_stride, or at row_offset[r]; k at k * step,
/// or at offset[k].
template <class T>
struct Operands {
  const T* a;
  int64_t row_stride;
  const int32_t* row_offset;
  int64_t step;
  const int32_t* offset;
  const T* b;  // (k, j) at k * ldb + j, whole vectors; or packed: strips of kTileWidth columns, vectors beside each other
  bool packed;
  int64_t ldb, strip;  // strip: from one strip to the next
  T* pack;             // where to pack b on the way, or null
  const T* next;       // b of the panel to come, in place and as far apart as this one's; or null
};

/// y (rows, n), columns beside each other; n <= kPanelWidth. y holds partial sums on the way.
template <class T>
struct Block {
  int64_t rows, n;
  T* y;
  int64_t ldy;
  const T* bias;  // or null; strides as in Tile
  int64_t bias_row, bias_col;
};

/// The tree's pending sums of one panel. Levels that close within a span are shared by all tiles.
template <class T>
struct Levels {
  static constexpr int64_t kTile = kMaxRows * kTileWidth<T>;
  int fold, kept;

  DN_INLINE explicit Levels(const KPlan& plan) : fold(plan.fold), kept(0) {
    while (int64_t(1) << (fold + kept) < plan.groups()) ++kept;
  }
  /// Numbers of memory that `tiles` tiles need.
  DN_INLINE int64_t size(int64_t tiles) const { return (fold + 1 + tiles * (kept + 1)) * kTile; }
  DN_INLINE T* at(T* memory, int64_t tile, int level) const {
    return memory + (level < fold ? level : fold + 1 + tile * (kept + 1) + level - fold) * kTile;
  }
};

/// Numbers of memory that multiply_block needs for a block of this size; 0 where there is no tree.
template <class T>
DN_INLINE int64_t level_memory(const KPlan& plan, int64_t rows) {
  constexpr int64_t strips = kPanelWidth<T> / kTileWidth<T>;
  return plan.groups() > 1 ? Levels<T>(plan).size(ceil_div(rows, 6) * strips) : 0;
}

/// Fills block.y. load(k0, k1) gives the operands of a span; memory holds level_memory numbers.
template <class T, class Load>
DN_INLINE void multiply_block(const Block<T>& block, const KPlan& plan, T* memory, Load&& load) {
  constexpr int64_t L = kLanes<T>, W = kTileWidth<T>;
  const int64_t strips = ceil_div(block.n, W);
  const int max_rows = tile_rows(int(ceil_div(smaller(block.n, W), L)));
  const int64_t tiles = ceil_div(block.rows, max_rows);
  const Levels<T> levels(plan);

  Tile<T> tile;
  int64_t cut = 0;
  for (int64_t k0 = 0; k0 < plan.k;) {
    const int64_t k1 = plan.span_end(k0, cut), first_cut = cut;
    const Operands<T> in = load(k0, k1);
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t i = part_begin(block.rows, tiles, t);
      const int rows = int(part_begin(block.rows, tiles, t + 1) - i);
      for (int64_t s = 0; s < strips; ++s) {
        const int64_t width = smaller(W, block.n - s * W);
        const int vectors = int(ceil_div(width, L));
        T* y = block.y + i * block.ldy + s * W;
        tile.tail = width - (vectors - 1) * L;
        tile.step = in.step;
        tile.ahead = in.row_offset || t + 1 == tiles || s > 0 ? 0 : rows * in.row_stride;
        tile.y = y;
        tile.ldy = block.ldy;
        // The lines of the next panel are asked for by the tiles after the first.
        constexpr int64_t kLine = kAlignment / sizeof(T);
        const int64_t call = (t - 1) * strips + s;
        const T* fetch = in.next && t > 0 && call < kPanelWidth<T> / kLine ? in.next + call * kLine : nullptr;
        const bool packing = in.pack && t == 0, packed = in.packed || (in.pack && t > 0);
        const T* b = in.packed ? in.b + s * in.strip : packed ? in.pack + s * W * (k1 - k0) : in.b + s * W;
        const int64_t ldb = packed ? vectors * L : in.ldb;
        const auto kernel = tile_kernel<T>(packing     ? Reads::StepAndPack
                                           : in.offset ? Reads::Table
                                                       : Reads::Step,
                                           rows, vectors);
        cut = first_cut;
        for (int64_t k = k0; k < k1;) {
          const int64_t end = plan.segment_end(k, cut++);
          for (int r = 0; r < rows; ++r) {
            const T* row = in.a + (in.row_offset ? in.row_offset[i + r] : (i + r) * in.row_stride);
            tile.row[r] = in.offset ? row : row + (k - k0) * in.step;
          }
          tile.offset = in.offset ? in.offset + (k - k0) : nullptr;
          tile.b = b + (k - k0) * ldb;
          tile.ldb = ldb;
          tile.pack = packing ? in.pack + s * W * (k1 - k0) + (k - k0) * vectors * L : nullptr;
          tile.k = end - k;
          tile.fetch = fetch ? fetch + (k - k0) * in.ldb : nullptr;
          tile.fetch_step = in.ldb;
          const int64_t g = k / plan.group, group_begin = g * plan.group;
          const bool last = end == plan.k, closes = last || end == group_begin + plan.group;
          tile.partial = k > group_begin ? y : nullptr;
          tile.ld_partial = block.ldy;
          tile.levels = 0;
          tile.bias = nullptr;
          tile.y = y;
          tile.ldy = block.ldy;
          if (closes) {
            // Group g meets the sums that its trailing one bits stand for; the last group meets all that are left.
            int level = 0;
            for (; last ? g >> level != 0 : (g >> level & 1) != 0; ++level) {
              if (g >> level & 1) tile.level[tile.levels++] = levels.at(memory, t * strips + s, level);
            }
            if (last) {
              if (block.bias) {
                tile.bias = block.bias + i * block.bias_row + s * W * block.bias_col;
                tile.bias_row = block.bias_row;
                tile.bias_col = block.bias_col;
              }
            } else {
              tile.y = levels.at(memory, t * strips + s, level);
              tile.ldy = vectors * L;
            }
          }
          kernel(tile);
          k = end;
        }
      }
    }
    k0 = k1;
  }
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
