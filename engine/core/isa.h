// Instruction sets: what this machine has, and what HEED_ISA asks for. Decided from CPUID bits,
// XCR0 and (AMX) the kernel's permission call; never from a model number. Used by all that is
// compiled once for each: engine/kernels, engine/quant. Reference: Intel SDM vol. 1 ch. 13 (XSAVE,
// XCR0), Linux Documentation/arch/x86/xstate.rst (AMX).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace heed {

/// Worst first; each has all of those before it.
enum class Isa { scalar, avx2, avx512, amx };

std::string_view to_string(Isa isa);

/// Whether this machine, and its operating system, can run code for `isa`.
bool machine_has(Isa isa);

/// The instruction sets this machine has, worst first; scalar is always there.
std::vector<Isa> machine_isas();

/// The set called `name`. Throws Error(argument) for an unknown name, Error(unsupported) for a set
/// this machine lacks.
Isa isa_named(std::string_view name);

/// The set named by the environment variable HEED_ISA, if it is; errors as isa_named.
std::optional<Isa> forced_isa();

/// The forced set, else the best one; errors as isa_named.
Isa preferred_isa();

/// CPU features that the choice looks at, where both the CPU and the operating system have them;
/// for `heed doctor`.
struct CpuFeature {
  std::string_view name;
  bool present;
};
std::vector<CpuFeature> cpu_features();

bool has_cpu_feature(std::string_view name);

}  // namespace heed
