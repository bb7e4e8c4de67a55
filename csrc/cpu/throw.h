// Errors that only a kernel can find, thrown out of line: kernel files of an instruction set build no strings.
#pragma once

#include <cstdint>

namespace deepnet {

/// IndexError: "cross_entropy: target 12 is out of range for 10 classes".
[[noreturn]] void throw_target_out_of_range(int64_t target, int64_t classes);
/// TypeError: "map: this operator has no form for floats".
[[noreturn]] void throw_no_float_form();

}  // namespace deepnet
