#include "engine/core/host.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

/// A made-up machine: files below a directory.
class FakeRoot {
 public:
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  Host look() { return host(root_.string()); }

 private:
  TemporaryDirectory directory_;
  std::filesystem::path root_ = directory_.path();
};

constexpr int64_t kMiB = int64_t{1} << 20;

}  // namespace

TEST_CASE("this machine has something to work with") {
  const Host here = host();
  CHECK(here.cpus >= here.cores);
  CHECK(here.cores >= here.threads());
  CHECK(here.threads() >= 1);
  CHECK(here.memory > 64 * kMiB);
  CHECK(here.memory_limit < here.memory);
}

TEST_CASE("nothing to read means no limits") {
  const Host bare = FakeRoot().look();
  CHECK(bare.cpu.empty());
  CHECK(bare.cores == bare.cpus);
  CHECK(bare.cpu_quota == 0);
  CHECK(bare.memory_limit == 0);
}

TEST_CASE("hardware threads of one core count as one") {
  cpu_set_t allowed;
  REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  FakeRoot fake;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string name = "cpu" + std::to_string(cpu);
    fake.write("sys/devices/system/cpu/" + name + "/topology/thread_siblings_list", "0-1023\n");
  }
  CHECK(fake.look().cpus == CPU_COUNT(&allowed));
  CHECK(fake.look().cores == 1);
}

TEST_CASE("the tightest control group counts, of version 2") {
  FakeRoot fake;
  fake.write("proc/self/cgroup", "0::/machine/job\n");
  fake.write("sys/fs/cgroup/machine/job/cpu.max", "max 100000\n");
  fake.write("sys/fs/cgroup/machine/cpu.max", "150000 100000\n");
  fake.write("sys/fs/cgroup/machine/job/memory.max", "67108864\n");
  fake.write("sys/fs/cgroup/machine/memory.max", "max\n");
  CHECK(fake.look().cpu_quota == 1.5);
  CHECK(fake.look().memory_limit == 64 * kMiB);
}

TEST_CASE("the tightest control group counts, of version 1, whose path may not exist here") {
  FakeRoot fake;
  fake.write("proc/self/cgroup", "4:memory:/docker/5f\n1:cpu,cpuacct:/docker/5f\n0::/\n");
  fake.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
  fake.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  fake.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(fake.look().cpu_quota == 0.5);
  CHECK(fake.look().memory_limit == 0);
  fake.write("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "33554432\n");
  CHECK(fake.look().memory_limit == 32 * kMiB);
}

TEST_CASE("threads are one a core, and no more than the quota feeds") {
  CHECK(Host{.cpus = 8, .cores = 4}.threads() == 4);
  CHECK(Host{.cpus = 8, .cores = 4, .cpu_quota = 1.5}.threads() == 2);
  CHECK(Host{.cpus = 8, .cores = 4, .cpu_quota = 0.25}.threads() == 1);
  CHECK(Host{.cpus = 8, .cores = 4, .cpu_quota = 16}.threads() == 4);
}

}  // namespace heed
