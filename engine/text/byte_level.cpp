// Byte-level BPE as GGUF's "gpt2" vocabularies have it: the name of a pre-tokenizer says how a text
// is cut into words, and tokens are written in the alphabet of bytes.
#include <algorithm>

#include "engine/text/byte_alphabet.h"
#include "engine/text/byte_pair.h"
#include "engine/text/pre_tokenizer.h"

namespace heed {
namespace {

bool is_plain_text(TokenType type) {
  return type == TokenType::control || type == TokenType::user_defined ||
         type == TokenType::unknown;
}

}  // namespace

Subwords make_byte_pair(TokenizerSpec& spec) {
  const PreTokenizer& pre = pre_tokenizer(spec.pre);
  Subwords result;
  result.pieces.reserve(spec.tokens.size());
  std::vector<Token> tokens;
  tokens.reserve(spec.tokens.size());
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const std::string& token = spec.tokens[id];
    const bool plain = is_plain_text(spec.types[id]);
    if (!plain) tokens.push_back(static_cast<Token>(id));
    result.pieces.push_back(plain ? token : alphabet_to_bytes(token).value_or(token));
  }
  BytePairVocabulary vocabulary{
      .written = spec.tokens, .texts = result.pieces, .tokens = tokens, .merges = {}};
  vocabulary.merges.reserve(spec.merges.size());
  for (const std::string_view merge : spec.merges) {
    const size_t blank = std::min(merge.find(' ', 1), merge.size());
    vocabulary.merges.emplace_back(merge.substr(0, blank),
                                   merge.substr(std::min(blank + 1, merge.size())));
  }
  if (pre.nfc) result.normalizers.push_back(normalizers::Unicode{NormalForm::c});
  std::vector<pre_tokenizers::Step> steps;
  steps.push_back(pre_tokenizers::Split{.pattern = TextPattern(Regex(pre.pattern))});
  result.model = make_wordwise(
      std::move(steps),
      make_byte_pair_model(vocabulary, {.bytes = true, .ignore_merges = pre.ignore_merges}));
  if (spec.add_bos.value_or(pre.add_bos) && spec.bos) result.prefix = {*spec.bos};
  if (spec.add_eos.value_or(false) && spec.eos) result.suffix = {*spec.eos};
  return result;
}

}  // namespace heed
