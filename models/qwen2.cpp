// Qwen2 and Qwen2.5: Llama's stack, with biases on queries, keys and values. Yang et al. 2024. Keys
// and tensor names as llama.cpp's converter writes them.
#include "models/architectures.h"
#include "models/decoder_stack.h"

namespace heed {

ModelGraph qwen2(const Hyperparameters& hyperparameters) {
  return decoder_stack(hyperparameters, RopeOrder::halves);
}

}  // namespace heed
