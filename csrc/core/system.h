// What the machine, the process's CPU affinity and its cgroups allow.
#pragma once

#include <cstdint>

namespace deepnet {

/// Processors that this process may use, a cgroup's CPU quota rounded up included; at least 1.
int available_cpus();

/// Bytes of memory that this process may use: the machine's, or a cgroup's limit where that is less.
int64_t memory_limit();

}  // namespace deepnet
