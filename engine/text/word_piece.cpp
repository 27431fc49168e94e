// WordPiece as GGUF's "bert" vocabularies have it: a piece that starts a word is written "▁piece";
// all others continue one (elsewhere "##piece").
// Reference: Devlin et al. 2019 (arXiv 1810.04805), as Hugging Face `tokenizers` does it.
#include "engine/core/error.h"
#include "engine/text/subword.h"
#include "engine/text/word_models.h"

namespace heed {
namespace {

constexpr std::string_view kWordStart = "\xE2\x96\x81";  // ▁, U+2581
constexpr std::string_view kContinuation = "##";

bool is_text(TokenType type) {
  return type == TokenType::normal || type == TokenType::undefined;
}

}  // namespace

Subwords make_word_piece(TokenizerSpec& spec) {
  if (!spec.unk) {
    fail(Error::Code::format, "tokenizer: expected an unknown token ([UNK]), found none");
  }
  Subwords result{.pieces = std::move(spec.tokens)};
  WordPieceVocabulary vocabulary{.unknown = *spec.unk};
  for (size_t id = 0; id < result.pieces.size(); ++id) {
    if (!is_text(spec.types[id])) continue;
    std::string& piece = result.pieces[id];
    if (piece.starts_with(kWordStart)) {
      piece.erase(0, kWordStart.size());
      vocabulary.starts.add(piece, static_cast<Token>(id));
    } else {
      vocabulary.continuations.add(piece, static_cast<Token>(id));
      piece.insert(0, kContinuation);
    }
  }
  const bool lowercase = spec.lowercase.value_or(true);
  result.normalizers.push_back(normalizers::Bert{
      .strip_accents = spec.strip_accents.value_or(lowercase), .lowercase = lowercase});
  result.model =
      make_wordwise(pre_tokenizers::bert_words(), make_word_piece_model(std::move(vocabulary)));
  std::vector<decoders::Step> decoder;
  decoder.push_back(decoders::WordPiece{.prefix = std::string(kContinuation)});
  result.decoder = PieceDecoder(std::move(decoder));
  const auto first = spec.cls ? spec.cls : spec.bos;
  const auto last = spec.sep ? spec.sep : spec.eos;
  if (spec.add_bos.value_or(true) && first) result.prefix = {*first};
  if (spec.add_eos.value_or(true) && last) result.suffix = {*last};
  return result;
}

}  // namespace heed
