// What all kinds of tokenizer share.
#include "engine/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <limits>

#include "engine/core/error.h"
#include "engine/format/metadata.h"
#include "engine/text/jinja_text.h"
#include "engine/text/pre_tokenizer.h"
#include "engine/text/utf8.h"

namespace heed {
namespace {

/// Repaired and normalised, a text may grow several times; bytes are counted in 31 bits by
/// sentencepiece.
constexpr size_t kMaxTextBytes = size_t{1} << 28;

struct DefaultId {
  std::optional<Token> TokenizerSpec::*id;
  std::string_view token;
};

/// What tokenizer.ggml.model may say, and the names that its special tokens have where the file
/// does not give their ids.
struct Kind {
  std::string_view name;
  Subwords (*make)(TokenizerSpec&);
  std::array<DefaultId, 5> ids;
};

constexpr std::array kKinds = {
    Kind{.name = "gpt2", .make = make_byte_pair, .ids = {}},
    Kind{.name = "llama",
         .make = make_sentence_piece_bpe,
         .ids = {{{&TokenizerSpec::bos, "<s>"},
                  {&TokenizerSpec::eos, "</s>"},
                  {&TokenizerSpec::unk, "<unk>"}}}},
    Kind{.name = "t5",
         .make = make_sentence_piece_unigram,
         .ids = {{{&TokenizerSpec::eos, "</s>"},
                  {&TokenizerSpec::unk, "<unk>"},
                  {&TokenizerSpec::pad, "<pad>"}}}},
    Kind{.name = "bert",
         .make = make_word_piece,
         .ids = {{{&TokenizerSpec::unk, "[UNK]"},
                  {&TokenizerSpec::cls, "[CLS]"},
                  {&TokenizerSpec::sep, "[SEP]"},
                  {&TokenizerSpec::pad, "[PAD]"},
                  {&TokenizerSpec::mask, "[MASK]"}}}},
    Kind{.name = "marian",
         .make = make_sentence_piece_pair,
         .ids = {{{&TokenizerSpec::eos, "</s>"},
                  {&TokenizerSpec::unk, "<unk>"},
                  {&TokenizerSpec::pad, "<pad>"}}}},
};

/// Control tokens that end a turn or a text in one chat format or another. Files name one of them
/// as eos at best, and models have been seen to end with any.
constexpr std::array<std::string_view, 16> kEndsOfGeneration = {
    "</s>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<end_of_turn>",
    "<|end_of_turn|>",
    "<|return|>",
    "<|call|>",
    "<EOT>",
    "<eos>",
    "<turn|>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
};

const Kind& kind_of(const TokenizerSpec& spec) {
  const auto it = std::ranges::find(kKinds, spec.model, &Kind::name);
  if (it != kKinds.end()) return *it;
  std::string known;
  for (const Kind& k : kKinds) known += cat(known.empty() ? "" : ", ", k.name);
  fail(Error::Code::unsupported, "tokenizer.ggml.model '", spec.model,
       "' is not known; known are: ", known);
}

void check_size(std::string_view what, size_t found, size_t expected) {
  if (found == 0 || found == expected) return;
  fail(Error::Code::format, "tokenizer: expected ", what, " for ", expected, " tokens, found ",
       found);
}

/// Gives the special tokens their usual ids where the file is silent, and checks those it names.
void complete_ids(TokenizerSpec& spec, const Kind& kind) {
  for (const auto& [id, token] : kind.ids) {
    if (!id || spec.*id) continue;
    const auto it = std::ranges::find(spec.tokens, token);
    if (it != spec.tokens.end()) spec.*id = static_cast<Token>(it - spec.tokens.begin());
  }
  for (const SpecialId& special : kSpecialIds) {
    const std::optional<Token> id = spec.*special.id;
    if (id && (*id < 0 || static_cast<size_t>(*id) >= spec.tokens.size())) {
      fail(Error::Code::format, special.key, " is ", *id, ", but there are ", spec.tokens.size(),
           " tokens");
    }
  }
}

}  // namespace

TextTokenizer::TextTokenizer(TokenizerSpec spec) {
  const size_t count = spec.tokens.size();
  if (count == 0 || count > INT32_MAX) {
    fail(Error::Code::format, "tokenizer: expected 1 to ", INT32_MAX, " tokens, found ", count);
  }
  check_size("types", spec.types.size(), count);
  check_size("scores", spec.scores.size(), count);
  if (spec.types.empty()) spec.types.assign(count, TokenType::normal);
  const Kind& kind = kind_of(spec);
  complete_ids(spec, kind);
  subwords_ = kind.make(spec);
  types_ = std::move(spec.types);
  bos_ = spec.bos;
  eos_ = spec.eos;
  unk_ = spec.unk;
  pad_ = spec.pad;
  mask_ = spec.mask;

  for (size_t i = 0; i < count; ++i) {
    const auto token = static_cast<Token>(i);
    const std::string_view text = subwords_.pieces[i];
    const bool user_defined = types_[i] == TokenType::user_defined;
    if (text.empty() || (!user_defined && !is_special(token))) continue;
    all_special_.add(text, token);
    if (user_defined) user_defined_.add(text, token);
    if (std::ranges::find(kEndsOfGeneration, text) != kEndsOfGeneration.end()) {
      end_of_generation_.push_back(token);
    }
  }
  all_special_.finish();
  user_defined_.finish();
  for (const auto& id : {spec.eos, spec.eot, spec.eom}) {
    if (id) end_of_generation_.push_back(*id);
  }
}

size_t TextTokenizer::index(Token token) const {
  if (token < 0 || static_cast<size_t>(token) >= size()) {
    fail(Error::Code::argument, "token ", token, " is outside the vocabulary of ", size());
  }
  return static_cast<size_t>(token);
}

bool TextTokenizer::is_special(Token token) const {
  return type(token) == TokenType::control || type(token) == TokenType::unknown;
}

bool TextTokenizer::is_end_of_generation(Token token) const {
  return std::ranges::find(end_of_generation_, token) != end_of_generation_.end();
}

std::optional<Token> TextTokenizer::find(std::string_view text) const {
  const auto it = std::ranges::find(subwords_.pieces, text);
  if (it == subwords_.pieces.end()) return std::nullopt;
  return static_cast<Token>(it - subwords_.pieces.begin());
}

std::vector<Token> TextTokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<Token> tokens;
  encode_to(text, *subwords_.model, options, TokenSink(tokens, nullptr));
  return tokens;
}

