// Writing through an index. Sources of one destination differ only in their place along dim, so threads share out the other
// axes and each walks dim in order; where those are few, threads share out ranges of destinations instead. Either way a
// destination is one thread's, and takes its sources in order.
#include <algorithm>

#include "core/allocator.h"
#include "core/convert.h"
#include "core/error.h"
#include "cpu/copy.h"
#include "cpu/cpu_backend.h"
#include "cpu/indexing.h"
#include "cpu/strided.h"

namespace deepnet {
namespace {

template <ScatterOp how, class T>
inline T combine(T a, T b) {
  if constexpr (how == ScatterOp::Set) {
    return b;
  } else if constexpr (how == ScatterOp::Min || how == ScatterOp::Max) {
    const auto x = widen(a), y = widen(b);
    return (how == ScatterOp::Max ? x > y : x < y) || x != x ? a : b;
  } else if constexpr (std::is_integral_v<T>) {
    const uint64_t x = uint64_t(a), y = uint64_t(b);
    return convert<T>(int64_t(how == ScatterOp::Add ? x + y : x * y));
  } else {
    return how == ScatterOp::Add ? a + b : a * b;
  }
}

struct Scatter {
  const char* op;
  int64_t size, count;                // y's size along dim, and the number of sources along it
  int64_t y_dim, index_dim, src_dim;  // steps along dim
  StridedLoop<3> loop;                // the other axes: y, index, src
  int64_t y_step = loop.row_stride(0), index_step = loop.row_stride(1), src_step = loop.row_stride(2);

  [[noreturn]] void out_of_range(int64_t i) const { fail<IndexError>(op, "index ", i, " is out of range for size ", size); }
};

/// Sources of `width` neighbouring positions whose destinations lie in [low, high) along dim.
template <ScatterOp how, class T, class S>
void scatter_block(const Scatter& s, T* y, const int64_t* index, const S* src, int64_t width, int64_t low, int64_t high) {
  if (width == 1) {
    for (int64_t r = 0; r < s.count; ++r) {
      const int64_t i = index[r * s.index_dim];
      if (uint64_t(i) >= uint64_t(s.size)) s.out_of_range(i);
      if (i < low || i >= high) continue;
      y[i * s.y_dim] = combine<how>(y[i * s.y_dim], convert<T>(src[r * s.src_dim]));
    }
    return;
  }
  for (int64_t r = 0; r < s.count; ++r, index += s.index_dim, src += s.src_dim) {
    if (s.index_step == 0) {
      const int64_t i = *index;
      if (uint64_t(i) >= uint64_t(s.size)) s.out_of_range(i);
      if (i < low || i >= high) continue;
      T* to = y + i * s.y_dim;
      if (s.y_step == 1 && s.src_step == 1) {
#pragma GCC ivdep
        for (int64_t j = 0; j < width; ++j) to[j] = combine<how>(to[j], convert<T>(src[j]));
      } else {
        for (int64_t j = 0; j < width; ++j) to[j * s.y_step] = combine<how>(to[j * s.y_step], convert<T>(src[j * s.src_step]));
      }
    } else {
      for (int64_t j = 0; j < width; ++j) {
        const int64_t i = index[j * s.index_step];
        if (uint64_t(i) >= uint64_t(s.size)) s.out_of_range(i);
        if (i < low || i >= high) continue;
        T& to = y[j * s.y_step + i * s.y_dim];
        to = combine<how>(to, convert<T>(src[j * s.src_step]));
      }
    }
  }
}

// So few positions beside dim, and so many sources, that threads share out destinations. A single position is not worth it:
// skipping others' sources would cost as much as taking them.
constexpr int64_t kFewPositions = 128;
constexpr int64_t kManySources = 16384;

template <ScatterOp how, class T, class S>
void scatter_elements(const Scatter& s, T* y, const int64_t* index, const S* src) {
  const int64_t positions = s.loop.total;
  if (positions >= 8 && positions < kFewPositions && s.index_step == 0 && positions * s.count >= kManySources) {
    const int64_t ranges = std::min<int64_t>(num_threads(), s.size);
    parallel_for(ranges, 1, [&](int64_t begin, int64_t end) {
      const int64_t low = s.size * begin / ranges, high = s.size * end / ranges;
      s.loop.walk(0, positions, [&](const int64_t (&offset)[3], int64_t width) {
        scatter_block<how>(s, y + offset[0], index + offset[1], src + offset[2], width, low, high);
      });
    });
    return;
  }
  // A block of positions fits in L1; with one index for all of them it is worth a run of memory.
  const int64_t fitting = kPieceBytes / int64_t(sizeof(T)) / std::max<int64_t>(1, s.count);
  const int64_t block = std::max<int64_t>(fitting, s.index_step == 0 ? 64 : 1);
  parallel_for(positions, block, [&](int64_t begin, int64_t end) {
    s.loop.walk(begin, end, [&](const int64_t (&offset)[3], int64_t width) {
      for (int64_t j = 0; j < width; j += block)
        scatter_block<how>(s, y + offset[0] + j * s.y_step, index + offset[1] + j * s.index_step,
                           src + offset[2] + j * s.src_step, std::min(block, width - j), 0, s.size);
    });
  });
}

template <class T, class S>
void scatter_as(ScatterOp how, const Scatter& s, const View& y, const View& index, const View& src) {
  T* to = y.as<T>();
  const int64_t* at = index.as<const int64_t>();
  const S* from = src.as<const S>();
  switch (how) {
    case ScatterOp::Set:
      return scatter_elements<ScatterOp::Set>(s, to, at, from);
    case ScatterOp::Min:
      return scatter_elements<ScatterOp::Min>(s, to, at, from);
    case ScatterOp::Max:
      return scatter_elements<ScatterOp::Max>(s, to, at, from);
    default:
      if constexpr (!is_narrow_float_type<T>) {
        if (how == ScatterOp::Add)
          scatter_elements<ScatterOp::Add>(s, to, at, from);
        else
          scatter_elements<ScatterOp::Mul>(s, to, at, from);
      }
  }
}

Dims without(const Dims& d, int axis) {
  Dims rest;
  for (int i = 0; i < d.n; ++i)
    if (i != axis) rest.push_back(d.v[i]);
  return rest;
}

}  // namespace

void scatter_along(const char* op, const View& y, const View& index, const View& src, int dim, ScatterOp how) {
  if (src.numel() == 0) return;
  const bool sums = is_narrow_float(y.dtype) && (how == ScatterOp::Add || how == ScatterOp::Mul);
  const Scratch scratch(sums ? size_t(y.numel()) * sizeof(float) : 0);
  View target = y;
  if (sums) {
    target.data = scratch.as<void>();
    target.dtype = DType::Float32;
    target.strides = contiguous_strides(y.shape);
    copy_view(y, target);
  }
  const Scatter s{op,
                  y.size(dim),
                  src.size(dim),
                  target.stride(dim),
                  index.stride(dim),
                  src.stride(dim),
                  StridedLoop<3>(without(src.shape, dim),
                                 {without(target.strides, dim), without(index.strides, dim), without(src.strides, dim)})};
  if (sums) {
    if (src.dtype == DType::Float16)
      scatter_as<float, Half>(how, s, target, index, src);
    else
      scatter_as<float, BFloat16>(how, s, target, index, src);
    copy_view(target, y);
    return;
  }
  visit(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    scatter_as<T, T>(how, s, target, index, src);
  });
}

void CpuBackend::scatter(const View& y, const View& index, const View& src, int dim, ScatterOp op) {
  scatter_along("scatter", y, index, src, dim, op);
}

}  // namespace deepnet
