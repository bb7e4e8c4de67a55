// The weight gradient of a depthwise convolution: vectors hold neighbouring channels, so planes are turned to channels last;
// each kernel cell is a chain over positions.
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/conv_algorithms.h"
#include "cpu/conv_geometry.h"
#include "cpu/gemm_pack.h"
#include "math/batch_group.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

constexpr int kTapsAtOnce = 8;

// The cells of a sample that its positions meet, `lanes` channels beside each other.
template <class T>
void fill_turned(const Source& source, const Axis* axes, const int64_t* extent, int64_t sample, int64_t channel,
                 int64_t channels, T* to) {
  constexpr int64_t L = kLanes<T>;
  const int64_t height = axes[1].size, width = axes[2].size;
  const int64_t first = axes[2].lowest(), left = smaller(larger(0, -first), extent[2]);
  const int64_t begin = larger(0, first), end = larger(begin, smaller(width, first + extent[2]));
  const auto zero = [](T* p, int64_t cells) {
    for (int64_t i = 0; i < cells; ++i) Vector<T>(T(0)).store(p + i * L);
  };
  for (int64_t d = axes[0].lowest(); d < axes[0].lowest() + extent[0]; ++d) {
    for (int64_t h = axes[1].lowest(); h < axes[1].lowest() + extent[1]; ++h, to += extent[2] * L) {
      if (d < 0 || d >= axes[0].size || h < 0 || h >= height || begin == end) {
        zero(to, extent[2]);
        continue;
      }
      zero(to, left);
      const int64_t at = (sample * source.channels + channel) * source.cells + (d * height + h) * width + begin;
      read_matrix(source.dtype, advance(source.data, source.dtype, at), 1, source.cells, end - begin, channels, to + left * L,
                  L, L);
      zero(to + (left + end - begin) * L, extent[2] - left - (end - begin));
    }
  }
}

// Continues the chains of `count` kernel cells over positions whose cells begin at x + offset[i].
template <class T, int count>
void chains(const T* x, const int32_t* offset, const int32_t* tap, const T* dy, int64_t positions, Vector<T>* sum) {
  constexpr int64_t L = kLanes<T>;
  Vector<T> chain[count];
#pragma GCC unroll 8
  for (int t = 0; t < count; ++t) chain[t] = sum[t];
  for (int64_t i = 0; i < positions; ++i) {
    const Vector<T> g = Vector<T>::load(dy + i * L);
    const T* cell = x + int64_t(offset[i]) * L;
#pragma GCC unroll 8
    for (int t = 0; t < count; ++t) chain[t] = fma(Vector<T>::load(cell + int64_t(tap[t]) * L), g, chain[t]);
  }
#pragma GCC unroll 8
  for (int t = 0; t < count; ++t) sum[t] = chain[t];
}

template <class T>
void weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) {
  using V = Vector<T>;
  constexpr int64_t L = V::lanes;
  const ConvSizes s(x, dw, dy, g.groups);
  Axis axes[3];
  int64_t extent[3];
  for (int a = 0; a < 3; ++a) {
    axes[a] = forward_axis(s, g, a);
    extent[a] = axes[a].extent(s.out[a]);
  }
  const Source source{x.data, x.dtype, s.groups, s.in_cells};
  const int64_t cells = s.out_cells, taps = s.kernel_cells, k = s.n * cells, group = batch_group(cells);
  const int64_t groups = ceil_div(k, group), blocks = ceil_div(s.groups, L), each = blocks * taps * L;
  const Region region{0, 0, extent[1] * extent[2], extent[2]};
  const int64_t region_cells = extent[0] * extent[1] * extent[2];

  // The sum of every group: (group, block of channels, tap, lane).
  const Scratch sums{size_t(groups * each) * sizeof(T)};
  parallel_for(groups * blocks, larger(1, (1 << 15) / (group * taps * L)), [&](int64_t begin, int64_t end) {
    const Scratch memory{size_t((region_cells + cells + 2 * taps) * L) * sizeof(T) + size_t(cells + taps + kTapsAtOnce) * 4};
    T* turned = memory.as<T>();
    T* turned_dy = turned + region_cells * L;
    T* chain = turned_dy + cells * L;
    T* total = chain + taps * L;
    int32_t* offset = reinterpret_cast<int32_t*>(total + taps * L);
    int32_t* tap = offset + cells;
    position_offsets(axes, Box{0, 1, {0, 0, 0}, {s.out[0], s.out[1], s.out[2]}}, region, offset);
    tap_offsets(axes, region, tap);
    for (int64_t w = begin; w < end; ++w) {
      const int64_t channel = w % blocks * L, channels = smaller(L, s.groups - channel);
      const int64_t first = w / blocks * group, last = smaller(first + group, k);
      int64_t held = -1;
      for (int64_t at = first; at < last;) {
        // As far as the sample and the block of 512 go.
        const int64_t sample = at / cells, block_end = smaller(last, first + ((at - first) / 512 + 1) * 512);
        const int64_t stop = smaller(block_end, (sample + 1) * cells), cell = at - sample * cells;
        if (sample != held) {
          fill_turned(source, axes, extent, sample, channel, channels, turned);
          read_matrix(dy.dtype, advance(dy.data, dy.dtype, (sample * s.groups + channel) * cells), 1, cells, cells, channels,
                      turned_dy, L, L);
          held = sample;
        }
        const bool opens = (at - first) % 512 == 0;
        for (int64_t t = 0; t < taps; t += kTapsAtOnce) {
          V sum[kTapsAtOnce];
          const int64_t now = smaller(kTapsAtOnce, taps - t);
          for (int64_t u = 0; u < kTapsAtOnce; ++u) sum[u] = opens || u >= now ? V(T(0)) : V::load(chain + (t + u) * L);
          if (now == kTapsAtOnce) {
            chains<T, kTapsAtOnce>(turned, offset + cell, tap + t, turned_dy + cell * L, stop - at, sum);
          } else {
            for (int64_t u = 0; u < now; ++u)
              chains<T, 1>(turned, offset + cell, tap + t + u, turned_dy + cell * L, stop - at, sum + u);
          }
          for (int64_t u = 0; u < now; ++u) sum[u].store(chain + (t + u) * L);
        }
        at = stop;
        if (at != block_end) continue;
        for (int64_t t = 0; t < taps; ++t) {
          const V c = V::load(chain + t * L);
          (block_end - first <= 512 ? c : V::load(total + t * L) + c).store(total + t * L);
        }
      }
      T* to = sums.as<T>() + w / blocks * each + w % blocks * taps * L;
      for (int64_t t = 0; t < taps; ++t) V::load(total + t * L).store(to + t * L);
    }
  });
  parallel_for(blocks, larger(1, (1 << 13) / (groups * taps * L)), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      T* base = sums.as<T>() + b * taps * L;
      for (int64_t apart = 1; apart < groups; apart *= 2) {
        for (int64_t q = 0; q + apart < groups; q += 2 * apart) {
          T *to = base + q * each, *from = to + apart * each;
          for (int64_t t = 0; t < taps; ++t) (V::load(to + t * L) + V::load(from + t * L)).store(to + t * L);
        }
      }
      write_matrix(base, L, taps, smaller(L, s.groups - b * L), dw.dtype, advance(dw.data, dw.dtype, b * L * taps), 1, taps);
    }
  });
}

}  // namespace

void convolve_depthwise_weight_grad(const View& x, const View& dy, const View& dw, const ConvGeometry& g) {
  dw.dtype == DType::Float64 ? weight_grad<double>(x, dy, dw, g) : weight_grad<float>(x, dy, dw, g);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
