// A product over patches: rows are positions, k runs over (channel, tap), columns are the target's channels. The forward
// convolution is one; the input gradient is one for each phase of the stride.
#pragma once

#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/conv_geometry.h"
#include "cpu/gemm_pack.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

struct PatchProduct {
  Axis axes[3];
  int64_t samples, groups;
  Source source;
  int64_t source_group;  // channels of a group that k runs over
  void* target;
  DType dtype;
  int64_t target_group, target_cells;  // channels of a group, cells of a channel
  int64_t target_size[3];
  View bias;            // one number for each target channel, or undefined
  const int32_t* cuts;  // as in KPlan, or null

  DN_INLINE int64_t taps() const { return axes[0].taps * axes[1].taps * axes[2].taps; }
  DN_INLINE int64_t positions() const { return axes[0].count * axes[1].count * axes[2].count; }
};

/// How positions are cut into boxes: one axis (or the samples) in equal parts, those inside it whole.
struct Boxes {
  int64_t samples, parts[4];  // of the samples and each axis
  const Axis* axes;

  DN_INLINE Boxes(const PatchProduct& p, int64_t most) : samples(p.samples), axes(p.axes) {
    const int64_t w = axes[2].count, hw = w * axes[1].count, dhw = hw * axes[0].count;
    parts[0] = dhw > most ? samples : ceil_div(samples, larger(1, most / dhw));
    parts[1] = hw > most ? axes[0].count : dhw > most ? ceil_div(axes[0].count, larger(1, most / hw)) : 1;
    parts[2] = w > most ? axes[1].count : hw > most ? ceil_div(axes[1].count, larger(1, most / w)) : 1;
    parts[3] = ceil_div(w, most);
  }
  DN_INLINE int64_t count() const { return parts[0] * parts[1] * parts[2] * parts[3]; }
  DN_INLINE Box at(int64_t i) const {
    Box b;
    for (int a = 2; a >= 0; --a) {
      const int64_t part = i % parts[a + 1];
      i /= parts[a + 1];
      b.begin[a] = part_begin(axes[a].count, parts[a + 1], part);
      b.count[a] = part_begin(axes[a].count, parts[a + 1], part + 1) - b.begin[a];
    }
    b.sample = part_begin(samples, parts[0], i);
    b.samples = part_begin(samples, parts[0], i + 1) - b.sample;
    return b;
  }
  /// Sizes that no box exceeds.
  DN_INLINE int64_t most_samples() const { return ceil_div(samples, parts[0]); }
  DN_INLINE void most_counts(int64_t* counts) const {
    for (int a = 0; a < 3; ++a) counts[a] = ceil_div(axes[a].count, parts[a + 1]);
  }
};

/// Writes a finished box: from holds its positions, ld apart, by n channels from `channel` on.
template <class T>
void write_box(const PatchProduct& p, const Box& box, int64_t channel, int64_t n, const T* from, int64_t ld);

