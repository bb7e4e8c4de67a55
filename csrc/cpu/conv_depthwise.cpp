// Depthwise convolution: a channel's filter slides over its own plane. Vectors hold neighbouring positions, each a chain over
// the kernel's cells.
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/conv_algorithms.h"
#include "cpu/conv_geometry.h"
#include "cpu/gemm_pack.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

// One plane to another through at most one block of taps.
struct PlaneProduct {
  Axis axes[3];
  int64_t samples, channels;
  Source source;
  void* target;
  DType dtype;
  int64_t target_size[3], target_cells, kernel_cells;
  View weight, bias;

  DN_INLINE int64_t taps() const { return axes[0].taps * axes[1].taps * axes[2].taps; }
};

// The kernel cell of each tap.
void kernel_cells(const PlaneProduct& p, const int64_t* kernel, int32_t* cell) {
  for (int64_t d = 0; d < p.axes[0].taps; ++d) {
    for (int64_t h = 0; h < p.axes[1].taps; ++h) {
      for (int64_t w = 0; w < p.axes[2].taps; ++w) {
        const int64_t at[3] = {d, h, w};
        int64_t flat = 0;
        for (int a = 0; a < 3; ++a) flat = flat * kernel[a] + p.axes[a].kernel_first + at[a] * p.axes[a].kernel_step;
        *cell++ = int32_t(flat);
      }
    }
  }
}

// Columns a stride apart become neighbours: cell i of a row goes to i % step * part + i / step.
template <class T>
void split_columns(const T* from, int64_t rows, int64_t width, int64_t step, int64_t part, T* to) {
  for (int64_t r = 0; r < rows; ++r, from += width, to += step * part) {
    for (int64_t phase = 0; phase < step; ++phase) {
      for (int64_t i = phase, j = phase * part; i < width; i += step) to[j++] = from[i];
    }
  }
}

// A vector of results: where its cells begin for the first tap, where it goes in the target's plane, how many lanes count.
struct Slot {
  int32_t from, lanes;
  int64_t to;
};

// Every vector of a plane.
int64_t find_slots(const PlaneProduct& p, const Region& region, int64_t width, Slot* slots) {
  const Axis *d = p.axes, *h = p.axes + 1, *w = p.axes + 2;
  int64_t count = 0;
  for (int64_t i = 0; i < d->count; ++i) {
    for (int64_t j = 0; j < h->count; ++j) {
      const int64_t row = ((d->target_first + i * d->target_step) * p.target_size[1] + h->target_first + j * h->target_step);
      for (int64_t v = 0; v < w->count; v += width) {
        slots[count++] = {int32_t(i * d->step * region.depth + j * h->step * region.row + v),
                          int32_t(smaller(width, w->count - v)), row * p.target_size[2] + w->target_first + v * w->target_step};
      }
    }
  }
  return count;
}

// Chains over the taps for four vectors.
template <class T>
DN_INLINE void slide(const T* from, const Slot* slots, const int32_t* offset, const T* weight, int64_t taps, Vector<T>* sum) {
  const T *f0 = from + slots[0].from, *f1 = from + slots[1].from, *f2 = from + slots[2].from, *f3 = from + slots[3].from;
  Vector<T> s0(T(0)), s1(T(0)), s2(T(0)), s3(T(0));
  for (int64_t t = 0; t < taps; ++t) {
    const Vector<T> w(weight[t]);
    const int64_t at = offset[t];
    s0 = fma(w, Vector<T>::load(f0 + at), s0);
    s1 = fma(w, Vector<T>::load(f1 + at), s1);
    s2 = fma(w, Vector<T>::load(f2 + at), s2);
    s3 = fma(w, Vector<T>::load(f3 + at), s3);
  }
  sum[0] = s0;
  sum[1] = s1;
  sum[2] = s2;
  sum[3] = s3;
}

