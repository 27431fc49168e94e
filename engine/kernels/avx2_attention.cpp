// Attention for avx2: the generic kernels over its Vec; 16-bit keys and values are widened to f32
// a block at a time.
#include "engine/kernels/near_memory.h"

#include "engine/kernels/avx2_vec.h"

#include "engine/kernels/avx2_bytes.h"
#include "engine/kernels/each_head.h"
#include "engine/kernels/generic/attention.inl"
#include "engine/kernels/generic/store_kv.inl"

namespace heed {

void avx2::attend(const AttendArgs& args) noexcept {
  switch (args.kv.type) {
    case KvType::f32:
      return attend_as<F32Dot, KvType::f32>(args);
    case KvType::bf16:
      return attend_widened<KvType::bf16>(args);
    case KvType::f16:
      return attend_widened<KvType::f16>(args);
    case KvType::q8:
      return attend_as<Q8Dot, KvType::q8>(args);
  }
}

void avx2::set_attention(Kernels& table) {
  table.store_kv = store_kv;
  table.store_kv_tile = store_kv_tile;
  table.attend_scratch = [](KvType, int64_t head_dim, int64_t count) {
    return scratch_bytes(head_dim, count);
  };
  table.attend = attend;
  table.attend_heads = attend_each_head<attend>;
}

}  // namespace heed
