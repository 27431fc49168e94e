// What the machine is, and what it can do: heed.hpp's MachineInfo and MachineLimits.
#include "engine/kernels/machine.h"
#include "engine/api/library.h"
#include "engine/core/host.h"
#include "engine/core/isa.h"

namespace heed {

MachineInfo machine_info() {
  const Host here = host();
  MachineInfo info{.cpu = here.cpu,
                   .isa = std::string(to_string(preferred_isa())),
                   .isa_reason = forced_isa() ? "HEED_ISA" : "best of the machine",
                   .threads = here.threads(),
                   .memory_bytes = here.memory_limit > 0 ? here.memory_limit : here.memory};
  for (const CpuFeature& f : cpu_features()) info.features.emplace_back(f.name, f.present);
  for (const Isa isa : machine_isas()) info.isas.emplace_back(to_string(isa));
  return info;
}

MachineLimits measure_machine(int threads) {
  ThreadTeam team(threads > 0 ? threads : default_threads());
  return measure_limits(team);
}

}  // namespace heed
