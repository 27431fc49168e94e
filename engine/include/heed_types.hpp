// Small types that the public interface and the engine share. Included by heed.hpp.
#pragma once

#include <cstdint>

namespace heed {

/// A token's id: an index into the model's vocabulary.
using Token = int32_t;

struct EncodeOptions {
  bool add_special = true;    ///< beginning, end or class tokens, as the model's file says
  bool parse_special = true;  ///< "<|im_end|>" in the text is that token, not ten characters
};

/// How an encoder makes one vector of a sequence. The values are GGUF's own numbers; `model` means
/// what the model's file says.
enum class Pooling { model = 0, mean = 1, cls = 2, last = 3 };

/// When a beam search stops, once as many hypotheses have ended as there are beams. `no`: when none
/// that goes on has a better score now than the worst that ended; `yes`: at once; `never`: when
/// none could have one at the greatest length.
enum class EarlyStopping { no, yes, never };

/// Number type of the key/value cache; q8: 8 bits, with a scale for each key and value of a head.
enum class KvType { f32, bf16, f16, q8 };

}  // namespace heed
