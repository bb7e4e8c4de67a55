#include "cpu/isa_backend.h"

#define DN_STRING_OF(x) #x
#define DN_STRING(x) DN_STRING_OF(x)

namespace deepnet {
inline namespace DEEPNET_ISA {

const char* IsaBackend::name() const { return DN_STRING(DEEPNET_ISA); }

Backend* make_backend() {
  static IsaBackend backend;
  return &backend;
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
