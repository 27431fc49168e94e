#include "engine/kernels/dispatch.h"

#include <oneapi/dnnl/dnnl.h>

#include "engine/core/error.h"
#include "engine/kernels/tables.h"

namespace heed {
namespace {

dnnl_cpu_isa_t dnnl_cap(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return dnnl_cpu_isa_sse41;
    case Isa::avx2:
      return dnnl_cpu_isa_avx2;
    case Isa::avx512:
      return dnnl_cpu_isa_avx512_core_bf16;
    case Isa::amx:
      break;
  }
  return dnnl_cpu_isa_all;
}

/// oneDNN takes one cap, before its first use. A later call is fine as long as what oneDNN settled
/// on stays within `isa`.
void cap_dnnl(Isa isa) {
  const dnnl_cpu_isa_t cap = dnnl_cap(isa);
  if (cap == dnnl_cpu_isa_all || dnnl_set_max_cpu_isa(cap) == dnnl_success) return;
  const unsigned in_use = dnnl_get_effective_cpu_isa();  // a bit for each level
  if ((in_use & ~static_cast<unsigned>(cap)) == 0) return;
  fail(Error::Code::unsupported, "HEED_ISA=", to_string(isa),
       ": oneDNN was already in use with a wider instruction set; set HEED_ISA before the first "
       "model is loaded");
}

}  // namespace

Isa choose_isa() {
  if (const std::optional<Isa> forced = forced_isa()) cap_dnnl(*forced);
  return preferred_isa();
}

const Kernels& kernels(Isa isa) {
  // Built when first asked for: the code that builds a table needs the instruction set itself.
  switch (isa) {
    case Isa::scalar: {
      static const Kernels table = scalar_table();
      return table;
    }
    case Isa::avx2: {
      static const Kernels table = avx2_table();
      return table;
    }
    case Isa::avx512: {
      static const Kernels table = avx512_table(has_cpu_feature("avx512_bf16"));
      return table;
    }
    case Isa::amx:
      break;
  }
  static const Kernels table = amx_table();
  return table;
}

}  // namespace heed
