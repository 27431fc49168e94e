// The table behind pre_tokenizer.h.
#include "engine/text/pre_tokenizer.h"

#include <algorithm>
#include <array>

#include "engine/core/error.h"

namespace heed {
namespace {

// The patterns as the models' own tokenizer files give them, but for kSingleDigits.
constexpr std::string_view kContractionsAndRuns =
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Published as two passes: each digit is cut out, then the pattern above is applied to what lies
// between. In one pass, a digit ends a run of white space as the end of the text does.
constexpr std::string_view kSingleDigits =
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+)";

constexpr std::string_view kDigitTriplesAndLines =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kSingleDigitsAndLines =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::array kPreTokenizers = {
    PreTokenizer{.name = "default", .pattern = kContractionsAndRuns},
    PreTokenizer{.name = "gpt-2", .pattern = kContractionsAndRuns},
    PreTokenizer{.name = "smollm", .pattern = kSingleDigits},
    PreTokenizer{.name = "llama-bpe",
                 .pattern = kDigitTriplesAndLines,
                 .ignore_merges = true,
                 .add_bos = true},
    PreTokenizer{.name = "qwen2", .pattern = kSingleDigitsAndLines, .nfc = true},
};

}  // namespace

std::span<const PreTokenizer> known_pre_tokenizers() {
  return kPreTokenizers;
}

const PreTokenizer& pre_tokenizer(std::string_view name) {
  if (name.empty()) name = "default";
  const auto it = std::ranges::find(kPreTokenizers, name, &PreTokenizer::name);
  if (it != kPreTokenizers.end()) return *it;
  std::string known;
  for (const PreTokenizer& p : kPreTokenizers) known += cat(known.empty() ? "" : ", ", p.name);
  fail(Error::Code::unsupported, "pre-tokenizer '", name, "' is not known; known are: ", known);
}

}  // namespace heed
