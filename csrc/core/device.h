// Where memory lies and kernels run.
#pragma once

#include <cstdint>
#include <string>

#include "core/config.h"

namespace deepnet {

enum class DeviceType : uint8_t { CPU, CUDA };

struct Device {
  DeviceType type = DeviceType::CPU;
  int8_t index = 0;

  DN_INLINE bool operator==(const Device& o) const { return type == o.type && index == o.index; }
  DN_INLINE bool is_cpu() const { return type == DeviceType::CPU; }
  DN_INLINE bool is_cuda() const { return type == DeviceType::CUDA; }
};

/// "cpu", "cuda:0"
inline std::string name(Device d) { return d.is_cpu() ? "cpu" : "cuda:" + std::to_string(int(d.index)); }

}  // namespace deepnet
