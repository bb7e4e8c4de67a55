// Where the elements of a product come from and go to: strided matrices, image patches, images.
//
// For Rows see product.h: start(operand, z, first row of the tile, rows there are), get(operand, first k of the tile, end of k,
// what stands beyond, elements).
#pragma once

#include "backend/backend.h"
#include "device.h"

namespace deepnet::gpu {

/// Bit e: element e's row exists.
template <class F>
DN_DEVICE unsigned rows_present(bool k_fast, int64_t first, int64_t limit) {
  unsigned present = 0;
#pragma unroll
  for (int e = 0; e < F::kCount; ++e)
    present |= unsigned(first + F::row0(k_fast) + (k_fast ? e * F::kRowStep : 0) < limit) << e;
  return present;
}

/// Element (row, k) at data[z * sz + row * srow + k * sk].
template <class E>
struct StridedOperand {
  using Element = E;
  const E* data;
  int64_t sz, srow, sk;
  bool fast_k;
  DN_DEVICE bool k_fast() const { return fast_k; }

  template <class F>
  struct Rows {
    const E* at;
    unsigned present;
    DN_DEVICE void start(const StridedOperand& o, int64_t z, int64_t first, int64_t limit) {
      at = o.data + z * o.sz + (first + F::row0(o.fast_k)) * o.srow + F::k0(o.fast_k) * o.sk;
      present = rows_present<F>(o.fast_k, first, limit);
    }
    DN_DEVICE void get(const StridedOperand& o, int k, int k_end, E pad, E (&out)[F::kCount]) const {
      const int64_t step = o.fast_k ? F::kRowStep * o.srow : F::kKStep * o.sk;
      const int left = k_end - k - F::k0(o.fast_k), k_step = o.fast_k ? 0 : F::kKStep;
      const E* p = at + k * o.sk;
#pragma unroll
      for (int e = 0; e < F::kCount; ++e) out[e] = (present >> e & 1) && e * k_step < left ? p[e * step] : pad;
    }
  };
};

/// Element (row, k) at data[z * sz + row * srow + k / inner * sq + k % inner].
template <class E>
struct PairOperand {
  using Element = E;
  const E* data;
  int64_t sz, srow, sq;
  FastDiv inner;
  static DN_DEVICE constexpr bool k_fast() { return true; }

  template <class F>
  struct Rows {
    const E* at;
    unsigned present;
    DN_DEVICE void start(const PairOperand& o, int64_t z, int64_t first, int64_t limit) {
      at = o.data + z * o.sz + (first + F::row0(true)) * o.srow;
      present = rows_present<F>(true, first, limit);
    }
    DN_DEVICE void get(const PairOperand& o, int k_first, int k_end, E pad, E (&out)[F::kCount]) const {
      const int k = k_first + F::k0(true);
      uint32_t r = uint32_t(k);
      const uint32_t q = o.inner.split(r);
      const E* p = at + q * o.sq + r;
#pragma unroll
      for (int e = 0; e < F::kCount; ++e) out[e] = (present >> e & 1) && k < k_end ? p[e * F::kRowStep * o.srow] : pad;
    }
  };
};

/// An image (sample, channel, D, H, W) as a matrix of positions by taps (channel, kd, kh, kw). Forwards a position is an output
/// cell and a tap what its window holds there; transposed, a position is an input cell and a tap the output cell whose window
/// holds it at (kd, kh, kw).
template <class E, bool kTransposed>
struct Patches {
  const E* data;
  int64_t sample_stride, z_stride;  // from sample to sample, and from group to group
  int D, H, W;                      // of data
  int stride[3], padding[3], dilation[3];
  FastDiv positions, position_hw, position_w, kernel, kernel_hw, kernel_w, by_stride[3];

  struct Cell {
    const E* at;  // where its first tap would lie (transposed: the sample's start)
    int z, y, x;
  };
  struct Tap {
    int offset;  // transposed: of the channel alone
    int zy, x;
  };

