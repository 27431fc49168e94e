// Which instruction set to use: what the machine has, and what HEED_ISA asks for.
// Decided from CPUID bits, XCR0 and (AMX) the kernel's permission call; never from a model number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/kernels/kernels.h"

namespace heed {

std::string_view to_string(Isa isa);

/// Whether this machine, and its operating system, can run the table of `isa`.
bool machine_has(Isa isa);

/// The instruction sets this machine has, worst first; scalar is always there.
std::vector<Isa> machine_isas();

/// The set called `name`. Throws Error(argument) for an unknown name, Error(unsupported) for a set
/// this machine lacks.
Isa isa_named(std::string_view name);

/// The set named by the environment variable HEED_ISA, else the best one; errors as isa_named. A
/// forced set also caps oneDNN's own choice, so that a forced run is forced everywhere; since
/// oneDNN takes that only once and before its first use, Error(unsupported) if it already uses
/// more. Called before the first model is loaded.
Isa choose_isa();

/// CPU features that the choice looks at, where both the CPU and the operating system have them;
/// for `heed doctor`.
struct CpuFeature {
  std::string_view name;
  bool present;
};
std::vector<CpuFeature> cpu_features();

}  // namespace heed
