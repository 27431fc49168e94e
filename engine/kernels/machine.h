// The machine's own limits, measured: what `heed doctor` prints and what `heed bench` relates its
// figures to.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/thread_team.h"

namespace heed {

struct MachineLimits {
  struct Bandwidth {
    int64_t working_set = 0;  ///< bytes
    double one_thread = 0;    ///< GB/s
    double all_threads = 0;
  };
  std::vector<Bandwidth> read;
  double f32_gflops = 0;  ///< all threads; 0 where the machine has no such unit
  double bf16_gflops = 0;
  double int8_gops = 0;
};

/// Measures with the best instruction set of the machine, whichever one is in use: what all threads
/// of the team read a second from working sets of 64 MiB, 256 MiB and 1 GiB in huge pages (those
/// that fit into a quarter of the memory), and what arithmetic they do on registers. Takes about a
/// second; of several runs the fastest counts, since other programs only ever slow one down.
MachineLimits measure_limits(ThreadTeam& team);

}  // namespace heed
