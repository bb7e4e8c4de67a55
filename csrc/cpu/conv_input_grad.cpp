#include "core/allocator.h"
#include "cpu/conv_algorithms.h"
#include "cpu/conv_product.h"
#include "cpu/gemm_pack.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

// Where the chains of one phase end: after the last of its k below each multiple of 512 of the full k = (channel, kernel cell).
int64_t find_cuts(const PatchProduct& p, const int32_t* cell, int64_t kernel_cells, int32_t* cuts) {
  const int64_t taps = p.taps();
  int64_t count = 0, block = -1;
  for (int64_t c = 0, k = 0; c < p.source_group; ++c) {
    for (int64_t t = 0; t < taps; ++t, ++k) {
      const int64_t b = (c * kernel_cells + cell[t]) / kBlock;
      if (b != block && k > 0) cuts[count++] = int32_t(k);
      block = b;
    }
  }
  cuts[count++] = int32_t(p.source_group * taps);
  return count;
}

template <class T>
struct InputGradPacker final : WeightPacker<T> {
  const View& w;
  const ConvSizes& s;
  const int32_t* cell;  // the kernel cell of each tap
  int64_t taps;
  InputGradPacker(const View& w_, const ConvSizes& s_, const int32_t* cell_, int64_t taps_)
      : w(w_), s(s_), cell(cell_), taps(taps_) {}

  // Row k is an output channel and a tap, a column an input channel.
  void pack(int64_t group, int64_t j, int64_t n, int64_t k0, int64_t k1, T* to, int64_t strip, int64_t row) const override {
    constexpr int64_t L = kLanes<T>, W = kTileWidth<T>;
    for (int64_t c = 0; c < n; c += W, to += strip) {
      const int64_t cols = smaller(W, n - c), wide = ceil_div(cols, L) * L;
      for (int64_t k = k0; k < k1;) {
        const int64_t channel = k / taps, t = k % taps;
        // Taps that follow each other in the kernel are one matrix, read by its columns.
        int64_t run = 1;
        while (k + run < k1 && t + run < taps && cell[t + run] == cell[t] + run) ++run;
        const int64_t from = ((group * s.group_out + channel) * s.group_in + j + c) * s.kernel_cells + cell[t];
        read_matrix(w.dtype, advance(w.data, w.dtype, from), 1, s.kernel_cells, run, cols, to + (row + k - k0) * wide, wide,
                    wide);
        k += run;
      }
    }
  }
};

template <class T>
void phase_product(PatchProduct& p, const View& w, const ConvSizes& s, bool strided) {
  const int64_t taps = p.taps(), full = s.group_out * s.kernel_cells;
  const Scratch memory{size_t(taps + full / kBlock + 2) * sizeof(int32_t)};
  int32_t* cell = memory.as<int32_t>();  // the kernel cell of each tap
  for (int64_t d = 0, t = 0; d < p.axes[0].taps; ++d) {
    for (int64_t h = 0; h < p.axes[1].taps; ++h) {
      for (int64_t v = 0; v < p.axes[2].taps; ++v) {
        const int64_t at[3] = {d, h, v};
        int64_t flat = 0;
        for (int a = 0; a < 3; ++a) flat = flat * s.kernel[a] + p.axes[a].kernel_first + at[a] * p.axes[a].kernel_step;
        cell[t++] = int32_t(flat);
      }
    }
  }
  p.cuts = nullptr;
  if (strided) {
    find_cuts(p, cell, s.kernel_cells, cell + taps);
    p.cuts = cell + taps;
  }
  multiply_patches<T>(p, InputGradPacker<T>(w, s, cell, taps));
}

// Cells that no kernel cell reaches hold the bias alone.
void fill_channels(IsaBackend& backend, const View& bias, const View& dx) {
  if (!bias.defined()) return backend.fill(dx, Number{true, 0, 0.0});
  View spread = bias;
  spread.shape = dx.shape;
  spread.strides = Strides{0, 1, 0, 0, 0};
  backend.copy(spread, dx);
}

template <class T>
void input_grad(IsaBackend& backend, const View& dy, const View& w, const View& bias, const View& dx, const ConvGeometry& g) {
  const ConvSizes s(dx, w, dy, g.groups);
  PatchProduct p;
  p.samples = s.n;
  p.groups = s.groups;
  p.source = {dy.data, dy.dtype, dy.size(1), s.out_cells};
  p.source_group = s.group_out;
  p.target = dx.data;
  p.dtype = dx.dtype;
  p.target_group = s.group_in;
  p.target_cells = s.in_cells;
  p.bias = bias;
  const bool strided = g.stride[0] * g.stride[1] * g.stride[2] != 1;
  bool filled = false;
  for (int a = 0; a < 3; ++a) p.target_size[a] = s.in[a];
  for (int64_t d = 0; d < g.stride[0]; ++d) {
    for (int64_t h = 0; h < g.stride[1]; ++h) {
      for (int64_t v = 0; v < g.stride[2]; ++v) {
        p.axes[0] = input_grad_axis(s, g, 0, d);
        p.axes[1] = input_grad_axis(s, g, 1, h);
        p.axes[2] = input_grad_axis(s, g, 2, v);
        if (p.positions() == 0 || p.taps() != 0 || filled) continue;
        fill_channels(backend, bias, dx);
        filled = true;
      }
    }
  }
  for (int64_t d = 0; d < g.stride[0]; ++d) {
    for (int64_t h = 0; h < g.stride[1]; ++h) {
      for (int64_t v = 0; v < g.stride[2]; ++v) {
        p.axes[0] = input_grad_axis(s, g, 0, d);
        p.axes[1] = input_grad_axis(s, g, 1, h);
        p.axes[2] = input_grad_axis(s, g, 2, v);
        if (p.positions() > 0 && p.taps() > 0) phase_product<T>(p, w, s, strided);
      }
    }
  }
}

}  // namespace

void convolve_input_grad(IsaBackend& backend, const View& dy, const View& w, const View& bias, const View& dx,
                         const ConvGeometry& g) {
  dx.dtype == DType::Float64 ? input_grad<double>(backend, dy, w, bias, dx, g) : input_grad<float>(backend, dy, w, bias, dx, g);
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
