// Whether this thread records operators.
#pragma once

namespace deepnet {

struct GradMode {
  bool enabled = true;
  bool anomaly = false;
};
extern thread_local GradMode grad_mode;

inline bool grad_enabled() { return grad_mode.enabled; }

/// Sets recording for a scope.
class GradGuard {
 public:
  explicit GradGuard(bool enabled) : before_(grad_mode.enabled) { grad_mode.enabled = enabled; }
  ~GradGuard() { grad_mode.enabled = before_; }

 private:
  bool before_;
};

}  // namespace deepnet
