#include "kernel_test.h"

namespace deepnet {
namespace {

struct Moments {
  std::vector<double> mean, rstd;
};

/// Of groups of elements: group(i) says where element i of x belongs.
template <class Group>
Moments moments(const std::vector<float>& x, int64_t groups, double eps, bool centred, Group group) {
  std::vector<double> mean(size_t(groups), 0), squares(size_t(groups), 0), count(size_t(groups), 0);
  for (size_t i = 0; i < x.size(); ++i) {
    mean[size_t(group(i))] += x[i];
    count[size_t(group(i))] += 1;
  }
  for (size_t g = 0; g < mean.size(); ++g) mean[g] = centred ? mean[g] / count[g] : 0;
  for (size_t i = 0; i < x.size(); ++i) squares[size_t(group(i))] += std::pow(x[i] - mean[size_t(group(i))], 2);
  Moments m{mean, {}};
  for (size_t g = 0; g < mean.size(); ++g) m.rstd.push_back(1 / std::sqrt(squares[g] / count[g] + eps));
  return m;
}

TEST(LayerNormTest, MatchesTheFormulaOnEverySet) {
  for (int64_t rows : {3, 70, 600})
    for (int64_t n : {2, 31, 33, 100, 768, 1025})
      for (bool rms : {false, true}) {
        if (rows == 600 && n != 100) continue;
        const Shape shape = {rows, n};
        const auto x = normal<float>(rows * n, unsigned(n)), dy = normal<float>(rows * n, unsigned(n) + 1);
        const auto weight = normal<float>(n, 3), bias = normal<float>(n, 4);
        // y, mean, rstd, dx, dweight, dbias behind each other.
        const auto all = same_everywhere([&](Backend& b) {
          std::vector<float> result(size_t(2 * rows * n + 2 * rows + 2 * n));
          const auto part = [&](int64_t offset, Shape s) {
            View v = view_of(result, s);
            v.data = result.data() + offset;
            return v;
          };
          const View y = part(0, shape), mean = part(rows * n, {rows}), rstd = part(rows * (n + 1), {rows});
          const View dx = part(rows * (n + 2), shape), dweight = part(rows * (2 * n + 2), {n});
          const View dbias = part(rows * (2 * n + 2) + n, {n});
          b.layer_norm_forward(view_of(x, shape), view_of(weight, {n}), view_of(bias, {n}), y, mean, rstd, 1e-5, rms);
          b.layer_norm_backward(view_of(dy, shape), view_of(x, shape), view_of(weight, {n}), mean, rstd, dx, dweight, dbias,
                                rms, 0);
          return result;
        });
        Moments m = moments(x, rows, 1e-5, !rms, [&](size_t i) { return int64_t(i) / n; });
        std::vector<double> y, dx, dweight(size_t(n), 0), dbias(size_t(n), 0);
        for (int64_t r = 0; r < rows; ++r) {
          double c1 = 0, c2 = 0;
          const auto xhat = [&](int64_t c) { return (x[size_t(r * n + c)] - m.mean[size_t(r)]) * m.rstd[size_t(r)]; };
          for (int64_t c = 0; c < n; ++c) {
            const double g = dy[size_t(r * n + c)], w = weight[size_t(c)];
            y.push_back(xhat(c) * w + bias[size_t(c)]);
            c1 += rms ? 0 : g * w / double(n);
            c2 += g * w * xhat(c) / double(n);
            dweight[size_t(c)] += g * xhat(c);
            dbias[size_t(c)] += g;
          }
          for (int64_t c = 0; c < n; ++c)
            dx.push_back(m.rstd[size_t(r)] * (dy[size_t(r * n + c)] * weight[size_t(c)] - c1 - xhat(c) * c2));
        }
        std::vector<double> expected = y;
        for (const auto* part : {&m.mean, &m.rstd, &dx, &dweight, &dbias})
          expected.insert(expected.end(), part->begin(), part->end());
        if (n > 2) {  // two elements can lie so close that their difference is all rounding
          EXPECT_LT(distance(all, expected), 1e-5) << rows << " x " << n;
        }
        // The parameters' gradients are sums by columns.
        for (int64_t c = 0; c < n; ++c) {
          const float expected_dbias = sum_by_columns(&dy[size_t(c)], rows, n, 64);
          EXPECT_EQ(all[size_t(rows * (2 * n + 2) + n + c)], expected_dbias);
        }
      }
}

TEST(BatchNormTest, MatchesTheFormulaOnEverySet) {
  const int64_t sizes[][3] = {{130, 70, 1}, {5, 7, 9}, {33, 20, 49}, {4, 40, 100}, {6, 17, 1024}, {300, 5, 4}};
  for (const auto& [N, C, S] : sizes) {
    const Shape shape = {N, C, S};
    const int64_t count = N * C * S;
    const auto x = normal<float>(count, unsigned(S)), dy = normal<float>(count, unsigned(S) + 1);
    const auto weight = normal<float>(C, 3), bias = normal<float>(C, 4);
    const auto channel = [C = C, S = S](size_t i) { return int64_t(i) / S % C; };
    Moments m = moments(x, C, 0, true, channel);
    const std::vector<float> rstd(m.rstd.begin(), m.rstd.end());
    // y, dx, mean, variance, dweight, dbias behind each other.
    const auto all = same_everywhere([&, N = N, C = C, S = S](Backend& b) {
      std::vector<float> result(size_t(2 * count + 4 * C));
      const auto part = [&](int64_t offset, Shape s) {
        View v = view_of(result, s);
        v.data = result.data() + offset;
        return v;
      };
      const View y = part(0, shape), dx = part(count, shape), mean = part(2 * count, {C}), var = part(2 * count + C, {C});
      const View w = view_of(weight, {C}), r = view_of(rstd, {C});
      b.batch_norm_stats(view_of(x, shape), mean, var);
      b.batch_norm_apply(view_of(x, shape), mean, r, w, view_of(bias, {C}), y);
      b.batch_norm_backward(view_of(dy, shape), view_of(x, shape), mean, r, w, dx, part(2 * count + 2 * C, {C}),
                            part(2 * count + 3 * C, {C}), true);
      return result;
    });
    std::vector<double> c1(size_t(C), 0), c2(size_t(C), 0), y, dx, var;
    const auto xhat = [&](size_t i) { return (x[i] - m.mean[size_t(channel(i))]) * m.rstd[size_t(channel(i))]; };
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t c = size_t(channel(i));
      y.push_back(xhat(i) * weight[c] + bias[c]);
      c1[c] += dy[i];
      c2[c] += dy[i] * xhat(i);
    }
    const double total = double(N * S);
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t c = size_t(channel(i));
      dx.push_back(weight[c] * m.rstd[c] * (dy[i] - c1[c] / total - xhat(i) * c2[c] / total));
    }
    for (double r : m.rstd) var.push_back(1 / (r * r));
    std::vector<double> expected = y;
    for (const auto* part : {&dx, &m.mean, &var, &c2, &c1}) expected.insert(expected.end(), part->begin(), part->end());
    EXPECT_LT(distance(all, expected), 1e-5) << N << ' ' << C << ' ' << S;
    // The mean: sums by rows for each sample, samples in groups of 64 positions or more.
    for (int64_t c = 0; c < C; ++c) {
      std::vector<float> sums;
      for (int64_t n = 0; n < N; ++n) sums.push_back(sum_by_rows(&x[size_t((n * C + c) * S)], S));
      const int64_t group = S >= 64 ? 1 : (64 + S - 1) / S;
      EXPECT_EQ(all[size_t(2 * count + c)], sum_by_columns(sums.data(), N, 1, group) / float(N * S));
    }
  }
}

}  // namespace
}  // namespace deepnet
