// What a tokenizer says of a vocabulary that it refuses. Used by the tests of each kind.
#pragma once

#include <string>

#include "engine/text/tokenizer.h"

namespace heed {

inline std::string refusal(const TokenizerSpec& spec) {
  try {
    TextTokenizer tokenizer(spec);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace heed
