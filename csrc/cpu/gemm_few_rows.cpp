// Products of few rows: vectors times matrices. Reading b is all that costs, so it is read once, in long runs, from where it
// lies; sums stay in the first cache or in registers.
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/float_vectors.h"
#include "cpu/gemm_product.h"
#include "cpu/gemm_transpose.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

constexpr int64_t kMostRows = 8;
constexpr int64_t kAhead = 128;  // numbers of a line to fetch ahead

// Columns [0, cols) of `rows` rows. a: rows of k numbers, lda apart; b (k, cols); sum and chain: rows of `width` numbers.
template <class T, class S>
struct FewRows {
  const T* a;
  int64_t lda;
  const S* b;
  int64_t ldb, k, cols;  // b(k, j) at k * ldb + j where rows lie whole, at j * ldb + k where columns do
  T *sum, *chain;
  int64_t width;
};

// b by rows: 16 rows at a time pass over the chains.
template <int rows, class T, class S>
void by_rows(const FewRows<T, S>& p) {
  using V = Vector<T>;
  constexpr int64_t L = V::lanes;
  for (int64_t k0 = 0; k0 < p.k; k0 += kBlock) {
    const int64_t k1 = smaller(k0 + kBlock, p.k);
    for (int64_t k = k0; k < k1; k += 16) {
      const int64_t steps = smaller(16, k1 - k);
      const bool closes = k + 16 >= k1;
      for (int64_t c = 0; c < p.cols; c += L) {
        const int64_t lanes = smaller(L, p.cols - c);
        V acc[rows];
#pragma GCC unroll 8
        for (int m = 0; m < rows; ++m) acc[m] = k == k0 ? V(T(0)) : V::load(p.chain + m * p.width + c);
        for (int64_t r = 0; r < steps; ++r) {
          const S* from = p.b + (k + r) * p.ldb + c;
          __builtin_prefetch(from + 16 * p.ldb);
          const V b = get(from, lanes);
#pragma GCC unroll 8
          for (int m = 0; m < rows; ++m) acc[m] = fma(V(p.a[m * p.lda + k + r]), b, acc[m]);
        }
#pragma GCC unroll 8
        for (int m = 0; m < rows; ++m) {
          if (!closes) {
            acc[m].store(p.chain + m * p.width + c);
          } else {
            T* to = p.sum + m * p.width + c;
            (k0 == 0 ? acc[m] : V::load(to) + acc[m]).store(to);
          }
        }
      }
    }
  }
}

// b by columns: squares of 16 columns by 16 k, turned in registers.
template <int rows, class S>
void by_columns(const FewRows<float, S>& p) {
  for (int64_t c = 0; c < p.cols; c += 16) {
    const int64_t lines = p.cols - c;
    const S* b = p.b + c * p.ldb;
    for (int64_t k0 = 0; k0 < p.k; k0 += kBlock) {
      const int64_t k1 = smaller(k0 + kBlock, p.k);
      F32 acc[rows];
#pragma GCC unroll 8
      for (int m = 0; m < rows; ++m) acc[m] = F32(0.0f);
      for (int64_t k = k0; k < k1; k += 16) {
        const int64_t steps = k1 - k;
        F32 turned[16];
        if (steps >= 16 && lines >= 16) {
          transpose16(
              [&](int l) {
                __builtin_prefetch(b + l * p.ldb + k + kAhead);
                return load_floats(b + l * p.ldb + k);
              },
              [&](int r, F32 v) { turned[r] = v; });
#pragma GCC unroll 16
          for (int r = 0; r < 16; ++r) {
#pragma GCC unroll 8
            for (int m = 0; m < rows; ++m) acc[m] = fma(F32(p.a[m * p.lda + k + r]), turned[r], acc[m]);
          }
        } else {
          const int64_t n = smaller(16, steps);
          transpose16([&](int l) { return l < lines ? get(b + l * p.ldb + k, n) : F32(0.0f); },
                      [&](int r, F32 v) { turned[r] = v; });
          for (int64_t r = 0; r < n; ++r) {
            for (int m = 0; m < rows; ++m) acc[m] = fma(F32(p.a[m * p.lda + k + r]), turned[r], acc[m]);
          }
        }
      }
#pragma GCC unroll 8
      for (int m = 0; m < rows; ++m) {
        float* to = p.sum + m * p.width + c;
        (k0 == 0 ? acc[m] : F32::load(to) + acc[m]).store(to);
      }
    }
  }
}

