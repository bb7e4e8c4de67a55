// Anomaly mode remembers where each operator was called; the host language says how.
#pragma once

#include <string>

namespace deepnet {

extern std::string (*capture_trace)();

}  // namespace deepnet
