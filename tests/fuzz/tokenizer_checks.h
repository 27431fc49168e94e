// What tokenizers promise for any text and any tokens. Used by the fuzz targets of tokenizers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/text/tokenizer.h"
#include "tests/fuzz/checks.h"

namespace heed {

inline void check_decode(const TextTokenizer& tokenizer, const std::vector<Token>& tokens) {
  for (const bool skip_special : {true, false}) {
    const std::string text = tokenizer.decode(tokens, skip_special);
    require(!repair_utf8(text).changed());
    StreamDecoder stream(tokenizer, skip_special);
    std::string streamed;
    for (const Token token : tokens) {
      const std::string_view piece = stream.push(token);
      require(!repair_utf8(piece).changed());
      streamed += piece;
    }
    require((streamed += stream.finish()) == text);
  }
}

inline void check_encode(const TextTokenizer& tokenizer, std::string_view text,
                         EncodeOptions options) {
  const Encoding encoding = tokenizer.encode_with_ranges(text, options);
  require(encoding.ranges.size() == encoding.tokens.size());
  require(tokenizer.encode(text, options) == encoding.tokens);
  for (const ByteRange range : encoding.ranges) {
    require(range.begin <= range.end && range.end <= text.size());
  }
  for (const ByteRange range : to_characters(text, encoding.ranges)) {
    require(range.begin <= range.end && range.end <= text.size());
  }
  check_decode(tokenizer, encoding.tokens);
}

}  // namespace heed