/// pack(group, j, n, k0, k1, to, strip, row) packs columns j to j + n of the weights, rows k0 to k1, as Operands want them:
/// the first row goes to `row` of the strips at `to`.
template <class T, class Pack>
void multiply_patches(const PatchProduct& p, Pack&& pack) {
  constexpr int64_t L = kLanes<T>, W = kTileWidth<T>, N = kPanelWidth<T>;
  const int64_t taps = p.taps(), k = p.source_group * taps;
  KPlan plan(k, 0);
  plan.cuts = p.cuts;
  const int64_t panels = ceil_div(p.target_group, N), total = p.samples * p.positions();
  const int64_t wanted = ceil_div(num_threads() * 4, p.groups * panels);
  const Boxes boxes(p, smaller(512, larger(48, ceil_div(total, wanted))));
  const int64_t pieces = p.groups * boxes.count() * panels;

  const int64_t most_samples = boxes.most_samples();
  int64_t counts[3];
  boxes.most_counts(counts);
  const int64_t most_rows = most_samples * counts[0] * counts[1] * counts[2];
  const int64_t span_channels = smaller(p.source_group, smaller(k, kSpan) / taps + 2);
  const bool in_place = p.source.dtype == dtype_of<T>() && p.axes[0].inside() && p.axes[1].inside() && p.axes[2].inside();
  Region region = region_for(p.axes, counts, span_channels);
  if (in_place) {
    region = {p.source.channels * p.source.cells, p.source.cells, p.axes[1].size * p.axes[2].size, p.axes[2].size};
  }

  // Weights packed once where several boxes want them.
  const bool shared = boxes.count() > 1;
  const int64_t panel_size = N * k;
  const Scratch weights{shared ? size_t(p.groups * panels * panel_size) * sizeof(T) : kAlignment};
  if (shared) {
    const int64_t parts = ceil_div(k, kSpan / 4);
    parallel_for(p.groups * panels * parts, 2, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t panel = i / parts % panels, group = i / (parts * panels), k0 = part_begin(k, parts, i % parts);
        T* to = weights.as<T>() + (group * panels + panel) * panel_size;
        const int64_t n = smaller(N, p.target_group - panel * N);
        pack(group, panel * N, n, k0, part_begin(k, parts, i % parts + 1), to, W * k, k0);
      }
    });
  }
  const Scratch bias_memory{size_t(p.groups * p.target_group) * sizeof(T) + kAlignment};
  const T* bias = nullptr;
  if (p.bias.defined()) {
    bias = p.bias.as<T>();
    if (p.dtype != dtype_of<T>()) {
      const int64_t channels = p.groups * p.target_group;
      read_matrix(p.dtype, p.bias.data, channels, 1, 1, channels, bias_memory.as<T>(), channels, channels);
      bias = bias_memory.as<T>();
    }
  }

  const int64_t work = total * p.target_group * k * p.groups / pieces;
  parallel_for(pieces, larger(1, (1 << 16) / larger(1, work)), [&](int64_t begin, int64_t end) {
    const int64_t region_size = in_place ? 0 : most_samples * region.sample + L;
    const int64_t pack_size = shared ? 0 : N * (smaller(k, kSpan));
    const int64_t table_size = most_rows + kSpan + taps;
    const Scratch memory{size_t(region_size + pack_size + most_rows * N) * sizeof(T) + size_t(table_size) * sizeof(int32_t)};
    T* cells = memory.as<T>();
    T* packed = cells + region_size;
    T* result = packed + pack_size;
    int32_t* rows = reinterpret_cast<int32_t*>(result + most_rows * N);
    int32_t* table = rows + most_rows;
    int32_t* tap = table + kSpan;
    tap_offsets(p.axes, region, tap);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t panel = i % panels, group = i / (panels * boxes.count()), j = panel * N;
      const int64_t n = smaller(N, p.target_group - j);
      const Box box = boxes.at(i / panels % boxes.count());
      position_offsets(p.axes, box, region, rows);
      Block<T> block;
      block.rows = box.positions();
      block.n = n;
      block.y = result;
      block.ldy = ceil_div(n, L) * L;
      block.bias = bias ? bias + group * p.target_group + j : nullptr;
      block.bias_row = 0;
      block.bias_col = 1;
      multiply_block(block, plan, static_cast<T*>(nullptr), [&](int64_t k0, int64_t k1) {
        const int64_t first = k0 / taps, last = (k1 - 1) / taps, channel = group * p.source_group + first;
        if (in_place) {
          int64_t origin = box.sample * region.sample + channel * region.channel;
          const int64_t strides[3] = {region.depth, region.row, 1};
          for (int a = 0; a < 3; ++a) origin += (box.begin[a] * p.axes[a].step + p.axes[a].lowest()) * strides[a];
          cells = static_cast<T*>(const_cast<void*>(p.source.data)) + origin;
        } else {
          fill_region(p.source, p.axes, box, channel, last - first + 1, region, cells);
        }
        for (int64_t x = k0, c = first; x < k1; ++c) {
          for (int64_t t = x - c * taps; t < taps && x < k1; ++t)
            table[x++ - k0] = int32_t((c - first) * region.channel + tap[t]);
        }
        Operands<T> in;
        in.a = cells;
        in.row_offset = rows;
        in.row_stride = in.step = 0;
        in.offset = table;
        in.packed = true;
        in.pack = nullptr;
        in.ldb = 0;
        if (shared) {
          const int64_t wide = smaller(W, ceil_div(n, L) * L);
          in.b = weights.as<T>() + (group * panels + panel) * panel_size + k0 * wide;
          in.strip = W * k;
        } else {
          pack(group, j, n, k0, k1, packed, W * (k1 - k0), 0);
          in.b = packed;
          in.strip = W * (k1 - k0);
        }
        return in;
      });
      write_box(p, box, group * p.target_group + j, n, result, block.ldy);
    }
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
