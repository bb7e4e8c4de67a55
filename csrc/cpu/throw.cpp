#include "cpu/throw.h"

#include "core/error.h"

namespace deepnet {

void throw_target_out_of_range(int64_t target, int64_t classes) {
  fail<IndexError>("cross_entropy", "target ", target, " is out of range for ", classes, " classes");
}

void throw_no_float_form() { fail<TypeError>("map", "this operator has no form for floats"); }

}  // namespace deepnet
