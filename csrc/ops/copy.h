// Copies, conversions of dtype and device.
#pragma once

#include "ops/check.h"

namespace deepnet {

/// Writes x's elements, broadcast and converted, into y's memory; no history, no count. Any devices.
void copy_data(const char* op, const Tensor& x, const Tensor& y);
Tensor clone(const Tensor& x);
/// x itself where it is contiguous.
Tensor contiguous(const Tensor& x);
/// x itself where nothing changes and copy is false.
Tensor to(const Tensor& x, std::optional<DType> dtype, std::optional<Device> device, bool copy);
inline Tensor to(const Tensor& x, DType dtype) { return x.dtype() == dtype ? x : to(x, dtype, std::nullopt, false); }
/// out=: value's elements in out, which takes value's shape.
void write_out(const char* op, const Tensor& out, const Tensor& value);
void copy_(const Tensor& x, const Tensor& src);
void fill_(const Tensor& x, Number value);

}  // namespace deepnet
