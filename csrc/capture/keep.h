// While a capture records: the storages that its closures read must outlive it.
#pragma once

#include "tensor/tensor.h"

namespace deepnet {

void keep_storage(const Ref<Storage>& storage);

}  // namespace deepnet
