// Any bytes as a text, any numbers as tokens, any vocabulary: tokenizers of every kind either throw
// Error or keep their promises. The first byte of the input says which of these it is.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.h"
#include "tests/fuzz/tokenizer_checks.h"
#include "tests/text/golden_vocabulary.h"

namespace heed {
namespace {

struct Golden {
  TextTokenizer tokenizer;
  bool lossless;  ///< has a token for every byte, and normalises nothing
};

const std::vector<Golden>& goldens() {
  static const std::vector<Golden> all = [] {
    std::vector<Golden> made;
    for (const char* kind : {"gpt-2", "smollm", "llama-bpe", "qwen2", "uncased", "cased",
                             "sentencepiece-bpe", "sentencepiece-unigram"}) {
      const bool lossless = std::strcmp(kind, "gpt-2") == 0 || std::strcmp(kind, "llama-bpe") == 0;
      made.push_back({TextTokenizer(golden::read_vocabulary(kind)), lossless});
    }
    return made;
  }();
  return all;
}

std::vector<Token> to_tokens(std::string_view bytes) {
  std::vector<Token> tokens(bytes.size() / 2);
  for (size_t i = 0; i < tokens.size(); ++i) {
    int16_t token = 0;
    std::memcpy(&token, bytes.data() + 2 * i, sizeof token);
    tokens[i] = token;
  }
  return tokens;
}

/// Lines up to an empty one, of which each begins with a letter that says what it is about.
TokenizerSpec read_spec(std::string_view& bytes) {
  TokenizerSpec spec{.model = "gpt2"};
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string line(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.empty()) break;
    const std::string rest = line.substr(1);
    if (line[0] == 'm') spec.model = rest;
    if (line[0] == 'p') spec.pre = rest;
    if (line[0] == 'u') spec.unk = static_cast<Token>(rest.size());
    if (line[0] == 'M') spec.merges.push_back(rest);
    if (line[0] == 'c') spec.precompiled_charsmap = rest;
    if (line[0] >= '0' && line[0] <= '6') {
      spec.tokens.push_back(rest);
      spec.types.push_back(static_cast<TokenType>(line[0] - '0'));
      spec.scores.push_back(rest.empty() ? 0.0f : static_cast<float>(rest.back()) - 100.0f);
    }
  }
  return spec;
}

/// The input as a sentencepiece model of both sides.
void run_pair(std::string_view input, EncodeOptions options) {
  TokenizerSpec spec{.model = "marian",
                     .tokens = {"</s>", "<unk>", "▁", "a", "▁a", "b", "<0x61>"},
                     .source_model = std::string(input),
                     .target_model = std::string(input)};
  spec.types.assign(spec.tokens.size(), TokenType::normal);
  spec.types[0] = TokenType::control;
  spec.types[1] = TokenType::unknown;
  const TextTokenizer tokenizer(std::move(spec));
  for (const std::string_view text :
       {"a man, a plan  ", ">>de<<\u3000b\u2581é", "\xFF<unk>日本", ""}) {
    check_encode(tokenizer, text, options);
    check_decode(tokenizer, tokenizer.encode_target(text, options));
  }
}

}  // namespace

void fuzz(std::string_view input) {
  if (input.empty()) return;
  const auto choice = static_cast<uint8_t>(input[0]);
  input.remove_prefix(1);
  const EncodeOptions options = {.add_special = (choice & 8) != 0,
                                 .parse_special = (choice & 16) != 0};
  if (choice & 128) return run_pair(input, options);
  if (choice & 64) {
    const TextTokenizer tokenizer(read_spec(input));
    check_encode(tokenizer, input, options);
    return;
  }
  const Golden& golden = goldens()[choice & 7];
  if (choice & 32) {
    check_decode(golden.tokenizer, to_tokens(input));
    return;
  }
  check_encode(golden.tokenizer, input, options);
  if (golden.lossless && !options.add_special) {
    const std::vector<Token> tokens = golden.tokenizer.encode(input, options);
    require(golden.tokenizer.decode(tokens, false) == repair_utf8(input).text());
  }
}

}  // namespace heed
