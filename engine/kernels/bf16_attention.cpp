// Attention over keys and values in bf16 with vdpbf16ps. Queries and weights are rounded to bf16
// for it. For CPUs with AVX512_BF16.
#include "engine/kernels/near_memory.h"

#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/avx512_bytes.h"

#include "engine/kernels/bf16_dot.h"
#include "engine/kernels/each_head.h"

namespace heed {
namespace {

void attend(const AttendArgs& args) {
  if (args.kv.type != KvType::bf16) return avx512::attend(args);
  attend_as<Bf16Dot, KvType::bf16>(args);
}

}  // namespace

void bf16::set_attention(Kernels& table) {
  table.rounds_queries = true;
  table.attend = attend;
  table.attend_heads = attend_each_head<attend>;
}

}  // namespace heed
