#pragma once

#include "core/view.h"

namespace deepnet {

/// y = x converted; any strides, one shape.
void copy_view(const View& x, const View& y);

}  // namespace deepnet
