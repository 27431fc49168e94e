// What this process may use of its machine: cores, processor time, memory. Used to choose a number
// of threads and by `heed doctor`. Reference: cgroups(7), sched_getaffinity(2), Linux
// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
#pragma once

#include <cstdint>
#include <string>

namespace heed {

struct Host {
  std::string cpu;           ///< model name, "" if unknown
  int cpus = 1;              ///< logical CPUs this process may run on
  int cores = 1;             ///< physical cores among them
  double cpu_quota = 0;      ///< CPUs' worth of time that its control groups allow; 0: no limit
  int64_t memory = 0;        ///< bytes of memory of the machine
  int64_t memory_limit = 0;  ///< bytes that its control groups allow; 0: no limit

  /// Threads that make sense here: one a core, and no more than the quota feeds.
  int threads() const;
};

/// Reads /proc and /sys. What cannot be read counts as not there. `root` stands before their paths:
/// tests point it at a directory of their own.
Host host(const std::string& root = "");

}  // namespace heed
