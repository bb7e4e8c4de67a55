#include "cpu/gemm_kernel.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

template <class T, int R, int V, Reads reads>
void tile(const Tile<T>& t) {
  using Vec = Vector<T>;
  constexpr int L = Vec::lanes;
  Vec acc[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[r][v] = Vec(T(0));
  const T* row[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) row[r] = t.row[r];
  const int64_t step = t.step, ldb = t.ldb, ahead = t.ahead, fetch_step = t.fetch_step;
  const T* fetch = t.fetch;
  const int32_t* offset = t.offset;
  const T* b = t.b;
  T* pack = t.pack;
  // y's lines are wanted at the end: ask for them now.
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) __builtin_prefetch(t.y + r * t.ldy + v * L, 1);

  int64_t at = 0;
  for (int64_t k = 0; k < t.k; k += 16) {
    const int64_t end = t.k - k < 16 ? t.k - k : 16;
    if (reads != Reads::Table && ahead != 0) {
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) __builtin_prefetch(row[r] + at + ahead, 0, 2);
    }
    if (reads == Reads::Step && fetch) {
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) __builtin_prefetch(fetch + i * fetch_step, 0, 2);
      fetch += 16 * fetch_step;
    }
    for (int64_t i = 0; i < end; ++i) {
      if constexpr (reads == Reads::Table) at = *offset++;
      Vec bv[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) bv[v] = Vec::load(b + v * L);
      b += ldb;
      if constexpr (reads == Reads::StepAndPack) {
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) bv[v].store(pack + v * L);
        pack += V * L;
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vec a(row[r][at]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) acc[r][v] = fma(a, bv[v], acc[r][v]);
      }
      if constexpr (reads != Reads::Table) at += step;
    }
  }

  const int64_t tail = t.tail;
  if (t.partial) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const T* p = t.partial + r * t.ld_partial + v * L;
        acc[r][v] = acc[r][v] + (v + 1 < V ? Vec::load(p) : Vec::load(p, tail));
      }
  }
  for (int l = 0; l < t.levels; ++l) {
    const T* p = t.level[l];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) acc[r][v] = acc[r][v] + Vec::load(p + (r * V + v) * L);
  }
  if (t.bias) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const T* p = t.bias + r * t.bias_row + v * t.bias_col * L;
        acc[r][v] = acc[r][v] + (t.bias_col == 0 ? Vec(*p) : v + 1 < V ? Vec::load(p) : Vec::load(p, tail));
      }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      T* p = t.y + r * t.ldy + v * L;
      if (v + 1 < V) {
        acc[r][v].store(p);
      } else {
        acc[r][v].store(p, tail);
      }
    }
}

template <class T, int V, Reads reads>
TileKernel<T> of_rows(int rows) {
  switch (rows) {
    case 1:
      return tile<T, 1, V, reads>;
    case 2:
      return tile<T, 2, V, reads>;
    case 3:
      return tile<T, 3, V, reads>;
    case 4:
      return tile<T, 4, V, reads>;
    case 5:
      return tile<T, 5, V, reads>;
    default:
      if constexpr (tile_rows(V) > 6) {
        if (rows == 7) return tile<T, 7, V, reads>;
        if (rows == 8) return tile<T, 8, V, reads>;
      }
      return tile<T, 6, V, reads>;
  }
}

template <class T, Reads reads>
TileKernel<T> of_vectors(int rows, int vectors) {
  if constexpr (kMaxVectors > 1) {
    if (vectors == 4) return of_rows<T, 4, reads>(rows);
    if (vectors == 3) return of_rows<T, 3, reads>(rows);
    if (vectors == 2) return of_rows<T, 2, reads>(rows);
  }
  return of_rows<T, 1, reads>(rows);
}

}  // namespace

template <class T>
TileKernel<T> tile_kernel(Reads reads, int rows, int vectors) {
  switch (reads) {
    case Reads::Step:
      return of_vectors<T, Reads::Step>(rows, vectors);
    case Reads::Table:
      return of_vectors<T, Reads::Table>(rows, vectors);
    default:
      return of_vectors<T, Reads::StepAndPack>(rows, vectors);
  }
}
template TileKernel<float> tile_kernel<float>(Reads, int, int);
template TileKernel<double> tile_kernel<double>(Reads, int, int);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
