#include "cpu/conv_product.h"

#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/gemm_pack.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

constexpr int64_t kMostPositions = 512;     // of a box: its results stay in the second cache
constexpr int64_t kCellBytes = 600 * 1024;  // of cells that several panels share

// How positions are cut into boxes: one axis (or the samples) in equal parts, those inside it whole.
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
  // Sizes that no box exceeds.
  DN_INLINE int64_t most_samples() const { return ceil_div(samples, parts[0]); }
  DN_INLINE void most_counts(int64_t* counts) const {
    for (int a = 0; a < 3; ++a) counts[a] = ceil_div(axes[a].count, parts[a + 1]);
  }
};

// How the work is cut. Pieces are boxes where all panels of columns share one copy of the cells, else boxes by panels.
struct Schedule {
  Boxes boxes;
  int64_t k, panels;
  bool in_place, share_cells, share_weights;
  int64_t samples, counts[3];  // that no box exceeds
  Region region;

  Schedule(const PatchProduct& p, int64_t panel_width, bool native, int64_t number_size)
      : boxes(p, kMostPositions), k(p.source_group * p.taps()), panels(ceil_div(p.target_group, panel_width)) {
    in_place = native && p.axes[0].inside() && p.axes[1].inside() && p.axes[2].inside();
    share_cells = false;
    if (!in_place && panels > 1) {
      int64_t most = kMostPositions;
      while (most > 64 && region_size(p, p.source_group) * number_size > kCellBytes) boxes = Boxes(p, most /= 2);
      share_cells = region_size(p, p.source_group) * number_size <= kCellBytes && boxes.count() * p.groups >= 2 * num_threads();
    }
    if (!share_cells) {
      const int64_t all = p.samples * p.positions() * p.groups * panels;
      boxes = Boxes(p, smaller(kMostPositions, larger(48, all / (4 * num_threads()))));
    }
    share_weights = boxes.count() > 1;
    region_size(p, share_cells ? p.source_group : smaller(p.source_group, smaller(k, kSpan) / p.taps() + 2));
    if (in_place) {
      region = {p.source.channels * p.source.cells, p.source.cells, p.axes[1].size * p.axes[2].size, p.axes[2].size};
    }
  }
  DN_INLINE int64_t region_size(const PatchProduct& p, int64_t channels) {
    boxes.most_counts(counts);
    samples = boxes.most_samples();
    region = region_for(p.axes, counts, channels);
    return samples * region.sample;
  }
  DN_INLINE int64_t most_rows() const { return samples * counts[0] * counts[1] * counts[2]; }
};

// Writes a finished box: from holds its positions, ld apart, by n channels from `channel` on.
template <class T>
void write_box(const PatchProduct& p, const Box& box, int64_t channel, int64_t n, const T* from, int64_t ld) {
  const int64_t all_channels = p.groups * p.target_group, size = itemsize(p.dtype);
  const int64_t height = p.target_size[1], width = p.target_size[2];
  const auto to = [&](int64_t sample, int64_t d, int64_t h, int64_t w) {
    const int64_t at[3] = {d, h, w};
    int64_t cell[3];
    for (int a = 0; a < 3; ++a) cell[a] = p.axes[a].target_first + (box.begin[a] + at[a]) * p.axes[a].target_step;
    return static_cast<char*>(p.target) + (((box.sample + sample) * all_channels + channel) * p.target_cells +
                                           (cell[0] * height + cell[1]) * width + cell[2]) *
                                              size;
  };
  bool gaps = false;
  for (int a = 0; a < 3; ++a) gaps |= p.axes[a].target_step != 1;
  for (int64_t s = 0; s < box.samples; ++s) {
    if (!gaps) {
      // Boxes are cut along one axis only, so a sample's positions are neighbours.
      const int64_t cells = box.count[0] * box.count[1] * box.count[2];
      write_matrix(from, ld, cells, n, p.dtype, to(s, 0, 0, 0), 1, p.target_cells);
      from += cells * ld;
      continue;
    }
    for (int64_t d = 0; d < box.count[0]; ++d) {
      for (int64_t h = 0; h < box.count[1]; ++h) {
        write_matrix(from, ld, box.count[2], n, p.dtype, to(s, d, h, 0), p.axes[2].target_step, p.target_cells);
        from += box.count[2] * ld;
      }
    }
  }
}

// What one thread needs to multiply boxes.
template <class T>
struct Worker {
  const PatchProduct& p;
  const Schedule& schedule;
  const WeightPacker<T>& packer;
  const T* weights;  // of all panels, or null
  const T* bias;
  KPlan plan;
  T *cells, *packed, *result;
  int32_t *rows, *table, *tap;

