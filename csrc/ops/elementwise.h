// Elementwise operators: a rule for each says its kernel and its gradient; one function runs them all.
#pragma once

#include "ops/check.h"

namespace deepnet {

enum class Result : uint8_t {
  Same,       // the promoted input type
  Floating,   // floating: integers become the default dtype
  Predicate,  // bool
};

struct UnaryRule {
  const char* name;
  MapOp op;
  Result result;
  bool saves_x, saves_y;
  /// dx from dy and what is saved; null where the gradient is zero everywhere (no history is recorded then, except `zero`).
  Tensor (*gradient)(const Tensor& dy, const Tensor& x, const Tensor& y);
  /// One kernel for the same, used where the gradient is not differentiated further; Count where there is none.
  MapOp fused = MapOp::Count;
};

struct BinaryRule {
  const char* name;
  MapOp op;
  Result result;
  bool saves_a, saves_b, saves_y;
  Tensor (*gradient_a)(const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y);
  Tensor (*gradient_b)(const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y);
  bool integers_only = false;
};

extern const UnaryRule unary_rules[];
extern const size_t unary_rule_count;
extern const BinaryRule binary_rules[];
extern const size_t binary_rule_count;
const UnaryRule& unary_rule(const char* name);
const BinaryRule& binary_rule(const char* name);

/// Writes into `out` where it fits (may_write), else into a new tensor.
Tensor unary(const UnaryRule& rule, const Tensor& x, const Tensor* out = nullptr);
Tensor binary(const BinaryRule& rule, const Tensor& a, const Tensor& b, const Tensor* out = nullptr);
Tensor unary_inplace(const UnaryRule& rule, const char* name, const Tensor& x);
Tensor binary_inplace(const BinaryRule& rule, const char* name, const Tensor& a, const Tensor& b);

/// The kernel alone: inputs broadcast to their common shape, result in `dtype`; no history.
Tensor run_map(const char* name, MapOp op, DType dtype, std::initializer_list<Tensor> inputs, const Tensor* out = nullptr);

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor neg(const Tensor& x);
Tensor eq(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);
/// With Python numbers on the right.
Tensor add(const Tensor& a, double b);
Tensor mul(const Tensor& a, double b);
/// Any unary or binary rule by its name: for composites off the hot path.
Tensor apply(const char* name, const Tensor& x);
Tensor apply(const char* name, const Tensor& a, const Tensor& b);

/// Whether any element is true, read on the host; refused by a capture in the name of op.
bool is_true(const char* op, const Tensor& x);

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value);
Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high);
Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& weight);
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, const Tensor& value);
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, const Tensor& value);

}  // namespace deepnet
