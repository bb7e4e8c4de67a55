// What index.cpp and gather.cpp share: reading and writing through an index along one axis.
#pragma once

#include "backend/backend.h"

namespace deepnet {

/// y[i...] = x[i... with index[i...] at dim]. Shapes of y and index agree; only x's size at dim is looked at. `op` names the
/// kernel in the IndexError of an index out of range.
void gather_along(const char* op, const View& x, const View& index, const View& y, int dim);

/// y[i... with index[i...] at dim] op= src[i...]; each destination takes its sources in increasing order along dim.
/// float16 and bfloat16 sums and products are kept in float32 until the last source.
void scatter_along(const char* op, const View& y, const View& index, const View& src, int dim, ScatterOp how);

}  // namespace deepnet
