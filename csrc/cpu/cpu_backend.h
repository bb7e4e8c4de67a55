// The part of the CPU backends that gains nothing from vectors, compiled once for the plainest processor.
#pragma once

#include "backend/backend.h"

namespace deepnet {

class CpuBackend : public Backend {
 public:
  void* allocate(size_t bytes) override;
  void deallocate(void* p, size_t bytes) override;
  void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes) override;
  void synchronize() override;

  void copy(const View& x, const View& y) override;
  void fill(const View& y, Number value) override;
  void arg_reduce(bool largest, const View& x, const View& values, const View& indices) override;
  void scan(ScanOp op, const View& x, const View& y, const View& indices) override;
  void max_pool_indices(const View& window, const Shape& x_shape, const View& flat, const PoolGeometry& g) override;
  void index_select(const View& x, const View& index, const View& y) override;
  void index_put(const View& y, const View& index, const View& src, ScatterOp op) override;
  void gather(const View& x, const View& index, const View& y, int dim) override;
  void scatter(const View& y, const View& index, const View& src, int dim, ScatterOp op) override;
  void nonzero(const View& x, const View& y) override;
  int64_t count_nonzero(const View& x) override;
  void sort(const View& x, const View& values, const View& indices, bool descending) override;
  void topk(const View& x, const View& values, const View& indices, bool largest) override;
  void searchsorted(const View& sorted, const View& values, const View& y, bool right) override;

 protected:
  /// map where the computation is in int64 (integer_map.cpp).
  void integer_map(MapOp op, const View* in, int count, const View& y);
  /// reduce of integers and bools, and Any and All of anything (integer_reduce.cpp).
  void integer_reduce(ReduceOp op, const View& x, const View& y);
  /// matmul of integers, wrapping (integer_matmul.cpp).
  void integer_matmul(const View& a, const View& b, const View& bias, const View& y);
};

}  // namespace deepnet
