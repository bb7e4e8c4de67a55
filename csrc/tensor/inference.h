// Inference mode: tensors made in it take no part in autograd, ever.
#pragma once

namespace deepnet {

extern thread_local bool inference_mode;

}  // namespace deepnet
