// Products against a scalar chain of fused multiply-adds, bit for bit, on every set: odd sizes, strides, groups, dtypes.
#include <algorithm>

#include "kernel_test.h"

namespace deepnet {
namespace {

/// A (batch, rows, cols) operand in one of the ways that operands lie in memory.
template <class T>
struct Operand {
  std::vector<T> values;
  View view;

  Operand(int64_t batch, int64_t rows, int64_t cols, char layout, unsigned seed) {
    int64_t b = rows * cols, r = cols, c = 1;
    if (layout == 't') r = 1, c = rows;                            // transposed
    if (layout == 'g') c = 3, r = 3 * cols + 5, b = rows * r + 7;  // gaps between all
    if (layout == 'p') r = cols + 3, b = rows * r;                 // padded rows
    if (layout == '1') b = 0;                                      // one matrix for every batch
    if (layout == 'v') b = r = 0;                                  // one row for every row
    const int64_t size = b * (batch - 1) + r * (rows - 1) + c * (cols - 1) + 1;
    for (double x : normal<double>(size, seed)) values.push_back(number(x));
    view = view_of(values, {batch, rows, cols});
    view.strides = {b, r, c};
  }
  static T number(double x) {
    if constexpr (std::is_same_v<T, Half>) {
      return to_half(float(x));
    } else if constexpr (std::is_same_v<T, BFloat16>) {
      return to_bfloat16(float(x));
    } else {
      return T(x);
    }
  }
  auto at(int64_t b, int64_t i, int64_t j) const {
    const T x = values[size_t(b * view.stride(0) + i * view.stride(1) + j * view.stride(2))];
    if constexpr (sizeof(T) == 2) {
      return to_float(x);
    } else {
      return x;
    }
  }
};

/// The order "product" over k0 to k1.
template <class A, class B>
auto product(const A& a, const B& b, int64_t batch, int64_t i, int64_t j, int64_t k0, int64_t k1) {
  decltype(a.at(0, 0, 0)) sum = 0;
  for (int64_t block = k0; block < k1; block += 512) {
    decltype(sum) chain = 0;
    for (int64_t k = block; k < std::min(block + 512, k1); ++k) chain = std::fma(a.at(batch, i, k), b.at(batch, k, j), chain);
    sum = block == k0 ? chain : sum + chain;
  }
  return sum;
}

struct Case {
  int64_t batch, m, n, k, group;
  char a, b, y;
  char bias;  // ' ' for none
};

template <class T>
void check(const Case& c) {
  const Operand<T> a(c.batch, c.m, c.k, c.a, 1), b(c.batch, c.k, c.n, c.b, 2);
  const Operand<T> bias(c.batch, c.m, c.n, c.bias == ' ' ? 'c' : c.bias, 3);
  const Operand<T> blank(c.batch, c.m, c.n, c.y, 4);
  std::vector<T> expected = blank.values;
  for (int64_t q = 0; q < c.batch; ++q)
    for (int64_t i = 0; i < c.m; ++i)
      for (int64_t j = 0; j < c.n; ++j) {
        std::vector<decltype(a.at(0, 0, 0))> groups;
        const int64_t group = c.group ? c.group : c.k;
        for (int64_t k = 0; k < c.k; k += group) groups.push_back(product(a, b, q, i, j, k, std::min(k + group, c.k)));
        auto sum = tree(groups);
        if (c.bias != ' ') sum += bias.at(q, i, j);
        const View& v = blank.view;
        expected[size_t(q * v.stride(0) + i * v.stride(1) + j * v.stride(2))] = Operand<T>::number(sum);
      }
  const auto result = same_everywhere([&](Backend& backend) {
    std::vector<T> y = blank.values;
    View v = blank.view;
    v.data = y.data();
    backend.matmul(a.view, b.view, c.bias == ' ' ? View() : bias.view, v, c.group);
    return y;
  });
  EXPECT_TRUE(memcmp(result.data(), expected.data(), expected.size() * sizeof(T)) == 0)
      << name(dtype_of<T>()) << " batch " << c.batch << " m " << c.m << " n " << c.n << " k " << c.k << " group " << c.group
      << " layouts " << c.a << c.b << c.y << c.bias;
}

const Case kCases[] = {
    {1, 1, 1, 1, 0, 'c', 'c', 'c', ' '},        {1, 7, 16, 3, 0, 'c', 'c', 'c', 'v'},
    {1, 13, 65, 70, 0, 'c', 'c', 'c', 'c'},     {2, 64, 64, 64, 0, 'c', 'c', 'c', ' '},
    {1, 33, 100, 513, 0, 'c', 'c', 'c', ' '},   {1, 20, 129, 1100, 0, 'c', 'c', 'c', 'v'},
    {1, 9, 48, 2100, 0, 'p', 'p', 'p', ' '},    {1, 40, 70, 90, 0, 't', 'c', 'c', 'c'},
    {1, 6, 70, 90, 0, 'c', 't', 'c', 'v'},      {1, 70, 6, 90, 0, 'c', 't', 'c', 'v'},
    {1, 70, 80, 90, 0, 't', 't', 'c', 'g'},     {1, 30, 31, 90, 0, 'c', 'c', 't', 'c'},
    {3, 11, 12, 13, 0, 'g', 'g', 'g', 'g'},     {3, 20, 17, 30, 0, '1', 'c', 'c', ' '},
    {3, 20, 17, 30, 0, 'c', '1', 'c', '1'},     {1, 1, 200, 700, 0, 'c', 'c', 'c', 'c'},
    {1, 1, 200, 700, 0, 'c', 't', 'c', 'c'},    {1, 3, 201, 600, 0, 'c', 't', 'c', ' '},
    {1, 8, 97, 1500, 0, 'c', 't', 'c', ' '},    {1, 5, 131, 520, 0, 'c', 'c', 'c', ' '},
    {1, 200, 1, 300, 0, 'c', 'c', 'c', ' '},    {1, 12, 30, 64, 64, 't', 'c', 'c', ' '},
    {1, 12, 30, 65, 64, 't', 'c', 'c', ' '},    {1, 33, 70, 448, 64, 't', 'c', 'c', 'v'},
    {1, 20, 70, 1500, 64, 't', 'c', 'c', ' '},  {1, 20, 20, 3000, 784, 'c', 'c', 'c', ' '},
    {1, 20, 20, 3000, 100, 'c', 't', 't', ' '}, {1, 5, 40, 37, 1, 'c', 'c', 'c', 'c'},
    {1, 9, 17, 5000, 1600, 'c', 'c', 'g', 'c'}, {2, 16, 16, 2500, 7, 't', 'c', 'c', ' '},
};

TEST(GemmTest, FollowsTheOrderInFloat32) {
  for (const Case& c : kCases) check<float>(c);
}
TEST(GemmTest, FollowsTheOrderInFloat64) {
  for (const Case& c : kCases) check<double>(c);
}
TEST(GemmTest, RoundsNarrowFloatsOnce) {
  for (const Case& c : kCases) {
    check<BFloat16>(c);
    check<Half>(c);
  }
}

TEST(GemmTest, OfNothingIsTheBias) {
  const std::vector<float> bias = normal<float>(6, 5);
  std::vector<float> none(1);
  const auto y = same_everywhere([&](Backend& b) {
    std::vector<float> r(6, 7.0f);
    b.matmul(view_of(none, {1, 2, 0}), view_of(none, {1, 0, 3}), view_of(bias, {1, 2, 3}), view_of(r, {1, 2, 3}), 0);
    return r;
  });
  EXPECT_EQ(y, bias);
}

TEST(GemmTest, IntegersWrap) {
  const std::vector<int8_t> a = {100, 100, 3, -4}, b = {2, 1, 2, 5};
  const auto y = same_everywhere([&](Backend& backend) {
    std::vector<int8_t> r(4);
    backend.matmul(view_of(a, {1, 2, 2}), view_of(b, {1, 2, 2}), View(), view_of(r, {1, 2, 2}), 0);
    return r;
  });
  EXPECT_EQ(y, (std::vector<int8_t>{int8_t(400 - 512), int8_t(600 - 512), -2, -17}));
}

/// A row's result does not depend on its batch.
TEST(GemmTest, RowsStandAlone) {
  const int64_t m = 37, n = 150, k = 1300;
  const std::vector<float> a = normal<float>(m * k, 1), b = normal<float>(k * n, 2);
  same_everywhere([&](Backend& backend) {
    std::vector<float> all(size_t(m * n)), one(size_t(m * n));
    backend.matmul(view_of(a, {1, m, k}), view_of(b, {1, k, n}), View(), view_of(all, {1, m, n}), 0);
    for (int64_t i = 0; i < m; ++i) {
      View row = view_of(a, {1, 1, k}), y = view_of(one, {1, 1, n});
      row.data = const_cast<float*>(a.data()) + i * k;
      y.data = one.data() + i * n;
      backend.matmul(row, view_of(b, {1, k, n}), View(), y, 0);
    }
    EXPECT_EQ(all, one);
    return all;
  });
}

}  // namespace
}  // namespace deepnet
