// The weight gradient as a product: rows are weights of one output channel (input channel, kernel cell), k runs over the
// positions of all samples, columns are output channels. Rows are read where the input lies; dy is turned while packing.
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/conv_algorithms.h"
#include "cpu/conv_geometry.h"
#include "cpu/gemm_pack.h"
#include "math/batch_group.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

constexpr int64_t kLongest = 512;  // span of positions: their input and dy stay in the second cache
constexpr int64_t kMostRows = 576;

struct WeightGrad {
  ConvSizes s;
  Axis axes[3];
  Source source;
  View dy;
  bool in_place;
  int64_t most_samples, most_counts[3];  // of a span's box

  // The box of positions k0 to k1 of all samples.
  DN_INLINE Box box(int64_t k0, int64_t k1) const {
    Box b;
    b.sample = k0 / s.out_cells;
    b.samples = (k1 - 1) / s.out_cells + 1 - b.sample;
    int64_t first = k0 - b.sample * s.out_cells, last = k1 - 1 - b.sample * s.out_cells, inner = s.out_cells;
    bool whole = b.samples > 1;
    for (int a = 0; a < 3; ++a) {
      inner /= s.out[a];
      b.begin[a] = whole ? 0 : first / inner;
      b.count[a] = whole ? s.out[a] : last / inner + 1 - b.begin[a];
      whole |= b.count[a] > 1;
      first %= inner;
      last %= inner;
    }
    return b;
  }
};

WeightGrad describe(const View& x, const View& dy, const View& dw, const ConvGeometry& g, bool native) {
  WeightGrad p{ConvSizes(x, dw, dy, g.groups), {}, {x.data, x.dtype, x.size(1), 0}, dy, native, 0, {}};
  p.source.cells = p.s.in_cells;
  for (int a = 0; a < 3; ++a) {
    p.axes[a] = forward_axis(p.s, g, a);
    p.in_place &= p.axes[a].inside();
  }
  // Spans hold whole samples where several fit; else they lie within one, or begin and end anywhere.
  const int64_t cells = p.s.out_cells;
  p.most_samples = cells < 64 ? kLongest / cells + 2 : larger(1, kLongest / cells);
  int64_t inner = cells;
  bool whole = p.most_samples > 1;
  for (int a = 0; a < 3; ++a) {
    inner /= p.s.out[a];
    p.most_counts[a] = whole ? p.s.out[a] : smaller(p.s.out[a], kLongest / inner + 2);
    whole |= p.most_counts[a] > 1;
  }
  return p;
}

// offset[k - k0] of positions k0 to k1.
void span_offsets(const WeightGrad& p, const Box& box, const Region& region, int64_t k0, int64_t k1, int32_t* offset) {
  const int64_t lines = p.s.out[1] * p.s.out[2];
  for (int64_t k = k0; k < k1;) {
    const int64_t n = k / p.s.out_cells, cell = k % p.s.out_cells, d = cell / lines, h = cell % lines / p.s.out[2];
    const int64_t w = cell % p.s.out[2], run = smaller(p.s.out[2] - w, k1 - k);
    const int64_t at =
        (n - box.sample) * region.sample + region.cell((d - box.begin[0]) * p.axes[0].step, (h - box.begin[1]) * p.axes[1].step,
                                                       (w - box.begin[2]) * p.axes[2].step);
    for (int64_t i = 0; i < run; ++i) *offset++ = int32_t(at + i * p.axes[2].step);
    k += run;
  }
}

template <class T>
void pack_dy(const WeightGrad& p, int64_t channel, int64_t n, int64_t k0, int64_t k1, T* to) {
  constexpr int64_t L = kLanes<T>, W = kTileWidth<T>;
  const int64_t cells = p.s.out_cells, channels = p.s.groups * p.s.group_out;
  for (int64_t c = 0; c < n; c += W, to += W * (k1 - k0)) {
    const int64_t cols = smaller(W, n - c), wide = ceil_div(cols, L) * L;
    for (int64_t k = k0; k < k1;) {
      const int64_t sample = k / cells, cell = k % cells, run = smaller(cells - cell, k1 - k);
      read_matrix(p.dy.dtype, advance(p.dy.data, p.dy.dtype, (sample * channels + channel + c) * cells + cell), 1, cells, run,
                  cols, to + (k - k0) * wide, wide, wide);
      k += run;
    }
  }
}

