#include "cpu/conv_geometry.h"

#include "cpu/gemm_pack.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

int64_t gcd(int64_t a, int64_t b) {
  while (b) {
    const int64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

// to[0, count) = from[begin, begin + count) with zeros outside [0, size). May write up to a vector beyond.
template <class T, class S>
DN_INLINE void copy_row(const S* from, int64_t begin, int64_t count, int64_t size, T* to) {
  using V = Vector<T>;
  int64_t i = 0;
  if (begin < 0) {
    const int64_t zeros = smaller(count, -begin);
    V(T(0)).store(to);
    for (i = V::lanes; i < zeros; i += V::lanes) V(T(0)).store(to + i);
    i = zeros;
  }
  const int64_t end = smaller(count, size - begin);
  if constexpr (sizeof(S) == sizeof(T)) {
    for (; i + V::lanes <= end; i += V::lanes) V::load(from + begin + i).store(to + i);
    if (i < end) {
      V::load(from + begin + i, end - i).store(to + i);
      i += V::lanes;
    }
  } else {
    for (; i + 16 <= end; i += 16) load_floats(from + begin + i).store(to + i);
    for (; i < end; ++i) to[i] = to_float(from[begin + i]);
  }
  for (; i < count; i += V::lanes) V(T(0)).store(to + i);
}

template <class T, class S>
void fill(const S* source, const Source& s, const Axis* axes, const Box& box, int64_t channel, int64_t channels,
          const Region& region, T* to) {
  int64_t begin[3], extent[3];
  for (int a = 0; a < 3; ++a) {
    begin[a] = box.begin[a] * axes[a].step + axes[a].lowest();
    extent[a] = axes[a].extent(box.count[a]);
  }
  const int64_t depth = axes[0].size, height = axes[1].size, width = axes[2].size;
  // Of part of a plane, the next channels' rows lie where the hardware does not look ahead.
  const bool partial = extent[0] * extent[1] < depth * height;
  for (int64_t n = 0; n < box.samples; ++n) {
    for (int64_t c = 0; c < channels; ++c) {
      const S* plane = source + ((box.sample + n) * s.channels + channel + c) * s.cells;
      T* t = to + n * region.sample + c * region.channel;
      for (int64_t d = 0; d < extent[0]; ++d) {
        const bool outside = begin[0] + d < 0 || begin[0] + d >= depth;
        for (int64_t h = 0; h < extent[1]; ++h) {
          const bool zero = outside || begin[1] + h < 0 || begin[1] + h >= height;
          const S* row = zero ? plane : plane + ((begin[0] + d) * height + begin[1] + h) * width;
          if (partial) {
            const char* later = reinterpret_cast<const char*>(row + 2 * s.cells);
            for (int64_t line = 0; line < width * int64_t(sizeof(S)); line += 64) __builtin_prefetch(later + line);
          }
          copy_row(row, begin[2], extent[2], zero ? 0 : width, t + d * region.depth + h * region.row);
        }
      }
    }
  }
}

}  // namespace

ConvSizes::ConvSizes(const View& x, const View& w, const View& y, int64_t group_count)
    : n(x.size(0)), groups(group_count), group_in(x.size(1) / group_count), group_out(y.size(1) / group_count) {
  in_cells = kernel_cells = out_cells = 1;
  for (int a = 0; a < 3; ++a) {
    in_cells *= in[a] = x.size(2 + a);
    kernel_cells *= kernel[a] = w.size(2 + a);
    out_cells *= out[a] = y.size(2 + a);
  }
}

Axis forward_axis(const ConvSizes& s, const ConvGeometry& g, int axis) {
  return {s.out[axis], g.stride[axis], s.in[axis], s.kernel[axis], -g.padding[axis], g.dilation[axis], 0, 1, 0, 1};
}

Axis input_grad_axis(const ConvSizes& s, const ConvGeometry& g, int axis, int64_t phase) {
  const int64_t stride = g.stride[axis], dilation = g.dilation[axis], shift = phase + g.padding[axis];
  const int64_t every = stride / gcd(stride, dilation);
  int64_t first = 0;
  while (first < every && (shift - first * dilation) % stride != 0) ++first;
  const int64_t taps = first < every && first < s.kernel[axis] ? ceil_div(s.kernel[axis] - first, every) : 0;
  const int64_t count = phase < s.in[axis] ? ceil_div(s.in[axis] - phase, stride) : 0;
  return {count, 1,     s.out[axis], taps,  (shift - first * dilation) / stride, -every * dilation / stride,
          first, every, phase,       stride};
}

Region region_for(const Axis* axes, const int64_t* counts, int64_t channels) {
  Region r;
  r.row = axes[2].extent(counts[2]);
  r.depth = r.row * axes[1].extent(counts[1]);
  r.channel = r.depth * axes[0].extent(counts[0]);
  r.sample = r.channel * channels;
  return r;
}

template <class T>
void fill_region(const Source& source, const Axis* axes, const Box& box, int64_t channel, int64_t channels,
                 const Region& region, T* to) {
  if constexpr (sizeof(T) == 4) {
    if (source.dtype == DType::Float16) {
      return fill(static_cast<const Half*>(source.data), source, axes, box, channel, channels, region, to);
    }
    if (source.dtype == DType::BFloat16) {
      return fill(static_cast<const BFloat16*>(source.data), source, axes, box, channel, channels, region, to);
    }
  }
  fill(static_cast<const T*>(source.data), source, axes, box, channel, channels, region, to);
}
template void fill_region<float>(const Source&, const Axis*, const Box&, int64_t, int64_t, const Region&, float*);
template void fill_region<double>(const Source&, const Axis*, const Box&, int64_t, int64_t, const Region&, double*);

void position_offsets(const Axis* axes, const Box& box, const Region& region, int32_t* offset) {
  for (int64_t n = 0; n < box.samples; ++n) {
    for (int64_t d = 0; d < box.count[0]; ++d) {
      for (int64_t h = 0; h < box.count[1]; ++h) {
        const int64_t line = n * region.sample + region.cell(d * axes[0].step, h * axes[1].step, 0);
        for (int64_t w = 0; w < box.count[2]; ++w) *offset++ = int32_t(line + w * axes[2].step);
      }
    }
  }
}

void tap_offsets(const Axis* axes, const Region& region, int32_t* offset) {
  const auto along = [&](int a, int64_t t) { return axes[a].first + t * axes[a].slope - axes[a].lowest(); };
  for (int64_t d = 0; d < axes[0].taps; ++d) {
    for (int64_t h = 0; h < axes[1].taps; ++h) {
      for (int64_t w = 0; w < axes[2].taps; ++w) *offset++ = int32_t(region.cell(along(0, d), along(1, h), along(2, w)));
    }
  }
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
