#include "capture/capture.h"

#include "core/error.h"

namespace deepnet {

Capture::Capture() : pool_(make_ref<Pool>()) {}
Capture::~Capture() {
  if (active_) end();
}

void Capture::begin() {
  if (current_recorder) fail<RuntimeError>("capture", "another capture or listener is active on this thread");
  active_ = true;
  current_recorder = this;
  set_current_pool(pool_.get());
}

void Capture::end() {
  active_ = false;
  current_recorder = nullptr;
  set_current_pool(nullptr);
}

void Capture::sees(const RefCounted& owner) {
  // The capture's own memory stays with its pool.
  if (const auto* storage = dynamic_cast<const Storage*>(&owner); storage && storage->pool() == pool_.get()) return;
  if (kept_ids_.insert(&owner).second) kept_.emplace_back(&owner);
}

void Capture::launched(const char* name, Device device, std::function<void(Backend&)> closure) {
  // The kernel itself runs unobserved: what it launches inside is part of it.
  current_recorder = nullptr;
  try {
    closure(backend(device));
  } catch (...) {
    current_recorder = this;
    throw;
  }
  current_recorder = this;
  entries_.push_back({name, device, std::move(closure)});
}

void Capture::replay() {
  for (Entry& e : entries_) e.run(backend(e.device));
}

}  // namespace deepnet
