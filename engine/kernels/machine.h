// The machine's own limits, measured: what `heed doctor` prints and what `heed bench` relates its
// figures to.
#pragma once

#include "engine/core/thread_team.h"
#include "heed.hpp"

namespace heed {

/// Measures with the best instruction set of the machine, whichever one is in use: what all threads
/// of the team read a second from working sets of 64 MiB, 256 MiB and 1 GiB in huge pages (those
/// that fit into a quarter of the memory), and what arithmetic they do on registers. Takes about a
/// second; of several runs the fastest counts, since other programs only ever slow one down.
MachineLimits measure_limits(ThreadTeam& team);

}  // namespace heed
