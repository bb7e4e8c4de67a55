#include <limits>

#include "kernel_test.h"

namespace deepnet {
namespace {

struct Sizes {
  int64_t B, T, S, D, E;
};

/// out, dq, dk, dv in double precision.
std::vector<double> reference(const Sizes& z, const std::vector<float>& q, const std::vector<float>& k,
                              const std::vector<float>& v, const std::vector<float>& mask, const std::vector<float>& dout,
                              double scale, bool causal) {
  std::vector<double> out(size_t(z.B * z.T * z.E)), dq(q.size()), dk(k.size()), dv(v.size()), p(size_t(z.S)), dp(size_t(z.S));
  for (int64_t b = 0; b < z.B; ++b)
    for (int64_t t = 0; t < z.T; ++t) {
      const float *row = &q[size_t((b * z.T + t) * z.D)], *dy = &dout[size_t((b * z.T + t) * z.E)];
      double sum = 0, delta = 0;
      for (int64_t s = 0; s < z.S; ++s) {
        double dot = 0;
        for (int64_t d = 0; d < z.D; ++d) dot += double(row[d]) * k[size_t((b * z.S + s) * z.D + d)];
        dot = dot * scale + (mask.empty() ? 0 : mask[size_t((b * z.T + t) * z.S + s)]);
        p[size_t(s)] = causal && s > t ? 0 : std::exp(dot);
        sum += p[size_t(s)];
      }
      for (int64_t s = 0; s < z.S; ++s) {
        p[size_t(s)] = sum > 0 ? p[size_t(s)] / sum : 0;
        dp[size_t(s)] = 0;
        for (int64_t e = 0; e < z.E; ++e) {
          const double x = v[size_t((b * z.S + s) * z.E + e)];
          out[size_t((b * z.T + t) * z.E + e)] += p[size_t(s)] * x;
          dp[size_t(s)] += dy[e] * x;
          dv[size_t((b * z.S + s) * z.E + e)] += p[size_t(s)] * dy[e];
        }
        delta += p[size_t(s)] * dp[size_t(s)];
      }
      for (int64_t s = 0; s < z.S; ++s)
        for (int64_t d = 0; d < z.D; ++d) {
          const double ds = p[size_t(s)] * (dp[size_t(s)] - delta) * scale;
          dq[size_t((b * z.T + t) * z.D + d)] += ds * k[size_t((b * z.S + s) * z.D + d)];
          dk[size_t((b * z.S + s) * z.D + d)] += ds * row[d];
        }
    }
  for (const auto* part : {&dq, &dk, &dv}) out.insert(out.end(), part->begin(), part->end());
  return out;
}

/// The same from the kernels, with the same bits everywhere.
std::vector<float> attention(const Sizes& z, const std::vector<float>& q, const std::vector<float>& k,
                             const std::vector<float>& v, const std::vector<float>& mask, const std::vector<float>& dout,
                             double scale, bool causal) {
  return same_everywhere([&](Backend& b) {
    std::vector<float> result(dout.size() + q.size() + k.size() + v.size()), sums(size_t(z.B * z.T));
    const auto part = [&](size_t offset, Shape s) {
      View w = view_of(result, s);
      w.data = result.data() + offset;
      return w;
    };
    const Shape of_q = {z.B, z.T, z.D}, of_k = {z.B, z.S, z.D}, of_v = {z.B, z.S, z.E}, of_out = {z.B, z.T, z.E};
    const View vq = view_of(q, of_q), vk = view_of(k, of_k), vv = view_of(v, of_v), lse = view_of(sums, {z.B, z.T});
    const View vmask = mask.empty() ? View() : view_of(mask, {z.B, z.T, z.S}), out = part(0, of_out);
    const size_t at = dout.size();
    b.attention_forward(vq, vk, vv, vmask, out, lse, scale, causal);
    b.attention_backward(vq, vk, vv, vmask, out, lse, view_of(dout, of_out), part(at, of_q), part(at + q.size(), of_k),
                         part(at + q.size() + k.size(), of_v), scale, causal);
    return result;
  });
}

TEST(AttentionTest, MatchesTheFormulaOnEverySet) {
  // Few and many batches: the backward then takes its tiles one by one, or a batch at a time.
  for (const Sizes& z : {Sizes{1, 1, 1, 1, 1}, Sizes{2, 3, 5, 4, 6}, Sizes{1, 64, 64, 64, 64}, Sizes{2, 65, 63, 16, 32},
                         Sizes{3, 130, 70, 33, 17}, Sizes{12, 70, 150, 20, 16}, Sizes{2, 8, 200, 64, 64}})
    for (bool causal : {false, true})
      for (bool masked : {false, true}) {
        const auto q = normal<float>(z.B * z.T * z.D, 1), k = normal<float>(z.B * z.S * z.D, 2);
        const auto v = normal<float>(z.B * z.S * z.E, 3), dout = normal<float>(z.B * z.T * z.E, 4);
        std::vector<float> mask = normal<float>(masked ? z.B * z.T * z.S : 0, 5);
        for (size_t i = 0; i < mask.size(); ++i)  // hidden keys, and every third query sees nothing
          if (i % 5 == 0 || i / size_t(z.S) % 3 == 1) mask[i] = -std::numeric_limits<float>::infinity();
        const auto got = attention(z, q, k, v, mask, dout, 0.25, causal);
        EXPECT_LT(distance(got, reference(z, q, k, v, mask, dout, 0.25, causal)), 1e-5)
            << z.B << ' ' << z.T << ' ' << z.S << ' ' << z.D << ' ' << z.E << (causal ? " causal" : "")
            << (masked ? " masked" : "");
      }
}

TEST(AttentionTest, RowDoesNotDependOnItsBatch) {
  const Sizes z{3, 100, 90, 24, 24}, one{1, 100, 90, 24, 24};
  const auto q = normal<float>(z.B * z.T * z.D, 1), k = normal<float>(z.B * z.S * z.D, 2);
  const auto v = normal<float>(z.B * z.S * z.E, 3), dout = normal<float>(z.B * z.T * z.E, 4);
  const auto last = [](const std::vector<float>& x) { return std::vector<float>(x.end() - int64_t(x.size() / 3), x.end()); };
  const auto all = attention(z, q, k, v, {}, dout, 0.2, true);
  const auto alone = attention(one, last(q), last(k), last(v), {}, last(dout), 0.2, true);
  size_t from = 0, from_alone = 0;
  for (size_t size : {dout.size(), q.size(), k.size(), v.size()}) {
    EXPECT_EQ(memcmp(&all[from + size / 3 * 2], &alone[from_alone], size / 3 * sizeof(float)), 0);
    from += size;
    from_alone += size / 3;
  }
}

}  // namespace
}  // namespace deepnet
