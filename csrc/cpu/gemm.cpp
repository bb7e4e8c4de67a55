// Matrix products. y = a b + bias is cut into panels of columns and chunks of rows; each pair is one piece of work that packs
// its own part of b, so that threads never wait for each other.
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/gemm_product.h"
#include "cpu/isa_backend.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

constexpr int64_t kWorthThreads = 1 << 16;  // multiplications below which another thread costs more than it brings

// The rows of a, as the tiles read them: in place where they are T and lie well, else a copy.
template <class T>
bool reads_in_place(const Product& p) {
  if (p.a.dtype != dtype_of<T>()) return false;
  return p.a.col == 1 || p.m == 1 || p.plan.k * p.m <= 4096;
}

template <class T>
void copy_rows(const Product& p, T* to, int64_t ld) {
  const int64_t batches = p.a.batch == 0 ? 1 : p.batch;
  const int64_t rows = 16;
  parallel_for(batches * ceil_div(p.m, rows), larger(1, (1 << 15) / (rows * p.plan.k)), [&](int64_t begin, int64_t end) {
    for (int64_t w = begin; w < end; ++w) {
      const int64_t batch = w / ceil_div(p.m, rows), i = w % ceil_div(p.m, rows) * rows;
      read_matrix(p.a.dtype, p.a.at(batch, i, 0), p.a.row, p.a.col, smaller(rows, p.m - i), p.plan.k,
                  to + (batch * p.m + i) * ld, ld, p.plan.k);
    }
  });
}

// One panel of columns by one chunk of rows.
template <class T>
void multiply_piece(const Product& p, const T* a, int64_t a_row, int64_t a_col, int64_t batch, int64_t i, int64_t rows,
                    int64_t j, int64_t n, const void* next) {
  constexpr int64_t L = kLanes<T>, W = kTileWidth<T>;
  const int64_t width = ceil_div(n, L) * L;
  const bool direct_y = p.y.dtype == dtype_of<T>() && (p.y.col == 1 || n == 1);
  const bool b_rows = p.b.dtype == dtype_of<T>() && p.b.col == 1 && n % L == 0;  // whole vectors in place
  const int64_t tiles = ceil_div(rows, tile_rows(int(smaller(W, width) / L)));
  const bool pack_on_the_way = b_rows && tiles > 2;
  const bool bias_direct = !p.bias.data || (p.bias.dtype == dtype_of<T>() && (p.bias.col == 0 || p.bias.col == 1));

  const int64_t longest = p.plan.span < p.plan.k ? p.plan.span : p.plan.k;
  const int64_t pack_size = b_rows && !pack_on_the_way ? 0 : longest * width;
  const int64_t y_size = direct_y ? 0 : rows * width, bias_size = bias_direct ? 0 : rows * width;
  const int64_t levels = level_memory<T>(p.plan, rows);
  const Scratch scratch{size_t(pack_size + y_size + bias_size + levels) * sizeof(T) + kAlignment};
  T* pack = scratch.as<T>();
  T* y_buffer = pack + pack_size;
  T* bias_buffer = y_buffer + y_size;

  Block<T> block;
  block.rows = rows;
  block.n = n;
  block.y = direct_y ? static_cast<T*>(const_cast<void*>(p.y.at(batch, i, j))) : y_buffer;
  block.ldy = direct_y ? p.y.row : width;
  block.bias = nullptr;
  block.bias_row = block.bias_col = 0;
  if (p.bias.data) {
    const void* bias = p.bias.at(batch, i, j);
    if (bias_direct) {
      block.bias = static_cast<const T*>(bias);
      block.bias_row = p.bias.row;
      block.bias_col = p.bias.col;
    } else {
      read_matrix(p.bias.dtype, bias, p.bias.row, p.bias.col, rows, n, bias_buffer, width, width);
      block.bias = bias_buffer;
      block.bias_row = width;
      block.bias_col = 1;
    }
  }

  multiply_block(block, p.plan, bias_buffer + bias_size, [&](int64_t k0, int64_t k1) {
    Operands<T> in;
    in.a = a + k0 * a_col;
    in.row_stride = a_row;
    in.row_offset = nullptr;
    in.step = a_col;
    in.offset = nullptr;
    in.packed = !b_rows;
    in.strip = W * (k1 - k0);
    in.pack = pack_on_the_way ? pack : nullptr;
    in.b = static_cast<const T*>(p.b.at(batch, k0, j));
    in.ldb = p.b.row;
    in.next = next && pack_on_the_way ? static_cast<const T*>(next) + k0 * p.b.row : nullptr;
    if (!b_rows) {
      in.b = pack;
      for (int64_t s = 0; s < n; s += W) {
        const int64_t wide = smaller(W, width - s);
        read_matrix(p.b.dtype, p.b.at(batch, k0, j + s), p.b.row, p.b.col, k1 - k0, smaller(W, n - s), pack + s * (k1 - k0),
                    wide, wide);
      }
    }
    return in;
  });
  if (!direct_y) {
    write_matrix(y_buffer, width, rows, n, p.y.dtype, const_cast<void*>(p.y.at(batch, i, j)), p.y.row, p.y.col);
  }
}

