// The one way to call a kernel.
#pragma once

#include <functional>
#include <vector>

#include "backend/backend.h"
#include "core/ref.h"

namespace deepnet {

/// Listens to kernel launches of the thread that set it: a capture, a profiler, an anomaly check.
class Recorder {
 public:
  virtual ~Recorder() = default;
  /// Must run the closure; may keep it.
  virtual void launched(const char* name, Device device, std::function<void(Backend&)> closure) = 0;
  /// A kernel is about to see memory that `owner` keeps alive.
  virtual void sees(const RefCounted& owner) { (void)owner; }
  /// Whether an operator that needs a value on the host must refuse: what it decides would not be decided again.
  virtual bool refuses_reads() const { return false; }
};

extern thread_local Recorder* current_recorder;

/// Runs the closure on the device's backend. It is type-erased only when someone listens. Views that it captures must stay
/// valid for as long as a listener may replay it; what changes between replays is a View of a scalar.
template <class F>
inline void launch(const char* name, Device device, F&& closure) {
  if (current_recorder) [[unlikely]] {
    current_recorder->launched(name, device, std::function<void(Backend&)>(std::forward<F>(closure)));
    return;
  }
  closure(backend(device));
}

}  // namespace deepnet
