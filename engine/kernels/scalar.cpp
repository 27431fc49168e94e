// The scalar table: plain C++ for any x86-64, complete, and the specification of every entry.
#include "engine/kernels/tables.h"

namespace heed {

Kernels scalar_table() {
  Kernels t{};
  t.name = "scalar";
  t.isa = Isa::scalar;
  scalar::set_matrices(t);
  scalar::set_rows(t);
  scalar::set_attention(t);
  return t;
}

}  // namespace heed
