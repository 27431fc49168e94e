// Any bytes as a tokenizer.json: it is refused with an Error, or what it makes keeps the promises
// of every tokenizer on a few texts.
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.h"
#include "tests/fuzz/tokenizer_checks.h"

namespace heed {

void fuzz(std::string_view json) {
  const TextTokenizer tokenizer(TokenizerSpec{.huggingface_json = std::string(json)});
  for (const std::string_view text :
       {" Hello, World! 123 it's", "\u00E9e\u0301\u1E69 \u4E16\u754C\t\uFF21<s>a <s>",
        "\xFF\xC3 a\r\n", "aaaaaaaaaaaaaaaaaaaaaaab", "\u2581 \U0001F600\u200D\u3131\u314F", ""}) {
    try {
      check_encode(tokenizer, text, {});
      check_encode(tokenizer, text, {.add_special = false, .parse_special = false});
    } catch (const Error&) {  // a limit, or a character without a token
    }
  }
  std::vector<Token> tokens;
  for (size_t id = 0; id < tokenizer.size() && id < 64; ++id)
    tokens.push_back(static_cast<Token>(id));
  check_decode(tokenizer, tokens);
}

}  // namespace heed
