// The model file of the sentencepiece library: made of what GGUF's arrays hold, or checked where a
// file has it whole. The library comes without its message definitions, so the few fields that
// matter are written and read by hand.
// Reference: sentencepiece_model.proto (field numbers), the protocol buffers wire format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/tokenizer_spec.h"

namespace heed {

struct SentencePieceModel {
  enum class Algorithm { unigram = 1, bpe = 2 };  // the file's numbers

  struct Piece {
    std::string_view text;
    float score = 0;
    TokenType type = TokenType::normal;  // the file's numbers are the same as GGUF's
  };

  Algorithm algorithm = Algorithm::unigram;
  std::vector<Piece> pieces;  ///< exactly one of them unknown, none of them twice
  std::string_view precompiled_charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
};

std::string serialize(const SentencePieceModel& model);

/// The same of a file: what `model`, which must outlive the result, says. Throws as check_model
/// does, and Error(unsupported) for an algorithm that is neither of the two.
SentencePieceModel read_sentence_piece_model(std::string_view model, std::string_view name);

/// Throws Error(format) if the library would read outside of `charsmap` (a double array of 32-bit
/// units, then NUL-terminated replacements), which it does not check itself. Empty is fine. `name`
/// stands for it in errors.
void check_charsmap(std::string_view charsmap,
                    std::string_view name = "tokenizer.ggml.precompiled_charsmap");

/// Throws Error(format) if `model` is not a model's message, or has pieces or a charsmap that the
/// library takes without a check and cannot work with; Error(unsupported) if it rewrites decoded
/// text. `name` stands for it in errors. What remains wrong, the library says.
void check_model(std::string_view model, std::string_view name);

}  // namespace heed
