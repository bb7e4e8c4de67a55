// Sorting, the k largest or smallest, and searching in sorted rows.
#include "sort.h"

#include "convert.h"
#include "cuda_backend.h"

namespace deepnet::gpu {
namespace {

template <class T>
DN_KERNEL void make_items(const T* x, ItemOf<T>* items, int64_t rows, int64_t n, bool inverted) {
  using Key = typename ItemOf<T>::Key;
  const Key flip = inverted ? ~Key(0) : Key(0);
  for (int64_t i = thread_id(); i < rows * n; i += thread_count())
    items[i] = ItemOf<T>::make(ascending_key(x[i]) ^ flip, i - quotient(i, n) * n);
}

/// The first k of each row of items, of rows of `pitch`, as values of x (rows, n) and indices.
template <class T>
DN_KERNEL void write_items(const ItemOf<T>* items, int64_t pitch, const T* x, int64_t rows, int64_t n, int64_t k, T* values,
                           int64_t* indices) {
  for (int64_t i = thread_id(); i < rows * k; i += thread_count()) {
    const int64_t row = quotient(i, k), index = items[row * pitch + (i - row * k)].index();
    if (values) values[i] = x[row * n + index];
    if (indices) indices[i] = index;
  }
}

template <class T>
void sort_rows(Call& call, const View& x, const View& values, const View& indices, int64_t k, bool inverted) {
  using Item = ItemOf<T>;
  const int64_t rows = x.size(0), n = x.size(1);
  Item *items = call.scratch<Item>(rows * n), *spare = call.scratch<Item>(rows * n);
  call.run_items(make_items<T>, rows * n, x.as<T>(), items, rows, n, inverted);
  const bool few = k < n && k <= kMostKept;
  const Item* sorted = few ? least_items(call, items, spare, rows, n, k) : sort_items(call, items, spare, rows, n);
  call.run_items(write_items<T>, rows * k, sorted, few ? k : n, x.as<T>(), rows, n, k, values.as<T>(), indices.as<int64_t>());
}

template <class T>
DN_KERNEL void search(const T* sorted, int64_t row_stride, int64_t n, const T* values, int64_t count, int64_t k, void* y,
                      DType y_dtype, bool right) {
  for (int64_t i = thread_id(); i < count; i += thread_count()) {
    const T* row = sorted + quotient(i, k) * row_stride;
    const auto key = ascending_key(values[i]);
    int64_t low = 0, high = n;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      const auto here = ascending_key(row[middle]);
      if (right ? here <= key : here < key)
        low = middle + 1;
      else
        high = middle;
    }
    store_any(y, y_dtype, i, low);
  }
}

}  // namespace

void CudaBackend::sort(const View& x, const View& values, const View& indices, bool descending) {
  Call call(device_, "sort");
  if (x.numel() == 0) return;
  visit_types(x.dtype,
              [&](auto tag) { sort_rows<typename decltype(tag)::type>(call, x, values, indices, x.size(1), descending); });
}

void CudaBackend::topk(const View& x, const View& values, const View& indices, bool largest) {
  Call call(device_, "topk");
  const View& wanted = values.defined() ? values : indices;
  if (wanted.numel() == 0) return;
  visit_types(x.dtype,
              [&](auto tag) { sort_rows<typename decltype(tag)::type>(call, x, values, indices, wanted.size(1), largest); });
}

void CudaBackend::searchsorted(const View& sorted, const View& values, const View& y, bool right) {
  Call call(device_, "searchsorted");
  const int64_t n = sorted.size(1);
  visit_types(values.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(search<T>, values.numel(), sorted.as<T>(), sorted.size(0) == 1 ? 0 : n, n, values.as<T>(), values.numel(),
                   values.size(1), y.data, y.dtype, right);
  });
}

}  // namespace deepnet::gpu
