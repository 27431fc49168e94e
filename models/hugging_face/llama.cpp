// Llama as transformers saves it (LlamaForCausalLM).
#include "models/hugging_face/decoder_stack.h"

namespace heed {

Recipe hugging_face_llama() {
  return hugging_face_decoder_stack("llama", RowOrder::halves_of_heads,
                                    RowOrder::halves_of_kv_heads);
}

}  // namespace heed
