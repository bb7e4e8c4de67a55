// Convolutions and their gradients against plain loops in the stated order, bit for bit, on every set.
#include <algorithm>

#include "kernel_test.h"
#include "math/batch_group.h"

namespace deepnet {
namespace {

struct Case {
  int64_t n, c, o, groups;
  int64_t in[3], kernel[3], stride[3], padding[3], dilation[3];
};

const Case kCases[] = {
    {2, 3, 5, 1, {1, 9, 11}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {1, 70, 66, 1, {1, 6, 7}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},     // k of several blocks, two panels
    {3, 4, 6, 2, {1, 13, 10}, {1, 3, 2}, {1, 2, 3}, {0, 2, 1}, {1, 1, 2}},     // groups, strides, dilation
    {2, 3, 64, 1, {1, 21, 21}, {1, 7, 7}, {1, 2, 2}, {0, 3, 3}, {1, 1, 1}},    // the stem of a residual network
    {2, 40, 20, 1, {1, 12, 12}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},   // a product of matrices
    {2, 8, 20, 1, {1, 9, 9}, {1, 1, 1}, {1, 2, 2}, {0, 0, 0}, {1, 1, 1}},      // cells that no kernel cell reaches
    {9, 20, 10, 1, {1, 7, 7}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},     // groups of several samples
    {5, 30, 9, 1, {1, 4, 4}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {1, 1, 1}},      // few positions, strided
    {2, 130, 8, 1, {1, 6, 6}, {1, 4, 4}, {1, 2, 2}, {0, 1, 1}, {1, 1, 1}},     // what a transposed convolution does
    {2, 3, 4, 1, {1, 1, 900}, {1, 1, 9}, {1, 1, 2}, {0, 0, 4}, {1, 1, 3}},     // 1-d
    {2, 3, 4, 1, {6, 5, 7}, {3, 2, 3}, {2, 1, 1}, {1, 0, 2}, {1, 2, 1}},       // 3-d
    {2, 18, 18, 18, {1, 9, 10}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},   // depthwise
    {3, 18, 18, 18, {1, 11, 20}, {1, 3, 5}, {1, 2, 2}, {0, 1, 2}, {1, 1, 2}},  // depthwise, strided
    {10, 5, 5, 5, {1, 6, 6}, {1, 2, 2}, {1, 3, 3}, {0, 1, 1}, {1, 1, 1}},      // depthwise, cells without a kernel cell
    {2, 5, 10, 5, {1, 8, 8}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},      // two outputs a channel
    {1, 2, 3, 1, {1, 5, 5}, {1, 2, 2}, {1, 3, 3}, {0, 4, 4}, {1, 1, 1}},       // padding beyond the kernel
};

/// Adds products one by one in the order "product" (group 0) or "grouped".
template <class T>
class Sum {
 public:
  explicit Sum(int64_t group) : group_(group) {}
  void add(T a, T b) {
    if (in_block_ == 512) close_block();
    chain_ = std::fma(a, b, chain_);
    ++in_block_;
    if (++in_group_ == group_) close_group();
  }
  T total() {
    if (in_group_ > 0 || groups_.empty()) close_group();
    return tree(groups_);
  }

 private:
  void close_block() {
    sum_ = first_ ? chain_ : sum_ + chain_;
    first_ = false;
    chain_ = 0;
    in_block_ = 0;
  }
  void close_group() {
    close_block();
    groups_.push_back(sum_);
    first_ = true;
    in_group_ = 0;
  }
  int64_t group_, in_block_ = 0, in_group_ = 0;
  T chain_ = 0, sum_ = 0;
  bool first_ = true;
  std::vector<T> groups_;
};

template <class T>
struct Convolution {
  Case c;
  ConvGeometry g;
  Shape x_shape, w_shape, y_shape;
  std::vector<T> x, w, bias, dy;

  explicit Convolution(const Case& c_) : c(c_) {
    x_shape = {c.n, c.c, c.in[0], c.in[1], c.in[2]};
    w_shape = {c.o, c.c / c.groups, c.kernel[0], c.kernel[1], c.kernel[2]};
    y_shape = {c.n, c.o};
    g.groups = c.groups;
    for (int a = 0; a < 3; ++a) {
      g.stride[a] = c.stride[a];
      g.padding[a] = c.padding[a];
      g.dilation[a] = c.dilation[a];
      y_shape.push_back((c.in[a] + 2 * c.padding[a] - c.dilation[a] * (c.kernel[a] - 1) - 1) / c.stride[a] + 1);
    }
    x = normal<T>(numel(x_shape), 1);
    w = normal<T>(numel(w_shape), 2);
    bias = normal<T>(c.o, 3);
    dy = normal<T>(numel(y_shape), 4);
  }

  /// Calls f(x index, w index, y index) for every product, in the order of y, then (channel, kernel cell); x index -1 where
  /// the cell lies outside.
  template <class F>
  void each(F f) const {
    const int64_t in_group = c.c / c.groups, out_group = c.o / c.groups, cells = y_shape[2] * y_shape[3] * y_shape[4];
    const int64_t kernel = c.kernel[0] * c.kernel[1] * c.kernel[2];
    for (int64_t y = 0; y < numel(y_shape); ++y) {
      const int64_t n = y / (c.o * cells), o = y / cells % c.o, p = y % cells;
      const int64_t at[3] = {p / (y_shape[3] * y_shape[4]), p / y_shape[4] % y_shape[3], p % y_shape[4]};
      for (int64_t k = 0; k < in_group * kernel; ++k) {
        const int64_t cell = k % kernel;
        const int64_t tap[3] = {cell / (c.kernel[1] * c.kernel[2]), cell / c.kernel[2] % c.kernel[1], cell % c.kernel[2]};
        int64_t flat = n * c.c + o / out_group * in_group + k / kernel;
        bool inside = true;
        for (int a = 0; a < 3; ++a) {
          const int64_t i = at[a] * c.stride[a] - c.padding[a] + tap[a] * c.dilation[a];
          inside &= i >= 0 && i < c.in[a];
          flat = flat * c.in[a] + i;
        }
        f(inside ? flat : -1, o * in_group * kernel + k, y);
      }
    }
  }
};

template <class T>
std::vector<T> totals(std::vector<Sum<T>>& sums) {
  std::vector<T> values;
  for (Sum<T>& s : sums) values.push_back(s.total());
  return values;
}

template <class T>
void check(const Case& c) {
  const Convolution<T> conv(c);
  const std::string what = std::string(name(dtype_of<T>())) + " case " + std::to_string(&c - kCases);

  std::vector<Sum<T>> sums(conv.dy.size(), Sum<T>(0));
  conv.each([&](int64_t x, int64_t w, int64_t y) { sums[size_t(y)].add(x < 0 ? T(0) : conv.x[size_t(x)], conv.w[size_t(w)]); });
  std::vector<T> expected = totals(sums);
  const int64_t cells = numel(conv.y_shape) / (c.n * c.o);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += conv.bias[i / size_t(cells) % size_t(c.o)];
  EXPECT_EQ(same_everywhere([&](Backend& b) {
              std::vector<T> y(expected.size());
              b.conv_forward(view_of(conv.x, conv.x_shape), view_of(conv.w, conv.w_shape), view_of(conv.bias, {c.o}),
                             view_of(y, conv.y_shape), conv.g);
              return y;
            }),
            expected)
      << "forward, " << what;

  const int64_t group = batch_group(cells);
  sums.assign(conv.w.size(), Sum<T>(group));
  // Positions come sample by sample for each output channel, as each() walks them.
  conv.each(
      [&](int64_t x, int64_t w, int64_t y) { sums[size_t(w)].add(x < 0 ? T(0) : conv.x[size_t(x)], conv.dy[size_t(y)]); });
  EXPECT_EQ(same_everywhere([&](Backend& b) {
              std::vector<T> dw(conv.w.size());
              b.conv_weight_grad(view_of(conv.x, conv.x_shape), view_of(conv.dy, conv.y_shape), view_of(dw, conv.w_shape),
                                 conv.g);
              return dw;
            }),
            totals(sums))
      << "weight gradient, " << what;

  // Every input cell meets its products by (output channel, kernel cell); those that it does not meet count in blocks of 512.
  const int64_t kernel = c.kernel[0] * c.kernel[1] * c.kernel[2], in_group = c.c / c.groups, out_group = c.o / c.groups;
  const int64_t full = out_group * kernel;
  std::vector<std::vector<T>> met(conv.x.size(), std::vector<T>(size_t(full), T(0)));
  std::vector<std::vector<T>> by(conv.x.size(), std::vector<T>(size_t(full), T(0)));
  conv.each([&](int64_t x, int64_t w, int64_t y) {
    if (x < 0) return;
    const int64_t o = w / (in_group * kernel), k = o % out_group * kernel + w % kernel;
    met[size_t(x)][size_t(k)] = conv.dy[size_t(y)];
    by[size_t(x)][size_t(k)] = conv.w[size_t(w)];
  });
  std::vector<T> dx;
  for (size_t i = 0; i < conv.x.size(); ++i) {
    Sum<T> sum(0);
    for (size_t k = 0; k < size_t(full); ++k) sum.add(met[i][k], by[i][k]);
    dx.push_back(sum.total());
  }
  EXPECT_EQ(same_everywhere([&](Backend& b) {
              std::vector<T> r(conv.x.size());
              b.conv_input_grad(view_of(conv.dy, conv.y_shape), view_of(conv.w, conv.w_shape), View(), view_of(r, conv.x_shape),
                                conv.g);
              return r;
            }),
            dx)
      << "input gradient, " << what;
}

TEST(ConvTest, FollowsTheOrderInFloat32) {
  for (const Case& c : kCases) check<float>(c);
}
TEST(ConvTest, FollowsTheOrderInFloat64) {
  for (const Case& c : kCases) check<double>(c);
}

template <class T, class Round>
void check_narrow(Round round) {
  for (const Case& c : kCases) {
    Convolution<float> conv(c);
    std::vector<T> x, w;
    for (float& v : conv.x) x.push_back(round(v)), v = to_float(x.back());
    for (float& v : conv.w) w.push_back(round(v)), v = to_float(w.back());
    std::vector<Sum<float>> sums(conv.dy.size(), Sum<float>(0));
    conv.each(
        [&](int64_t i, int64_t k, int64_t y) { sums[size_t(y)].add(i < 0 ? 0.0f : conv.x[size_t(i)], conv.w[size_t(k)]); });
    std::vector<uint16_t> expected;
    for (float v : totals(sums)) expected.push_back(round(v).bits);
    EXPECT_EQ(same_everywhere([&](Backend& b) {
                std::vector<T> y(expected.size());
                b.conv_forward(view_of(x, conv.x_shape), view_of(w, conv.w_shape), View(), view_of(y, conv.y_shape), conv.g);
                std::vector<uint16_t> bits;
                for (T v : y) bits.push_back(v.bits);
                return bits;
              }),
              expected)
        << name(dtype_of<T>()) << " case " << &c - kCases;
  }
}

TEST(ConvTest, RoundsNarrowFloatsOnce) {
  check_narrow<BFloat16>([](float v) { return to_bfloat16(v); });
  check_narrow<Half>([](float v) { return to_half(v); });
}

}  // namespace
}  // namespace deepnet
