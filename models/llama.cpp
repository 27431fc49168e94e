// Llama, and what has its shape: Mistral, SmolLM2, TinyLlama. Touvron et al. 2023. Keys and tensor
// names as llama.cpp's converter writes them.
#include "models/architectures.h"
#include "models/decoder_stack.h"

namespace heed {

ModelGraph llama(const Hyperparameters& hyperparameters) {
  return decoder_stack(hyperparameters, RopeOrder::pairs);
}

}  // namespace heed