  DN_INLINE int64_t cells_size() const { return schedule.in_place ? 0 : schedule.samples * schedule.region.sample + kLanes<T>; }
  DN_INLINE int64_t packed_size() const { return weights ? 0 : kPanelWidth<T> * smaller(plan.k, kSpan); }
  DN_INLINE int64_t result_size() const { return schedule.most_rows() * kPanelWidth<T>; }
  DN_INLINE size_t memory_size() const {
    return size_t(cells_size() + packed_size() + result_size()) * sizeof(T) +
           size_t(schedule.most_rows() + kSpan + p.taps()) * sizeof(int32_t);
  }
  DN_INLINE void use_memory(T* memory) {
    cells = memory;
    packed = cells + cells_size();
    result = packed + packed_size();
    rows = reinterpret_cast<int32_t*>(result + result_size());
    table = rows + schedule.most_rows();
    tap = table + kSpan;
    tap_offsets(p.axes, schedule.region, tap);
  }
  // Where the cells of a box begin for a channel of a group.
  DN_INLINE const T* cells_at(const Box& box, int64_t group, int64_t channel) const {
    const Region& region = schedule.region;
    if (schedule.share_cells) return cells + channel * region.channel;
    if (!schedule.in_place) return cells;
    int64_t at = box.sample * region.sample + (group * p.source_group + channel) * region.channel;
    const int64_t strides[3] = {region.depth, region.row, 1};
    for (int a = 0; a < 3; ++a) at += (box.begin[a] * p.axes[a].step + p.axes[a].lowest()) * strides[a];
    return static_cast<const T*>(p.source.data) + at;
  }
  void begin_box(const Box& box, int64_t group) {
    position_offsets(p.axes, box, schedule.region, rows);
    if (schedule.share_cells) {
      fill_region(p.source, p.axes, box, group * p.source_group, p.source_group, schedule.region, cells);
    }
  }
  void multiply_panel(const Box& box, int64_t group, int64_t panel) {
    constexpr int64_t L = kLanes<T>, W = kTileWidth<T>, N = kPanelWidth<T>;
    const int64_t j = panel * N, n = smaller(N, p.target_group - j), width = ceil_div(n, L) * L, taps = p.taps();
    const Block<T> block{box.positions(), n, result, width, bias ? bias + group * p.target_group + j : nullptr, 0, 1};
    multiply_block(block, plan, static_cast<T*>(nullptr), [&](int64_t k0, int64_t k1) {
      const int64_t first = k0 / taps, last = (k1 - 1) / taps;
      if (!schedule.in_place && !schedule.share_cells) {
        fill_region(p.source, p.axes, box, group * p.source_group + first, last - first + 1, schedule.region, cells);
      }
      for (int64_t k = k0, channel = first; k < k1; ++channel) {
        for (int64_t t = k - channel * taps; t < taps && k < k1; ++t) {
          table[k++ - k0] = int32_t((channel - first) * schedule.region.channel + tap[t]);
        }
      }
      Operands<T> in;
      in.a = cells_at(box, group, first);
      in.row_offset = rows;
      in.row_stride = in.step = 0;
      in.offset = table;
      in.packed = true;
      in.pack = nullptr;
      in.next = nullptr;
      in.ldb = 0;
      if (weights) {
        in.b = weights + (group * schedule.panels + panel) * N * plan.k + k0 * smaller(W, width);
        in.strip = W * plan.k;
      } else {
        in.strip = W * (k1 - k0);
        packer.pack(group, j, n, k0, k1, packed, in.strip, 0);
        in.b = packed;
      }
      return in;
    });
    write_box(p, box, group * p.target_group + j, n, result, width);
  }
};

template <class T>
void pack_all(const PatchProduct& p, const Schedule& s, const WeightPacker<T>& packer, T* to) {
  constexpr int64_t N = kPanelWidth<T>;
  const int64_t parts = ceil_div(s.k, kSpan / 4);
  parallel_for(p.groups * s.panels * parts, 2, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t part = i % parts, panel = i / parts % s.panels, group = i / (parts * s.panels);
      const int64_t k0 = part_begin(s.k, parts, part), k1 = part_begin(s.k, parts, part + 1);
      packer.pack(group, panel * N, smaller(N, p.target_group - panel * N), k0, k1, to + (group * s.panels + panel) * N * s.k,
                  kTileWidth<T> * s.k, k0);
    }
  });
}

}  // namespace

template <class T>
void multiply_patches(const PatchProduct& p, const WeightPacker<T>& packer) {
  const Schedule s(p, kPanelWidth<T>, p.source.dtype == dtype_of<T>(), sizeof(T));
  const Scratch weights{s.share_weights ? size_t(p.groups * s.panels * kPanelWidth<T> * s.k) * sizeof(T) : kAlignment};
  if (s.share_weights) pack_all(p, s, packer, weights.as<T>());

  const int64_t channels = p.groups * p.target_group;
  const Scratch bias_memory{size_t(channels) * sizeof(T)};
  const T* bias = p.bias.as<T>();
  if (p.bias.defined() && p.dtype != dtype_of<T>()) {
    read_matrix(p.dtype, p.bias.data, channels, 1, 1, channels, bias_memory.as<T>(), channels, channels);
    bias = bias_memory.as<T>();
  }
  KPlan plan(s.k, 0);
  plan.cuts = p.cuts;

  const int64_t panels = s.share_cells ? 1 : s.panels, boxes = s.boxes.count(), pieces = p.groups * boxes * panels;
  const int64_t work = p.samples * p.positions() * channels * s.k / pieces;
  parallel_for(pieces, larger(1, (1 << 16) / larger(1, work)), [&](int64_t begin, int64_t end) {
    Worker<T> worker{p, s, packer, s.share_weights ? weights.as<T>() : nullptr, bias, plan, {}, {}, {}, {}, {}, {}};
    const Scratch memory{worker.memory_size()};
    worker.use_memory(memory.as<T>());
    for (int64_t i = begin; i < end; ++i) {
      const int64_t group = i / (panels * boxes);
      const Box box = s.boxes.at(i / panels % boxes);
      worker.begin_box(box, group);
      const int64_t first = s.share_cells ? 0 : i % panels, last = s.share_cells ? s.panels : first + 1;
      for (int64_t panel = first; panel < last; ++panel) worker.multiply_panel(box, group, panel);
    }
  });
}
template void multiply_patches<float>(const PatchProduct&, const WeightPacker<float>&);
template void multiply_patches<double>(const PatchProduct&, const WeightPacker<double>&);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
