// A step recorded once and replayed without Python, allocation or graph building.
#pragma once

#include <string>
#include <unordered_set>

#include "backend/launch.h"
#include "tensor/tensor.h"

namespace deepnet {

/// While active, every kernel launch of this thread runs and is kept. Memory comes from a pool of the capture's own, so that
/// what a replay writes never belongs to somebody else.
class Capture final : public Recorder, public RefCounted {
 public:
  Capture();
  ~Capture() override;
  void begin();
  void end();
  void replay();
  size_t size() const { return entries_.size(); }

  void launched(const char* name, Device device, std::function<void(Backend&)> closure) override;
  void sees(const RefCounted& owner) override;
  bool refuses_reads() const override { return true; }

 private:
  struct Entry {
    const char* name;
    Device device;
    std::function<void(Backend&)> run;
  };
  std::vector<Entry> entries_;
  Ref<Pool> pool_;
  std::unordered_set<const RefCounted*> kept_ids_;
  std::vector<Ref<const RefCounted>> kept_;
  bool active_ = false;
};

}  // namespace deepnet
