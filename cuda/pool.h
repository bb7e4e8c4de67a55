// Which cells a pool's window holds, along each axis and in all.
#pragma once

#include "backend/backend.h"
#include "device.h"

namespace deepnet::gpu {

/// One axis of a pool: output o looks at cells o * stride - padding + k * dilation, k < kernel.
struct PoolAxis {
  int in, out, kernel, stride, padding, dilation;

  PoolAxis(const Shape& x, const Shape& y, const PoolGeometry& g, int axis)
      : in(int(x.v[axis + 1])),
        out(int(y.v[axis + 1])),
        kernel(int(g.kernel[axis])),
        stride(int(g.stride[axis])),
        padding(int(g.padding[axis])),
        dilation(int(g.dilation[axis])) {}

  static DN_INLINE int up(int a, int b) { return (a + b - 1) / b; }
  DN_INLINE int cell(int o, int k) const { return o * stride - padding + k * dilation; }
  /// The k whose cells lie inside: [begin, end), none where end <= begin.
  DN_INLINE int begin(int o) const {
    const int before = padding - o * stride;
    return before > 0 ? up(before, dilation) : 0;
  }
  DN_INLINE int end(int o) const {
    const int room = in + padding - o * stride;
    return room > 0 ? int(smaller(kernel, up(room, dilation))) : 0;
  }
  /// The outputs whose windows may hold a cell: [first, last].
  DN_INLINE int first_window(int at) const {
    const int reach = at + padding - (kernel - 1) * dilation;
    return reach > 0 ? up(reach, stride) : 0;
  }
  DN_INLINE int last_window(int at) const { return int(smaller(out - 1, (at + padding) / stride)); }
  /// The k at which window o holds the cell; -1 where it does not.
  DN_INLINE int place(int o, int at) const {
    const int distance = at + padding - o * stride;
    return distance % dilation == 0 && distance / dilation < kernel ? distance / dilation : -1;
  }
  /// How many cells of window o count: those inside, or those inside the padded image.
  DN_INLINE int counted(int o, bool padded) const {
    if (!padded) return int(larger(0, end(o) - begin(o)));
    const int room = in + 2 * padding - o * stride;
    return room > 0 ? int(smaller(kernel, up(room, dilation))) : 0;
  }
};

struct PoolShape {
  PoolAxis d, h, w;
  int64_t planes;
  PoolShape(const Shape& x, const Shape& y, const PoolGeometry& g)
      : d(x, y, g, 0), h(x, y, g, 1), w(x, y, g, 2), planes(x.v[0]) {}
  DN_INLINE int64_t cells() const { return int64_t(d.in) * h.in * w.in; }
  DN_INLINE int64_t outputs() const { return int64_t(d.out) * h.out * w.out; }
};

/// A flat position of (planes, D, H, W) taken apart.
struct PoolPlace {
  int64_t plane;
  int d, h, w;
  DN_DEVICE PoolPlace(int64_t i, int depth, int height, int width) {
    const int64_t row = quotient(i, width), slice = quotient(row, height);
    plane = quotient(slice, depth);
    w = int(i - row * width);
    h = int(row - slice * height);
    d = int(slice - plane * depth);
  }
};

}  // namespace deepnet::gpu
