// Qwen2 as transformers saves it (Qwen2ForCausalLM): rows of heads stay as they are.
#include "models/hugging_face/decoder_stack.h"

namespace heed {

Recipe hugging_face_qwen2() {
  return hugging_face_decoder_stack("qwen2", RowOrder::same, RowOrder::same);
}

}  // namespace heed
