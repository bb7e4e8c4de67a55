#include <string>

#include "core/error.h"
#include "kernel_test.h"

namespace deepnet {
namespace {

constexpr int64_t kWidths[] = {1, 3, 16, 31, 33, 1000, 1023, 1025, 3000};

/// log of the sum of exponentials of each row.
std::vector<double> log_sums(const std::vector<float>& x, int64_t rows, int64_t n) {
  std::vector<double> sums;
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64_t c = 0; c < n; ++c) sum += std::exp(double(x[size_t(r * n + c)]));
    sums.push_back(std::log(sum));
  }
  return sums;
}

TEST(SoftmaxTest, MatchesTheFormulaOnEverySet) {
  const int64_t rows = 5;
  for (int64_t n : kWidths)
    for (bool log : {false, true}) {
      const Shape shape = {rows, n};
      const auto x = normal<float>(rows * n, unsigned(n), 3), dy = normal<float>(rows * n, unsigned(n) + 1);
      const auto y = same_everywhere([&](Backend& b) {
        std::vector<float> result(x.size());
        b.softmax_forward(view_of(x, shape), view_of(result, shape), log);
        return result;
      });
      const auto dx = same_everywhere([&](Backend& b) {
        std::vector<float> result(x.size());
        b.softmax_backward(view_of(y, shape), view_of(dy, shape), view_of(result, shape), log);
        return result;
      });
      const std::vector<double> sums = log_sums(x, rows, n);
      std::vector<double> expected_y, expected_dx;
      for (int64_t r = 0; r < rows; ++r) {
        double total = 0;
        for (int64_t c = r * n; c < (r + 1) * n; ++c) {
          const double l = x[size_t(c)] - sums[size_t(r)];
          expected_y.push_back(log ? l : std::exp(l));
          total += log ? dy[size_t(c)] : std::exp(l) * dy[size_t(c)];
        }
        for (int64_t c = r * n; c < (r + 1) * n; ++c) {
          const double p = std::exp(x[size_t(c)] - sums[size_t(r)]);
          expected_dx.push_back(log ? dy[size_t(c)] - p * total : p * (dy[size_t(c)] - total));
        }
      }
      EXPECT_LT(distance(y, expected_y), 1e-6) << n;
      EXPECT_LT(distance(dx, expected_dx), 1e-5) << n;
    }
}

TEST(CrossEntropyTest, MatchesTheFormulaOnEverySet) {
  const int64_t rows = 6, ignored = -100;
  for (int64_t n : kWidths) {
    const auto x = normal<float>(rows * n, unsigned(n), 2), dloss = normal<float>(rows, 7);
    std::vector<int64_t> target;
    for (int64_t r = 0; r < rows; ++r) target.push_back(r == 2 ? ignored : (r * 7) % n);
    // The losses, then the log-sums, then the gradient.
    const auto all = same_everywhere([&](Backend& b) {
      std::vector<float> result(size_t(2 * rows + rows * n));
      View loss = view_of(result, {rows}), lse = loss, dx = view_of(result, {rows, n});
      lse.data = result.data() + rows;
      dx.data = result.data() + 2 * rows;
      b.cross_entropy_forward(view_of(x, {rows, n}), view_of(target, {rows}), loss, lse, ignored);
      b.cross_entropy_backward(view_of(x, {rows, n}), view_of(target, {rows}), lse, view_of(dloss, {rows}), dx, ignored);
      return result;
    });
    const std::vector<double> sums = log_sums(x, rows, n);
    std::vector<double> expected;
    for (int64_t r = 0; r < rows; ++r) expected.push_back(r == 2 ? 0 : sums[size_t(r)] - x[size_t(r * n + target[size_t(r)])]);
    expected.insert(expected.end(), sums.begin(), sums.end());
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < n; ++c) {
        const double p = std::exp(x[size_t(r * n + c)] - sums[size_t(r)]);
        expected.push_back(r == 2 ? 0 : (p - (c == target[size_t(r)])) * dloss[size_t(r)]);
      }
    EXPECT_LT(distance(all, expected), 1e-6) << n;
  }
}

TEST(CrossEntropyTest, RefusesTargetsOutOfRange) {
  const auto x = normal<float>(3 * 10, 1);
  const std::vector<int64_t> target = {0, 12, 3};
  std::vector<float> loss(3), lse(3);
  try {
    active_cpu_backend().cross_entropy_forward(view_of(x, {3, 10}), view_of(target, {3}), view_of(loss, {3}), view_of(lse, {3}),
                                               -100);
    FAIL() << "no error";
  } catch (const IndexError& error) {
    EXPECT_EQ(std::string(error.what()), "cross_entropy: target 12 is out of range for 10 classes");
  }
}

}  // namespace
}  // namespace deepnet
