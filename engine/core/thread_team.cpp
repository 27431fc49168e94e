#include "engine/core/thread_team.h"

#include <immintrin.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include "engine/core/error.h"

namespace heed {
namespace {

constexpr int kMostThreads = 1024;

/// Looks at the barrier's counter before a thread goes to sleep: some 20 microseconds, longer than
/// any step's imbalance should be, shorter than a time slice.
constexpr int kSpins = 400;

/// MXCSR: flush results to zero, read denormals as zero.
constexpr unsigned kFlushBits = 0x8040;

std::string first_line(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

/// CPUs that the cgroup's quota amounts to, rounded up; 0 where there is none.
int quota_cpus() {
  double quota = 0;
  double period = 0;
  const std::string v2 = first_line("/sys/fs/cgroup/cpu.max");
  if (!v2.empty() && v2.rfind("max", 0) != 0) {
    std::istringstream(v2) >> quota >> period;
  } else {
    std::istringstream(first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")) >> quota;
    std::istringstream(first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us")) >> period;
  }
  if (quota <= 0 || period <= 0) return 0;
  return std::max(1, static_cast<int>((quota + period - 1) / period));
}

}  // namespace

int default_threads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  std::set<std::string> cores;  // one entry for the hardware threads of a core
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string siblings =
        first_line(cat("/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    cores.insert(siblings.empty() ? cat("cpu", cpu) : siblings);
  }
  const int usable = std::clamp(static_cast<int>(cores.size()), 1, kMostThreads);
  const int quota = quota_cpus();
  return quota > 0 ? std::min(usable, quota) : usable;
}

FlushDenormals::FlushDenormals() noexcept : saved_(_mm_getcsr()) {
  _mm_setcsr(saved_ | kFlushBits);
}

FlushDenormals::~FlushDenormals() {
  _mm_setcsr(saved_);
}

ThreadTeam::ThreadTeam(int threads) : state_(std::make_unique<State>()) {
  if (threads < 1 || threads > kMostThreads) {
    fail(Error::Code::argument, "threads: expected 1 to ", kMostThreads, ", found ", threads);
  }
  state_->size = state_->asked = threads;
}

void ThreadTeam::barrier(int) noexcept {
  State& s = *state_;
  if (s.size == 1) return;
  const uint32_t generation = s.generation.load(std::memory_order_relaxed);
  if (s.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == s.size) {
    s.arrived.store(0, std::memory_order_relaxed);
    s.generation.fetch_add(1, std::memory_order_release);
    s.generation.notify_all();
    return;
  }
  for (int spin = 0; spin < kSpins; ++spin) {
    if (s.generation.load(std::memory_order_acquire) != generation) return;
    _mm_pause();
  }
  while (s.generation.load(std::memory_order_acquire) == generation) {
    s.generation.wait(generation, std::memory_order_acquire);
  }
}

}  // namespace heed
