// Which kernel table an instruction set has.
#include "engine/kernels/kernels.h"
#include "engine/kernels/tables.h"

namespace heed {

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
