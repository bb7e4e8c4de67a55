#include <algorithm>
#include <limits>

#include "kernel_test.h"

namespace deepnet {
namespace {

template <class T>
std::vector<T> reduce(Backend& b, ReduceOp op, const View& x, int64_t group = 0) {
  std::vector<T> y(static_cast<size_t>(x.size(0) * x.size(2)), T(77));
  b.reduce(op, x, view_of(y, {x.size(0), x.size(2)}), group);
  return y;
}

template <class T>
void check_rows() {
  for (int64_t n : {1, 2, 3, 31, 32, 33, 1023, 1024, 1025, 5000, 40000}) {
    const int64_t rows = n > 2000 ? 2 : 11;
    const std::vector<T> x = normal<T>(rows * n, unsigned(n));
    // The same numbers row after row, and side by side.
    std::vector<T> turned(x.size());
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < n; ++i) turned[size_t(i * rows + r)] = x[size_t(r * n + i)];
    View across = view_of(turned, {rows, n, 1});
    across.strides = {1, rows, 1};
    std::vector<T> expected;
    for (int64_t r = 0; r < rows; ++r) expected.push_back(sum_by_rows(&x[size_t(r * n)], n));
    EXPECT_EQ(same_everywhere([&](Backend& b) { return reduce<T>(b, ReduceOp::Sum, view_of(x, {rows, n, 1})); }), expected)
        << n;
    EXPECT_EQ(same_everywhere([&](Backend& b) { return reduce<T>(b, ReduceOp::Sum, across); }), expected) << n;
  }
}

TEST(ReduceTest, SumsRowsInTheirOrder) {
  check_rows<float>();
  check_rows<double>();
}

template <class T>
void check_columns() {
  for (int64_t n : {1, 3, 64, 65, 200, 3000})
    for (int64_t width : {2, 17, 600})
      for (int64_t group : {0, 3, 100}) {
        if (n == 3000 && width == 600) continue;
        const std::vector<T> x = normal<T>(2 * n * width, unsigned(n + width));
        std::vector<T> expected;
        for (int64_t a = 0; a < 2; ++a)
          for (int64_t c = 0; c < width; ++c)
            expected.push_back(sum_by_columns(&x[size_t(a * n * width + c)], n, width, group ? group : 64));
        const auto sums =
            same_everywhere([&](Backend& b) { return reduce<T>(b, ReduceOp::Sum, view_of(x, {2, n, width}), group); });
        EXPECT_EQ(sums, expected) << n << " x " << width << " by " << group;
      }
}

TEST(ReduceTest, SumsColumnsInTheirOrder) {
  check_columns<float>();
  check_columns<double>();
}

TEST(ReduceTest, ReadsAnyStrides) {
  const int64_t n = 300, width = 70;
  const std::vector<float> x = normal<float>(2 * 3 * n * width, 1);
  View strided = view_of(x, {n, width, 1});
  strided.strides = {3 * width, 2, 1};  // elements of every third row, every second of those
  strided.shape = {n, width / 2, 1};
  std::vector<float> expected;
  for (int64_t r = 0; r < n; ++r) expected.push_back(sum_by_rows(&x[size_t(r * 3 * width)], width / 2, 2));
  EXPECT_EQ(same_everywhere([&](Backend& b) { return reduce<float>(b, ReduceOp::Sum, strided); }), expected);

  View backwards = view_of(x, {1, n, width});
  backwards.data = const_cast<float*>(x.data()) + (n - 1) * width;
  backwards.strides = {1, -width, 1};
  std::vector<float> flipped;
  for (int64_t c = 0; c < width; ++c) flipped.push_back(sum_by_columns(&x[size_t((n - 1) * width + c)], n, -width, 64));
  EXPECT_EQ(same_everywhere([&](Backend& b) { return reduce<float>(b, ReduceOp::Sum, backwards); }), flipped);
}

TEST(ReduceTest, NanWinsAndNothingGivesTheIdentity) {
  std::vector<float> x = normal<float>(5 * 100, 2);
  x[257] = std::numeric_limits<float>::quiet_NaN();
  for (ReduceOp op : {ReduceOp::Min, ReduceOp::Max}) {
    const auto y = same_everywhere([&](Backend& b) {
      auto extremes = reduce<float>(b, op, view_of(x, {5, 100, 1}));
      EXPECT_TRUE(std::isnan(extremes[2]));
      extremes[2] = 0;
      return extremes;
    });
    const float first =
        op == ReduceOp::Min ? *std::min_element(x.begin(), x.begin() + 100) : *std::max_element(x.begin(), x.begin() + 100);
    EXPECT_EQ(y[0], first);
  }
  const View empty = view_of(x, {3, 0, 2});
  EXPECT_EQ(reduce<float>(active_cpu_backend(), ReduceOp::Sum, empty), std::vector<float>(6, 0.0f));
  EXPECT_EQ(reduce<float>(active_cpu_backend(), ReduceOp::Prod, empty), std::vector<float>(6, 1.0f));
}

TEST(ReduceTest, SumsIntegersInInt64) {
  std::vector<uint8_t> x(300000, 255);
  std::vector<int64_t> y(1);
  active_cpu_backend().reduce(ReduceOp::Sum, view_of(x, {1, 300000, 1}), view_of(y, {1, 1}), 0);
  EXPECT_EQ(y[0], int64_t(255) * 300000);
  std::vector<float> z = {0, 0, NAN, 0, -0.0f, 0};
  std::vector<uint8_t> truth(2);
  View flags = view_of(truth, {2, 1});
  flags.dtype = DType::Bool;
  active_cpu_backend().reduce(ReduceOp::Any, view_of(z, {2, 3, 1}), flags, 0);
  EXPECT_EQ(truth, (std::vector<uint8_t>{1, 0}));
}

}  // namespace
}  // namespace deepnet
