#include "engine/core/host.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "engine/core/error.h"

namespace heed {
namespace {

/// The first line of a file; "" if there is none.
std::string first_line(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

/// The number a line starts with; 0 if it starts with none ("max", no such file).
double number(const std::string& line) {
  double value = 0;
  std::istringstream(line) >> value;
  return value;
}

/// CPUs of the affinity mask, rising. Room for 16,384: the call fails if the kernel has more.
std::vector<int> allowed_cpus() {
  std::vector<cpu_set_t> mask(16);
  const size_t bytes = mask.size() * sizeof(cpu_set_t);
  std::vector<int> cpus;
  if (sched_getaffinity(0, bytes, mask.data()) != 0) return {0};
  for (size_t cpu = 0; cpu < bytes * 8; ++cpu) {
    if (CPU_ISSET_S(cpu, bytes, mask.data())) cpus.push_back(static_cast<int>(cpu));
  }
  return cpus;
}

int count_cores(const std::vector<int>& cpus, const std::string& root) {
  std::set<std::string> cores;  // one entry for the hardware threads of a core
  for (const int cpu : cpus) {
    const std::string siblings =
        first_line(cat(root, "/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    cores.insert(siblings.empty() ? cat("cpu", cpu) : siblings);
  }
  return std::max(1, static_cast<int>(cores.size()));
}

/// The directories whose limits hold for this process, in the hierarchy of a version 1 controller,
/// or in that of version 2 (controller ""): its own group's, and those above. A container may see
/// its own group as the root: what does not exist is passed over by the readers.
std::vector<std::string> group_directories(const std::string& root, const std::string& controller) {
  std::ifstream groups(root + "/proc/self/cgroup");  // lines "id:controller,controller:/path"
  std::string path;
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::istringstream names(line.substr(first + 1, second - first - 1));
    bool found = names.str() == controller;
    for (std::string name; std::getline(names, name, ',');) found = found || name == controller;
    if (found) path = line.substr(second + 1);
  }
  const std::string mount = root + "/sys/fs/cgroup" + (controller.empty() ? "" : "/") + controller;
  std::vector<std::string> directories{mount};
  for (size_t end = path.find('/', 1); path.size() > 1; end = path.find('/', end + 1)) {
    directories.push_back(mount + path.substr(0, end));
    if (end == std::string::npos) break;
  }
  return directories;
}

/// The smaller of two limits, of which 0 means none.
double tighter(double a, double b) {
  return a > 0 && b > 0 ? std::min(a, b) : std::max(a, b);
}

double cpu_quota(const std::string& root) {
  double limit = 0;
  for (const std::string& group : group_directories(root, "")) {
    double quota = 0, period = 0;  // "max 100000" where there is no limit
    std::istringstream(first_line(group + "/cpu.max")) >> quota >> period;
    if (quota > 0 && period > 0) limit = tighter(limit, quota / period);
  }
  for (const std::string& group : group_directories(root, "cpu")) {
    const double quota = number(first_line(group + "/cpu.cfs_quota_us"));  // -1: no limit
    const double period = number(first_line(group + "/cpu.cfs_period_us"));
    if (quota > 0 && period > 0) limit = tighter(limit, quota / period);
  }
  return limit;
}

int64_t memory_limit(const std::string& root, int64_t memory) {
  double limit = 0;
  for (const std::string& group : group_directories(root, "")) {
    limit = tighter(limit, number(first_line(group + "/memory.max")));
  }
  for (const std::string& group : group_directories(root, "memory")) {
    limit = tighter(limit, number(first_line(group + "/memory.limit_in_bytes")));
  }
  // Version 1 writes "no limit" as a number beyond any memory.
  return limit < static_cast<double>(memory) ? static_cast<int64_t>(limit) : 0;
}

std::string cpu_name(const std::string& root) {
  std::ifstream file(root + "/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

}  // namespace

Host host(const std::string& root) {
  const std::vector<int> cpus = allowed_cpus();
  const int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return {.cpu = cpu_name(root),
          .cpus = static_cast<int>(cpus.size()),
          .cores = count_cores(cpus, root),
          .cpu_quota = cpu_quota(root),
          .memory = memory,
          .memory_limit = memory_limit(root, memory)};
}

int Host::threads() const {
  // A quota of 1.5 CPUs feeds two threads, three quarters of the time: better than one.
  return cpu_quota > 0 ? std::clamp(static_cast<int>(std::ceil(cpu_quota)), 1, cores) : cores;
}

}  // namespace heed