// Rows i to i + rows of a group by n output channels from j, over the positions from k_first on that the plan covers.
template <class T>
void multiply_piece(const WeightGrad& p, const KPlan& plan, int64_t k_first, int64_t group, int64_t i, int64_t rows, int64_t j,
                    int64_t n, T* y, int64_t ldy) {
  constexpr int64_t L = kLanes<T>, W = kTileWidth<T>, N = kPanelWidth<T>;
  const int64_t taps = p.s.kernel_cells, first = i / taps, channels = (i + rows - 1) / taps + 1 - first;
  const int64_t channel = group * p.s.group_in + first;
  const int64_t region_size = p.in_place ? 0 : p.most_samples * region_for(p.axes, p.most_counts, channels).sample + L;
  const int64_t pack_size = N * smaller(plan.k, plan.span), levels = level_memory<T>(plan, rows);
  const Scratch memory{size_t(region_size + pack_size + levels) * sizeof(T) + size_t(rows + taps + kLongest) * sizeof(int32_t)};
  T* cells = memory.as<T>();
  T* packed = cells + region_size;
  T* level = packed + pack_size;
  int32_t* row_offset = reinterpret_cast<int32_t*>(level + levels);
  int32_t* tap = row_offset + rows;
  int32_t* offset = tap + taps;

  Block<T> block;
  block.rows = rows;
  block.n = n;
  block.y = y;
  block.ldy = ldy;
  block.bias = nullptr;
  block.bias_row = block.bias_col = 0;
  multiply_block(block, plan, level, [&](int64_t k0, int64_t k1) {
    const Box box = p.box(k_first + k0, k_first + k1);
    Operands<T> in;
    Region region;
    if (p.in_place) {
      region = {p.source.channels * p.source.cells, p.source.cells, p.s.in[1] * p.s.in[2], p.s.in[2]};
      int64_t origin = box.sample * region.sample + channel * region.channel;
      const int64_t strides[3] = {region.depth, region.row, 1};
      for (int a = 0; a < 3; ++a) origin += (box.begin[a] * p.axes[a].step + p.axes[a].lowest()) * strides[a];
      in.a = static_cast<const T*>(p.source.data) + origin;
    } else {
      region = region_for(p.axes, box.count, channels);
      fill_region(p.source, p.axes, box, channel, channels, region, cells);
      in.a = cells;
    }
    tap_offsets(p.axes, region, tap);
    for (int64_t r = 0; r < rows; ++r) {
      row_offset[r] = int32_t(((i + r) / taps - first) * region.channel + tap[(i + r) % taps]);
    }
    span_offsets(p, box, region, k_first + k0, k_first + k1, offset);
    pack_dy(p, group * p.s.group_out + j, n, k_first + k0, k_first + k1, packed);
    in.row_offset = row_offset;
    in.row_stride = in.step = 0;
    in.offset = offset;
    in.packed = true;
    in.b = packed;
    in.ldb = 0;
    in.strip = W * (k1 - k0);
    in.pack = nullptr;
    in.next = nullptr;
    return in;
  });
}

template <class T>
void weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) {
  constexpr int64_t N = kPanelWidth<T>;
  const WeightGrad p = describe(x, dy, dw, g, x.dtype == dtype_of<T>());
  const int64_t rows = p.s.group_in * p.s.kernel_cells, k = p.s.n * p.s.out_cells;
  const int64_t group = batch_group(p.s.out_cells), groups = ceil_div(k, group);
  const int64_t panels = ceil_div(p.s.group_out, N);
  const int64_t work = rows * p.s.group_out * p.s.groups * k;
  const int64_t wanted = work < (1 << 17) ? 1 : num_threads() * 4;
  int64_t chunks = ceil_div(rows, kMostRows);
  // Too few blocks for the threads: cut k too, at subtrees, whose sums are combined at the end.
  int64_t subtree = 1;
  while (subtree < groups && p.s.groups * panels * chunks * ceil_div(groups, 2 * subtree) >= wanted) subtree *= 2;
  const int64_t parts = ceil_div(groups, subtree);
  if (p.s.groups * panels * chunks * parts < wanted) {
    chunks = smaller(ceil_div(wanted, p.s.groups * panels * parts), ceil_div(rows, 96));
  }

  const bool direct = parts == 1;
  const int64_t block = rows * N, all = p.s.groups * panels * block;
  const Scratch sums{direct ? kAlignment : size_t(parts * all) * sizeof(T)};
  const auto finish = [&](const T* from, int64_t group_index, int64_t panel, int64_t i, int64_t count) {
    const int64_t j = panel * N, o = group_index * p.s.group_out + j;
    write_matrix(from, N, count, smaller(N, p.s.group_out - j), dw.dtype, advance(dw.data, dw.dtype, o * rows + i), 1, rows);
  };
  parallel_for(p.s.groups * panels * chunks * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t w = begin; w < end; ++w) {
      const int64_t part = w % parts, panel = w / parts % panels, chunk = w / (parts * panels) % chunks;
      const int64_t group_index = w / (parts * panels * chunks);
      const int64_t i = part_begin(rows, chunks, chunk), count = part_begin(rows, chunks, chunk + 1) - i;
      const int64_t k_first = part * subtree * group;
      const KPlan plan(smaller(subtree * group, k - k_first), group, kLongest);
      const Scratch own{direct ? size_t(count * N) * sizeof(T) : kAlignment};
      T* y = direct ? own.as<T>() : sums.as<T>() + part * all + (group_index * panels + panel) * block + i * N;
      multiply_piece(p, plan, k_first, group_index, i, count, panel * N, smaller(N, p.s.group_out - panel * N), y, N);
      if (direct) finish(y, group_index, panel, i, count);
    }
  });
  if (direct) return;
  const int64_t step = 64;
  const int64_t pieces = ceil_div(rows, step);
  parallel_for(p.s.groups * panels * pieces, larger(1, (1 << 13) / (step * N)), [&](int64_t begin, int64_t end) {
    using V = Vector<T>;
    for (int64_t w = begin; w < end; ++w) {
      const int64_t i = w % pieces * step, count = smaller(step, rows - i);
      T* base = sums.as<T>() + w / pieces * block + i * N;
      for (int64_t apart = 1; apart < parts; apart *= 2) {
        for (int64_t q = 0; q + apart < parts; q += 2 * apart) {
          T *to = base + q * all, *from = to + apart * all;
          for (int64_t e = 0; e < count * N; e += V::lanes) (V::load(to + e) + V::load(from + e)).store(to + e);
        }
      }
      finish(base, w / pieces / panels, w / pieces % panels, i, count);
    }
  });
}

}  // namespace

void convolve_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) {
  dw.dtype == DType::Float64 ? weight_grad<double>(x, dy, dw, g) : weight_grad<float>(x, dy, dw, g);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
