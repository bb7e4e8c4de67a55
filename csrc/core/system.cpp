#include "core/system.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace deepnet {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

/// The process's cgroup folders, its own first, then its ancestors; `controller` empty means version 2's one hierarchy.
std::vector<std::string> cgroup_folders(const std::string& controller) {
  std::vector<std::string> folders;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    // "4:memory:/path" for a controller of version 1, "0::/path" for version 2
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? !names.empty() : (',' + names + ',').find(',' + controller + ',') == std::string::npos) continue;
    // In a container the path may not be visible under the mount point: its root is then the container's own group.
    const std::string root = controller.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/" + controller;
    std::string path = line.substr(second + 1);
    while (!path.empty() && path != "/") {
      folders.push_back(root + path);
      path.resize(path.find_last_of('/'));
    }
    folders.push_back(root);
  }
  return folders;
}

/// The first words of a file as numbers; "max" and negative numbers mean no limit. Empty where the file cannot be read.
std::vector<int64_t> read_numbers(const std::string& path) {
  std::vector<int64_t> numbers;
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    int64_t value;
    std::istringstream in(word);
    if (word == "max" || !(in >> value) || value < 0) value = kNoLimit;
    numbers.push_back(value);
  }
  return numbers;
}

int64_t cpus_of(int64_t quota, int64_t period) {
  if (quota == kNoLimit || period <= 0 || period == kNoLimit) return kNoLimit;
  return std::max<int64_t>(1, (quota + period - 1) / period);
}

int64_t cgroup_cpus() {
  int64_t cpus = kNoLimit;
  for (const std::string& folder : cgroup_folders("")) {
    const std::vector<int64_t> max = read_numbers(folder + "/cpu.max");
    if (max.size() == 2) cpus = std::min(cpus, cpus_of(max[0], max[1]));
  }
  for (const std::string& folder : cgroup_folders("cpu")) {
    const std::vector<int64_t> quota = read_numbers(folder + "/cpu.cfs_quota_us");
    const std::vector<int64_t> period = read_numbers(folder + "/cpu.cfs_period_us");
    if (quota.size() == 1 && period.size() == 1) cpus = std::min(cpus, cpus_of(quota[0], period[0]));
  }
  return cpus;
}

int affinity_cpus() {
#if defined(__linux__)
  // The mask must be as large as the kernel's; grow until it fits.
  for (int bits = 1024; bits <= (1 << 20); bits *= 2) {
    cpu_set_t* set = CPU_ALLOC(bits);
    if (!set) break;
    const size_t size = CPU_ALLOC_SIZE(bits);
    const int status = sched_getaffinity(0, size, set);
    const int count = status == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return std::max(1, int(std::thread::hardware_concurrency()));
}

}  // namespace

int available_cpus() { return int(std::min<int64_t>(affinity_cpus(), cgroup_cpus())); }

int64_t memory_limit() {
  int64_t limit = kNoLimit;
#if defined(_SC_PHYS_PAGES)
  const int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) limit = pages * page;
#endif
  auto lower = [&](const std::string& path) {
    const std::vector<int64_t> bytes = read_numbers(path);
    if (bytes.size() == 1) limit = std::min(limit, bytes[0]);
  };
  for (const std::string& folder : cgroup_folders("")) lower(folder + "/memory.max");
  for (const std::string& folder : cgroup_folders("memory")) lower(folder + "/memory.limit_in_bytes");
  return limit;
}

}  // namespace deepnet
