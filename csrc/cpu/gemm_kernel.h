// The innermost product: a tile of y, a few rows by a few vectors, held in registers over one segment of k.
#pragma once

#include "cpu/simd.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  using type = F32;
};
template <>
struct VectorOf<double> {
  using type = F64;
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
constexpr int kLanes = Vector<T>::lanes;

/// Vectors beside each other in a tile: with 32 wide registers four, else one (which is two or four registers).
#if defined(DEEPNET_ISA_AVX512)
constexpr int kMaxVectors = 4;
#else
constexpr int kMaxVectors = 1;
#endif
constexpr int kMaxRows = 8;
/// Rows of a full tile. One wide register a row leaves too few chains to hide the latency of six.
constexpr int tile_rows(int vectors) { return kMaxVectors > 1 && vectors == 1 ? 8 : 6; }

template <class T>
constexpr int kTileWidth = kMaxVectors * kLanes<T>;
/// Columns of y that are worked on together; a multiple of the tile's width.
template <class T>
constexpr int kPanelWidth = 4 * kLanes<T>;

constexpr int kMaxLevels = 48;

/// One call: y(r, j) = chain over k of a(r, k) b(k, j), plus partial, plus level[0], level[1], ..., plus bias, in that order.
template <class T>
struct Tile {
  const T* row[kMaxRows];  // a(r, 0)
  int64_t step;            // a(r, k) = row[r][k * step], or
  const int32_t* offset;   // row[r][offset[k]]
  int64_t ahead;           // from a row to the next tile's, to be fetched ahead; 0: none
  const T* fetch;          // lines, fetch_step apart, one for each k, that will be wanted next; or null
  int64_t fetch_step;
  const T* b;  // b(k, j) = b[k * ldb + j], whole vectors
  int64_t ldb;
  T* pack;  // where b is copied on the way, whole vectors beside each other
  int64_t k;
  const T* partial;  // sum of the blocks before, or null
  int64_t ld_partial;
  const T* level[kMaxLevels];  // sums of the groups before, whole vectors beside each other
  int levels;
  const T* bias;  // or null: bias[r * bias_row + j], or bias[r * bias_row] where bias_col is 0
  int64_t bias_row, bias_col;
  T* y;  // y[r * ldy + j]
  int64_t ldy;
  int64_t tail;  // valid lanes of the last vector
};

enum class Reads { Step, Table, StepAndPack };
template <class T>
using TileKernel = void (*)(const Tile<T>&);
/// The kernel for 1 to tile_rows(vectors) rows and 1 to kMaxVectors vectors.
template <class T>
TileKernel<T> tile_kernel(Reads reads, int rows, int vectors);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