template <class T>
void multiply_planes(const PlaneProduct& p, const int64_t* kernel) {
  using V = Vector<T>;
  constexpr int64_t L = V::lanes;
  const int64_t counts[3] = {p.axes[0].count, p.axes[1].count, p.axes[2].count}, taps = p.taps();
  const Region plain = region_for(p.axes, counts, 1);
  const int64_t step = p.axes[2].step, part = ceil_div(plain.row, step), rows = plain.channel / plain.row;
  Region region = plain;
  region.row = step * part;
  region.depth = plain.depth / plain.row * region.row;
  region.channel = rows * region.row;
  const int64_t plane = region.channel + 2 * L, unsplit = step > 1 ? plain.channel + L : 0;
  const int64_t most_slots = counts[0] * counts[1] * ceil_div(counts[2], L) + 3, cells = p.kernel_cells;
  const int64_t target_step = p.axes[2].target_step;
  const bool direct = p.dtype == dtype_of<T>() && target_step == 1;
  const int64_t work = counts[0] * counts[1] * counts[2] * taps;
  parallel_for(p.samples * p.channels, larger(1, (1 << 17) / work), [&](int64_t begin, int64_t end) {
    const Scratch memory{size_t(plane + unsplit + taps + cells) * sizeof(T) + size_t(2 * taps + 2) * sizeof(int32_t) +
                         size_t(most_slots) * sizeof(Slot) + kAlignment};
    T* source = memory.as<T>();
    T* raw = source + plane;
    T* filter = raw + unsplit;
    T* weight = filter + cells;
    Slot* slots = reinterpret_cast<Slot*>((reinterpret_cast<uintptr_t>(weight + taps) + 7) & ~uintptr_t(7));
    int32_t* offset = reinterpret_cast<int32_t*>(slots + most_slots);
    int32_t* cell = offset + taps;
    kernel_cells(p, kernel, cell);
    tap_offsets(p.axes, plain, offset);
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t row = offset[t] / plain.row, column = offset[t] % plain.row;
      offset[t] = int32_t(row * region.row + column % step * part + column / step);
    }
    const int64_t count = find_slots(p, region, L, slots);
    for (int64_t i = 0; i < 3; ++i) slots[count + i] = slots[count - 1];
    for (int64_t i = begin; i < end; ++i) {
      const int64_t sample = i / p.channels, channel = i % p.channels;
      fill_region(p.source, p.axes, Box{sample, 1, {0, 0, 0}, {counts[0], counts[1], counts[2]}}, channel, 1, plain,
                  step > 1 ? raw : source);
      if (step > 1) split_columns(raw, rows, plain.row, step, part, source);
      read_matrix(p.weight.dtype, advance(p.weight.data, p.weight.dtype, channel * cells), cells, 1, 1, cells, filter, cells,
                  cells);
      for (int64_t t = 0; t < taps; ++t) weight[t] = filter[cell[t]];
      T bias = T(0);
      if (p.bias.defined()) read_matrix(p.bias.dtype, advance(p.bias.data, p.bias.dtype, channel), 1, 1, 1, 1, &bias, 1, 1);
      void* target = advance(p.target, p.dtype, i * p.target_cells);
      for (int64_t v = 0; v < count; v += 4) {
        V sum[4];
        slide(source, slots + v, offset, weight, taps, sum);
#pragma GCC unroll 4
        for (int u = 0; u < 4; ++u) {
          const Slot& slot = slots[v + u];
          if (p.bias.defined()) sum[u] = sum[u] + V(bias);
          if (direct) {
            T* to = static_cast<T*>(target) + slot.to;
            if (slot.lanes == L) {
              sum[u].store(to);
            } else {
              sum[u].store(to, slot.lanes);
            }
          } else if (v + u < count) {
            T line[L];
            sum[u].store(line);
            write_matrix(line, L, 1, slot.lanes, p.dtype, advance(target, p.dtype, slot.to), 0, target_step);
          }
        }
      }
    }
  });
}

PlaneProduct describe(const View& source, const View& weight, const View& bias, const View& target, const ConvSizes& s) {
  PlaneProduct p{
      {},     s.n, s.groups, {source.data, source.dtype, s.groups, 0}, target.data, target.dtype, {}, 1, s.kernel_cells,
      weight, bias};
  p.source.cells = source.size(2) * source.size(3) * source.size(4);
  for (int a = 0; a < 3; ++a) p.target_cells *= p.target_size[a] = target.size(2 + a);
  return p;
}

}  // namespace

bool is_depthwise(const View& w, const ConvGeometry& g) {
  return g.groups > 1 && w.size(1) == 1 && w.size(0) == g.groups && w.size(2) * w.size(3) * w.size(4) <= 512;
}

void convolve_depthwise(const View& x, const View& w, const View& bias, const View& y, const ConvGeometry& g) {
  const ConvSizes s(x, w, y, g.groups);
  PlaneProduct p = describe(x, w, bias, y, s);
  for (int a = 0; a < 3; ++a) p.axes[a] = forward_axis(s, g, a);
  y.dtype == DType::Float64 ? multiply_planes<double>(p, s.kernel) : multiply_planes<float>(p, s.kernel);
}

bool every_phase_has_taps(const ConvSizes& s, const ConvGeometry& g) {
  for (int a = 0; a < 3; ++a) {
    for (int64_t phase = 0; phase < g.stride[a]; ++phase) {
      if (input_grad_axis(s, g, a, phase).taps == 0) return false;
    }
  }
  return true;
}

bool convolve_depthwise_input_grad(const View& dy, const View& w, const View& bias, const View& dx, const ConvGeometry& g) {
  const ConvSizes s(dx, w, dy, g.groups);
  if (!every_phase_has_taps(s, g)) return false;
  PlaneProduct p = describe(dy, w, bias, dx, s);
  for (int64_t phase = 0; phase < g.stride[0] * g.stride[1] * g.stride[2]; ++phase) {
    p.axes[0] = input_grad_axis(s, g, 0, phase / (g.stride[1] * g.stride[2]));
    p.axes[1] = input_grad_axis(s, g, 1, phase / g.stride[2] % g.stride[1]);
    p.axes[2] = input_grad_axis(s, g, 2, phase % g.stride[2]);
    if (p.axes[0].count * p.axes[1].count * p.axes[2].count == 0) continue;
    dx.dtype == DType::Float64 ? multiply_planes<double>(p, s.kernel) : multiply_planes<float>(p, s.kernel);
  }
  return true;
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
