#include <array>

#include "models/hugging_face/recipe.h"

namespace heed {

std::span<const Recipe> recipes() {
  static const std::array kRecipes = {
      hugging_face_bert(),  hugging_face_gpt2(),  hugging_face_llama(),  hugging_face_marian(),
      hugging_face_qwen2(), ctranslate2_marian(), ctranslate2_opennmt(),
  };
  return kRecipes;
}

}  // namespace heed