template <int rows, class T, class S>
DN_INLINE void run_rows(const FewRows<T, S>& p, bool columns) {
  if constexpr (sizeof(T) == 4) {
    if (columns) return by_columns<rows>(p);
  }
  by_rows<rows>(p);
}

template <class T, class S>
void run(const FewRows<T, S>& p, int64_t rows, bool columns) {
  switch (rows) {
    case 1:
      return run_rows<1>(p, columns);
    case 2:
      return run_rows<2>(p, columns);
    case 3:
      return run_rows<3>(p, columns);
    case 4:
      return run_rows<4>(p, columns);
    case 5:
      return run_rows<5>(p, columns);
    case 6:
      return run_rows<6>(p, columns);
    case 7:
      return run_rows<7>(p, columns);
    default:
      return run_rows<8>(p, columns);
  }
}

template <class T, class S>
void multiply(const Product& p, bool columns) {
  constexpr int64_t L = kLanes<T>;
  const int64_t k = p.plan.k, work = p.m * p.n * k;
  const bool in_place = p.a.dtype == dtype_of<T>() && p.a.col == 1;
  const int64_t lda = in_place ? p.a.row : k;
  const Scratch rows{in_place ? kAlignment : size_t(p.batch * p.m * k) * sizeof(T)};
  if (!in_place) {
    for (int64_t b = 0; b < p.batch; ++b) {
      read_matrix(p.a.dtype, p.a.at(b, 0, 0), p.a.row, p.a.col, p.m, k, rows.as<T>() + b * p.m * k, k, k);
    }
  }
  // Long runs of b's rows, but chains that fit the first cache; and work for every thread.
  const int64_t most = columns ? 512 : larger(64, 4096 / p.m);
  const int64_t share = ceil_div(p.n * p.batch, num_threads() * (columns ? 8 : 2));
  const int64_t chunk = ceil_div(larger(L, smaller(most, smaller(p.n, larger(share, 64)))), L) * L;
  const int64_t chunks = ceil_div(p.n, chunk);
  parallel_for(p.batch * chunks, larger(1, (1 << 15) * p.batch * chunks / work), [&](int64_t begin, int64_t end) {
    const Scratch memory{size_t(2 * p.m * chunk) * sizeof(T)};
    for (int64_t w = begin; w < end; ++w) {
      const int64_t batch = w / chunks, j = w % chunks * chunk, cols = smaller(chunk, p.n - j);
      T *sum = memory.as<T>(), *other = sum + p.m * chunk;
      const T* a = in_place ? static_cast<const T*>(p.a.at(batch, 0, 0)) : rows.as<T>() + batch * p.m * k;
      run(FewRows<T, S>{a, lda, static_cast<const S*>(p.b.at(batch, 0, j)), columns ? p.b.col : p.b.row, k, cols, sum, other,
                        chunk},
          p.m, columns);
      if (p.bias.data) {
        read_matrix(p.bias.dtype, p.bias.at(batch, 0, j), p.bias.row, p.bias.col, p.m, cols, other, chunk, chunk);
        for (int64_t i = 0; i < p.m * chunk; i += L) (Vector<T>::load(sum + i) + Vector<T>::load(other + i)).store(sum + i);
      }
      write_matrix(sum, chunk, p.m, cols, p.y.dtype, const_cast<void*>(p.y.at(batch, 0, j)), p.y.row, p.y.col);
    }
  });
}

}  // namespace

bool multiply_few_rows(const Product& p) {
  if (p.m > kMostRows || p.plan.groups() > 1) return false;
  const bool rows = p.b.col == 1, columns = p.b.row == 1 && p.b.dtype != DType::Float64;
  if (!rows && !columns) return false;
  switch (p.b.dtype) {
    case DType::Float64:
      multiply<double, double>(p, false);
      break;
    case DType::Float32:
      multiply<float, float>(p, !rows);
      break;
    case DType::BFloat16:
      multiply<float, BFloat16>(p, !rows);
      break;
    default:
      multiply<float, Half>(p, !rows);
  }
  return true;
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
