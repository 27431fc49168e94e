#include "engine/core/isa.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "engine/core/error.h"

namespace heed {
namespace {

struct CpuId {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuId cpuid(uint32_t leaf, uint32_t subleaf) {
  CpuId r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);  // leaves zeros if unknown
  return r;
}

/// Register state the operating system saves at a task switch (XCR0); 0 without XSAVE.
uint64_t saved_state() {
  constexpr uint32_t kOsXsave = 1u << 27;
  if (!(cpuid(1, 0).ecx & kOsXsave)) return 0;
  uint32_t low, high;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

/// Linux gives tile registers only to processes that ask; the answer holds for all their threads.
bool tiles_permitted() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

struct Features {
  bool avx2, fma, f16c, bmi2;
  bool avx512f, avx512bw, avx512dq, avx512vl, avx512_vnni, avx512_bf16;
  bool amx_tile, amx_int8, amx_bf16;
};

/// What the CPU has and the operating system has switched on.
Features detect() {
  const CpuId basic = cpuid(1, 0), extended = cpuid(7, 0), more = cpuid(7, 1);
  const uint64_t saved = saved_state();
  const auto has_state = [&](uint64_t mask) { return (saved & mask) == mask; };
  const auto bit = [](uint32_t word, int i) { return (word >> i & 1) != 0; };
  const bool ymm = has_state(0x6);          // xmm, ymm
  const bool zmm = has_state(0xe6);         // and opmask, upper zmm
  const bool tiles = has_state(0x600e6) &&  // and tile configuration, tile data
                     bit(extended.edx, 24) && tiles_permitted();
  return {
      .avx2 = ymm && bit(extended.ebx, 5),
      .fma = ymm && bit(basic.ecx, 12),
      .f16c = ymm && bit(basic.ecx, 29),
      .bmi2 = bit(extended.ebx, 8),
      .avx512f = zmm && bit(extended.ebx, 16),
      .avx512bw = zmm && bit(extended.ebx, 30),
      .avx512dq = zmm && bit(extended.ebx, 17),
      .avx512vl = zmm && bit(extended.ebx, 31),
      .avx512_vnni = zmm && bit(extended.ecx, 11),
      .avx512_bf16 = zmm && bit(more.eax, 5),
      .amx_tile = tiles,
      .amx_int8 = tiles && bit(extended.edx, 25),
      .amx_bf16 = tiles && bit(extended.edx, 22),
  };
}

const Features& features() {
  static const Features found = detect();
  return found;
}

constexpr std::array kIsas = {Isa::scalar, Isa::avx2, Isa::avx512, Isa::amx};

std::string names(const auto& isas) {
  std::string text;
  for (const Isa isa : isas) text += (text.empty() ? "" : ", ") + std::string(to_string(isa));
  return text;
}

}  // namespace

std::string_view to_string(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::amx:
      break;
  }
  return "amx";
}

bool machine_has(Isa isa) {
  const Features& f = features();
  const bool avx2 = f.avx2 && f.fma && f.f16c && f.bmi2;
  const bool avx512 = avx2 && f.avx512f && f.avx512bw && f.avx512dq && f.avx512vl && f.avx512_vnni;
  switch (isa) {
    case Isa::scalar:
      return true;
    case Isa::avx2:
      return avx2;
    case Isa::avx512:
      return avx512;
    case Isa::amx:
      break;
  }
  return avx512 && f.avx512_bf16 && f.amx_tile && f.amx_int8 && f.amx_bf16;
}

std::vector<Isa> machine_isas() {
  std::vector<Isa> found;
  for (const Isa isa : kIsas) {
    if (machine_has(isa)) found.push_back(isa);
  }
  return found;
}

Isa isa_named(std::string_view name) {
  for (const Isa isa : kIsas) {
    if (name != to_string(isa)) continue;
    if (machine_has(isa)) return isa;
    fail(Error::Code::unsupported, "HEED_ISA=", name, ": this machine lacks it; it has ",
         names(machine_isas()));
  }
  fail(Error::Code::argument, "HEED_ISA='", name, "': unknown instruction set; expected one of ",
       names(kIsas), " (this machine has ", names(machine_isas()), ")");
}

std::optional<Isa> forced_isa() {
  const char* name = std::getenv("HEED_ISA");
  return name && *name ? std::optional(isa_named(name)) : std::nullopt;
}

Isa preferred_isa() {
  const std::optional<Isa> forced = forced_isa();
  return forced ? *forced : machine_isas().back();
}

std::vector<CpuFeature> cpu_features() {
  const Features& f = features();
  return {
      {"avx2", f.avx2},
      {"fma", f.fma},
      {"f16c", f.f16c},
      {"bmi2", f.bmi2},
      {"avx512f", f.avx512f},
      {"avx512bw", f.avx512bw},
      {"avx512dq", f.avx512dq},
      {"avx512vl", f.avx512vl},
      {"avx512_vnni", f.avx512_vnni},
      {"avx512_bf16", f.avx512_bf16},
      {"amx_tile", f.amx_tile},
      {"amx_int8", f.amx_int8},
      {"amx_bf16", f.amx_bf16},
  };
}

bool has_cpu_feature(std::string_view name) {
  return std::ranges::any_of(cpu_features(),
                             [&](const CpuFeature& f) { return f.name == name && f.present; });
}

}  // namespace heed