template <class T>
void multiply(const Product& p) {
  const bool in_place = reads_in_place<T>(p);
  // Rows a power of two apart would share the cache's sets.
  const int64_t ld = in_place ? p.a.row : ceil_div(p.plan.k, 16) * 16 + 16;
  const Scratch rows_memory{in_place ? kAlignment : size_t((p.a.batch == 0 ? 1 : p.batch) * p.m * ld) * sizeof(T)};
  if (!in_place) copy_rows(p, rows_memory.as<T>(), ld);

  const int64_t panels = ceil_div(p.n, kPanelWidth<T>);
  const int64_t work = p.batch * p.m * p.n * p.plan.k;
  // Enough pieces that the threads finish together, but none so small that packing or starting it would show.
  const int64_t wanted = work < 2 * kWorthThreads ? 1 : num_threads() * 8;
  const int64_t most = larger(1, smaller(p.m / 12, work / (p.batch * panels) / kWorthThreads));
  int64_t chunks = smaller(most, ceil_div(wanted, p.batch * panels));
  const bool small_rows = p.plan.groups() > 1 || p.y.dtype != dtype_of<T>() || p.y.col != 1;
  if (small_rows) chunks = larger(chunks, ceil_div(p.m, 512));
  const int64_t pieces = p.batch * panels * chunks;
  const int64_t grain = larger(pieces / (num_threads() * 8), larger(1, kWorthThreads / larger(1, work / pieces)));

  parallel_for(pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t w = begin; w < end; ++w) {
      const int64_t batch = w / (panels * chunks), chunk = w / panels % chunks, panel = w % panels;
      const int64_t i = part_begin(p.m, chunks, chunk), j = panel * kPanelWidth<T>;
      const T* a = in_place ? static_cast<const T*>(p.a.at(batch, i, 0))
                            : rows_memory.as<T>() + ((p.a.batch == 0 ? 0 : batch * p.m) + i) * ld;
      const int64_t later = (w + 1) / (panels * chunks);
      const void* next = w + 1 < end ? p.b.at(later, 0, (w + 1) % panels * kPanelWidth<T>) : nullptr;
      multiply_piece(p, a, ld, in_place ? p.a.col : 1, batch, i, part_begin(p.m, chunks, chunk + 1) - i, j,
                     smaller(kPanelWidth<T>, p.n - j), next);
    }
  });
}

}  // namespace

void IsaBackend::matmul(const View& a, const View& b, const View& bias, const View& y, int64_t group) {
  if (!is_floating(y.dtype)) return integer_matmul(a, b, bias, y);
  if (y.numel() == 0) return;
  if (a.size(2) == 0) return bias.defined() ? copy(bias, y) : fill(y, Number{true, 0, 0.0});
  Product p{y.size(0), y.size(1), y.size(2), KPlan(a.size(2), group), Matrix(a), Matrix(b), Matrix(bias.defined() ? bias : y),
            Matrix(y)};
  if (!bias.defined()) p.bias.data = nullptr;
  // Where y lies by columns or has the fewer of them, or where b must be turned and a is the smaller to turn, compute the
  // transposed product.
  const bool few_columns = p.n < p.m && p.n <= 8;
  const bool y_columns = p.y.row == 1 && p.y.col != 1 && p.n > 8;
  const bool turn_a = p.m > 8 && p.y.col == 1 && p.b.col != 1 && p.b.row == 1 && p.a.col == 1 && 2 * p.m <= p.n;
  if (few_columns || y_columns || turn_a) {
    const Matrix t = p.a;
    p.a = p.b;
    p.b = t;
    p.a.transpose();
    p.b.transpose();
    p.y.transpose();
    p.bias.transpose();
    const int64_t m = p.m;
    p.m = p.n;
    p.n = m;
  }
  if (multiply_few_rows(p)) return;
  if (y.dtype == DType::Float64) {
    multiply<double>(p);
  } else {
    multiply<float>(p);
  }
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
