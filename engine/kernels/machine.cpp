#include "engine/kernels/machine.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "engine/core/aligned.h"
#include "engine/core/host.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/peaks.h"

namespace heed {
namespace {

using Seconds = std::chrono::duration<double>;

/// How long to look for the fastest run of one thing.
constexpr Seconds kPatience{0.06};
constexpr int64_t kWorkingSets[] = {int64_t{64} << 20, int64_t{256} << 20, int64_t{1} << 30};

PeakLoops peak_loops() {
  PeakLoops loops;
  scalar::set_peaks(loops);
  if (machine_has(Isa::avx2)) avx2::set_peaks(loops);
  if (machine_has(Isa::avx512)) avx512::set_peaks(loops);
  if (machine_has(Isa::avx512) && has_cpu_feature("avx512_bf16")) bf16::set_peaks(loops);
  if (machine_has(Isa::amx)) amx::set_peaks(loops);
  return loops;
}

/// Seconds of the fastest of several runs of work(thread) on all threads, from when the first
/// starts until the last is done.
double fastest(ThreadTeam& team, const std::function<void(int)>& work) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  Seconds best = Seconds::max();
  bool more = true;
  team.run([&](int thread) {
    for (int runs = 1; more; ++runs) {
      team.barrier(thread);
      const auto start = Clock::now();
      work(thread);
      team.barrier(thread);
      if (thread == 0) {
        best = std::min(best, Seconds(Clock::now() - start));
        more = runs < 3 || Clock::now() - begin < kPatience;
      }
      team.barrier(thread);
    }
  });
  return best.count();
}

/// Operations a second on all threads, in G.
double rate(ThreadTeam& team, const PeakLoop& loop) {
  if (!loop.run) return 0;
  // Half a millisecond at most: several fit between two turns of other programs.
  const int64_t steps = (int64_t{1} << 27) / loop.operations;
  const double seconds = fastest(team, [&](int) { loop.run(steps); });
  return 1e-9 * static_cast<double>(steps * loop.operations * team.size()) / seconds;
}

MachineLimits::Bandwidth read_rate(ThreadTeam& team, const PeakLoops& loops, int64_t bytes,
                                   const std::byte* data) {
  constexpr int64_t kBlock = 4096;
  const auto seconds_of = [&](ThreadTeam& readers, int streams) {
    return fastest(readers, [&](int thread) {
      const Range mine = split(bytes / kBlock, thread, readers.size());
      loops.read(data + mine.begin * kBlock, (mine.end - mine.begin) * kBlock, streams);
    });
  };
  const auto read_rate_of = [&](ThreadTeam& readers) {
    const double seconds = std::min(seconds_of(readers, 1), seconds_of(readers, 4));
    return 1e-9 * static_cast<double>(bytes) / seconds;
  };
  ThreadTeam one(1);
  return {.working_set = bytes, .one_thread = read_rate_of(one), .all_threads = read_rate_of(team)};
}

}  // namespace

MachineLimits measure_limits(ThreadTeam& team) {
  const PeakLoops loops = peak_loops();
  const Host here = host();
  const int64_t memory = here.memory_limit > 0 ? here.memory_limit : here.memory;
  MachineLimits limits{.f32_gflops = rate(team, loops.f32),
                       .bf16_gflops = rate(team, loops.bf16),
                       .int8_gops = rate(team, loops.int8)};
  int64_t largest = 0;
  for (const int64_t bytes : kWorkingSets) {
    if (bytes <= memory / 4) largest = bytes;
  }
  AlignedBuffer buffer(largest, "measuring");
  team.run([&](int thread) {  // pages of zeros would all be one and the same
    const Range mine = split(largest, thread, team.size());
    std::fill(buffer.data() + mine.begin, buffer.data() + mine.end, std::byte{1});
  });
  for (const int64_t bytes : kWorkingSets) {
    if (bytes <= largest) limits.read.push_back(read_rate(team, loops, bytes, buffer.data()));
  }
  return limits;
}

}  // namespace heed