std::vector<Token> TextTokenizer::encode_target(std::string_view text,
                                                EncodeOptions options) const {
  std::vector<Token> tokens;
  const SubwordModel& model = subwords_.target ? *subwords_.target : *subwords_.model;
  encode_to(text, model, options, TokenSink(tokens, nullptr));
  return tokens;
}

Encoding TextTokenizer::encode_with_ranges(std::string_view text, EncodeOptions options) const {
  Encoding encoding;
  encode_to(text, *subwords_.model, options, TokenSink(encoding.tokens, &encoding.ranges));
  return encoding;
}

void TextTokenizer::encode_to(std::string_view source, const SubwordModel& model,
                              EncodeOptions options, TokenSink sink) const {
  if (source.size() > kMaxTextBytes) {
    fail(Error::Code::limit, "text of ", source.size(), " bytes is longer than the limit of ",
         kMaxTextBytes);
  }
  const EditedText valid = repair_utf8(source);
  const std::string_view text = valid.text();
  const SpecialTokens& special = options.parse_special ? all_special_ : user_defined_;

  if (options.add_special && subwords_.prefix) sink.add(*subwords_.prefix, {});
  const size_t first = sink.size();
  for (size_t pos = 0; pos < text.size();) {
    const auto match = special.find(text, pos);
    const size_t end = match ? match->range.begin : text.size();
    if (pos < end) {
      const size_t from = sink.size();
      model.encode(text.substr(pos, end - pos), sink);
      sink.map_ranges(from, [&](ByteRange r) { return ByteRange{r.begin + pos, r.end + pos}; });
    }
    if (match) sink.add(match->token, match->range);
    pos = match ? match->range.end : end;
  }
  if (valid.changed()) {
    sink.map_ranges(first, [&](ByteRange range) { return valid.in_source(range); });
  }
  if (options.add_special && subwords_.suffix) sink.add(*subwords_.suffix, {});
}

std::string TextTokenizer::decode(std::span<const Token> tokens, bool skip_special) const {
  StreamDecoder decoder(*this, skip_special);
  std::string text;
  for (const Token token : tokens) text += decoder.push(token);
  text += decoder.finish();
  return text;
}

TextTokenizer load_tokenizer(const Metadata& metadata) {
  TokenizerSpec spec = read_tokenizer_spec(metadata);
  try {
    return TextTokenizer(std::move(spec));
  } catch (const Error& error) {
    fail(error.code(), metadata.source(), ": ", error.what());
  }
}

std::string_view StreamDecoder::push(Token token) {
  const std::string_view piece = tokenizer_->piece(token);
  const bool special = tokenizer_->is_special(token);
  ready_.clear();
  if (skip_special_ && special) return ready_;
  if (special && tokenizer_->subwords_.trims) {
    repair(true);
    give(piece);
    blanks_ = ' ';
    blanks_to_skip_ = 1;
    first_ = false;
    return ready_;
  }
  tokenizer_->subwords_.model->join(piece, first_, pending_);
  if (first_) blanks_to_skip_ = std::numeric_limits<int>::max();
  first_ = false;
  repair(false);
  return ready_;
}

std::string_view StreamDecoder::finish() {
  ready_.clear();
  repair(true);
  blanks_.clear();
  first_ = true;
  return ready_;
}

/// Moves what is decided of pending_ to ready_.
void StreamDecoder::repair(bool at_end) {
  size_t pos = 0;
  while (pos < pending_.size()) {
    const Utf8Char c = read_utf8(pending_, pos);
    if (c.status == Utf8Char::Status::truncated && !at_end) break;
    if (c.status == Utf8Char::Status::valid) {
      const auto character = std::string_view(pending_).substr(pos, c.length);
      if (tokenizer_->subwords_.trims && jinja::is_space(c.code)) {
        if (blanks_to_skip_ > 0) {
          --blanks_to_skip_;
        } else {
          blanks_ += character;
        }
      } else {
        give(character);
      }
    } else {
      const int count = tokenizer_->subwords_.replace_each_byte ? c.length : 1;
      for (int i = 0; i < count; ++i) give(kReplacementCharacter);
    }
    pos += c.length;
  }
  pending_.erase(0, pos);
}

/// `text`, which is not blank, after the blanks that waited for it.
void StreamDecoder::give(std::string_view text) {
  ready_ += blanks_;
  ready_ += text;
  blanks_.clear();
  blanks_to_skip_ = 0;
}

}  // namespace heed