  DN_DEVICE Cell cell(int64_t zi, uint32_t n) const {
    uint32_t x = n;
    const uint32_t sample = positions.split(x);
    uint32_t y = x;
    const uint32_t d = position_hw.split(y);
    x = y;
    y = position_w.split(x);
    Cell c;
    if constexpr (kTransposed) {
      c.z = int(d) + padding[0];
      c.y = int(y) + padding[1];
      c.x = int(x) + padding[2];
      c.at = data + zi * z_stride + sample * sample_stride;
    } else {
      c.z = int(d) * stride[0] - padding[0];
      c.y = int(y) * stride[1] - padding[1];
      c.x = int(x) * stride[2] - padding[2];
      c.at = data + zi * z_stride + sample * sample_stride + ((int64_t(c.z) * H + c.y) * W + c.x);
    }
    return c;
  }
  DN_DEVICE Tap tap(uint32_t k) const {
    uint32_t x = k;
    const uint32_t channel = kernel.split(x);
    uint32_t y = x;
    const uint32_t d = kernel_hw.split(y);
    x = y;
    y = kernel_w.split(x);
    const int tz = int(d) * dilation[0], ty = int(y) * dilation[1], tx = int(x) * dilation[2];
    const int plane = int(channel) * D * H * W;
    return Tap{kTransposed ? plane : plane + (tz * H + ty) * W + tx, tz << 16 | ty, tx};
  }
  DN_DEVICE E value(const Cell& c, const Tap& t) const {
    if constexpr (kTransposed) {
      int z = c.z - (t.zy >> 16), y = c.y - (t.zy & 0xffff), x = c.x - t.x;
      if ((z | y | x) < 0) return E{};
      if (stride[0] != 1 || stride[1] != 1 || stride[2] != 1) {
        uint32_t rz = uint32_t(z), ry = uint32_t(y), rx = uint32_t(x);
        z = int(by_stride[0].split(rz));
        y = int(by_stride[1].split(ry));
        x = int(by_stride[2].split(rx));
        if (rz | ry | rx) return E{};
      }
      return z < D && y < H && x < W ? c.at[t.offset + (z * H + y) * W + x] : E{};
    } else {
      const unsigned z = unsigned(c.z + (t.zy >> 16)), y = unsigned(c.y + (t.zy & 0xffff)), x = unsigned(c.x + t.x);
      return z < unsigned(D) && y < unsigned(H) && x < unsigned(W) ? c.at[t.offset] : E{};
    }
  }
};

/// Rows are positions, k runs over taps.
template <class E, bool kTransposed>
struct PositionOperand {
  using Element = E;
  Patches<E, kTransposed> patches;
  static DN_DEVICE constexpr bool k_fast() { return false; }

  template <class F>
  struct Rows {
    typename Patches<E, kTransposed>::Cell cell;
    bool present;
    DN_DEVICE void start(const PositionOperand& o, int64_t z, int64_t first, int64_t limit) {
      const int64_t row = first + F::row0(false);
      present = row < limit;
      cell = o.patches.cell(z, uint32_t(present ? row : 0));
    }
    DN_DEVICE void get(const PositionOperand& o, int k_first, int k_end, E pad, E (&out)[F::kCount]) const {
      const int k = k_first + F::k0(false);
#pragma unroll
      for (int e = 0; e < F::kCount; ++e) {
        const bool inside = present && k + e * F::kKStep < k_end;
        out[e] = inside ? o.patches.value(cell, o.patches.tap(uint32_t(k + e * F::kKStep))) : pad;
      }
    }
  };
};

/// Rows are taps, k runs over positions.
template <class E>
struct TapOperand {
  using Element = E;
  Patches<E, false> patches;
  static DN_DEVICE constexpr bool k_fast() { return true; }

  template <class F>
  struct Rows {
    typename Patches<E, false>::Tap tap[F::kCount];
    unsigned present;
    int z;
    DN_DEVICE void start(const TapOperand& o, int64_t z_, int64_t first, int64_t limit) {
      z = int(z_);
      present = rows_present<F>(true, first, limit);
#pragma unroll
      for (int e = 0; e < F::kCount; ++e)
        tap[e] = o.patches.tap(present >> e & 1 ? uint32_t(first + F::row0(true) + e * F::kRowStep) : 0u);
    }
    DN_DEVICE void get(const TapOperand& o, int k_first, int k_end, E pad, E (&out)[F::kCount]) const {
      const int k = k_first + F::k0(true);
      const bool inside = k < k_end;
      const auto cell = o.patches.cell(z, uint32_t(inside ? k : 0));
#pragma unroll
      for (int e = 0; e < F::kCount; ++e) out[e] = inside && (present >> e & 1) ? o.patches.value(cell, tap[e]) : pad;
    }
  };
};

/// Result (m, n) goes to y[z * sz + m * sm + n * sn]; the bias, where there is one, is added last.
template <class T>
struct StridedOutput {
  T* y;
  int64_t sz, sm, sn;
  const T* bias;
  int64_t bz, bm, bn;
  DN_DEVICE void store(int64_t z, int64_t m, int64_t n, Compute<T> v) const {
    if (bias) v = v + widen(bias[z * bz + m * bm + n * bn]);
    y[z * sz + m * sm + n * sn] = narrow<T>(v);
  }
};

/// Result (channel m, position n of all samples) goes to an image; one bias for each channel.
template <class T>
struct ImageOutput {
  T* y;
  int64_t sz, sample_stride, channel_stride;
  FastDiv positions;
  const T* bias;
  int64_t bz;
  DN_DEVICE void store(int64_t z, int64_t m, int64_t n, Compute<T> v) const {
    if (bias) v = v + widen(bias[z * bz + m]);
    uint32_t position = uint32_t(n);
    const uint32_t sample = positions.split(position);
    y[z * sz + sample * sample_stride + m * channel_stride + position] = narrow<T>(v);
  }
};

}  // namespace deepnet::gpu
