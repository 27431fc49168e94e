// What all kinds of tokenizer share.
#include "engine/text/tokenizer.h"

#include <algorithm>
#include <array>

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

/// How long a text of `bytes` may become on its way to tokens. Unicode's longest compatibility
/// decomposition is eleven times as long, and written in the alphabet of bytes twice that; more is
/// not a normalisation but a file that wants to fill the memory.
size_t max_normalized_bytes(size_t bytes) {
  return std::min<size_t>((size_t{1} << 16) + 64 * bytes, size_t{1} << 30);
}

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

const std::vector<Token> kNoTokens;

/// Of the texts of added tokens.
constexpr EditRules kAddedRules = {.max_bytes = 1 << 16};

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

/// As many types and scores as tokens, or none; then all types are normal.
void check_arrays(TokenizerSpec& spec) {
  const size_t count = spec.tokens.size();
  if (count == 0 || count > INT32_MAX) {
    fail(Error::Code::format, "tokenizer: expected 1 to ", INT32_MAX, " tokens, found ", count);
  }
  check_size("types", spec.types.size(), count);
  check_size("scores", spec.scores.size(), count);
  if (spec.types.empty()) spec.types.assign(count, TokenType::normal);
}

/// Gives the special tokens their usual ids where the file is silent.
void find_usual_ids(TokenizerSpec& spec, const Kind& kind) {
  for (const auto& [id, token] : kind.ids) {
    if (id && !(spec.*id)) spec.*id = find_token(spec, token);
  }
}

void check_ids(const TokenizerSpec& spec, size_t count) {
  for (const SpecialId& special : kSpecialIds) {
    const std::optional<Token> id = spec.*special.id;
    if (id && (*id < 0 || static_cast<size_t>(*id) >= count)) {
      fail(Error::Code::format, special.key, " is ", *id, ", but there are ", count, " tokens");
    }
  }
}

size_t checked_index(Token token, size_t vocab) {
  if (token < 0 || static_cast<size_t>(token) >= vocab) {
    fail(Error::Code::argument, "token ", token, " is outside the vocabulary of ", vocab);
  }
  return static_cast<size_t>(token);
}

/// Adds the special tokens in `text` and, by encode(part, whether it begins the text), the tokens
/// of what lies between them, whose ranges are of the part.
template <typename Encode>
void encode_between(const SpecialTokens& special, std::string_view text, TokenSink& sink,
                    const Encode& encode) {
  for (size_t pos = 0; pos < text.size();) {
    const auto match = special.find(text, pos);
    const size_t end = match ? match->range.begin : text.size();
    if (pos < end) {
      const size_t from = sink.size();
      encode(text.substr(pos, end - pos), pos == 0);
      sink.map_ranges(from, [&](ByteRange r) { return ByteRange{r.begin + pos, r.end + pos}; });
    }
    if (match) sink.add(match->token, match->range);
    pos = match ? match->range.end : end;
  }
}

}  // namespace

TextTokenizer::TextTokenizer(TokenizerSpec spec) {
  if (spec.huggingface_json.empty()) {
    const Kind& kind = kind_of(spec);
    check_arrays(spec);
    find_usual_ids(spec, kind);
    check_ids(spec, spec.tokens.size());
    subwords_ = kind.make(spec);
  } else {
    subwords_ = make_hugging_face(spec);
    check_ids(spec, spec.types.size());
  }
  types_ = std::move(spec.types);
  bos_ = spec.bos;
  eos_ = spec.eos;
  unk_ = spec.unk;
  pad_ = spec.pad;
  mask_ = spec.mask;
  add_special_tokens();
  for (const auto& id : {spec.eos, spec.eot, spec.eom}) {
    if (id) end_of_generation_.push_back(*id);
  }
}

void TextTokenizer::add_special_tokens() {
  if (!subwords_.added) {
    subwords_.added.emplace();
    for (size_t i = 0; i < size(); ++i) {
      const auto token = static_cast<Token>(i);
      const bool special = is_special(token);
      if (special || types_[i] == TokenType::user_defined) {
        subwords_.added->push_back(
            {.token = token, .text = subwords_.pieces[i], .special = special});
      }
    }
  }
  for (AddedToken& token : *subwords_.added) {
    if (std::ranges::find(kEndsOfGeneration, token.text) != kEndsOfGeneration.end()) {
      end_of_generation_.push_back(token.token);
    }
    if (token.normalized) {  // then so are what it is looked for as, and what it becomes
      for (const normalizers::Step& step : subwords_.normalizers) {
        token.text = std::string(normalizers::apply(step, token.text, kAddedRules).text());
      }
      const auto id = static_cast<size_t>(token.token);
      subwords_.pieces[id] = subwords_.decoder.piece(token.text);
      if (!subwords_.written.empty()) subwords_.written[id] = token.text;
    }
    if (token.text.empty()) continue;
    Added& added = token.normalized ? added_normalized_ : added_;
    if (!token.special) added.user_defined.add(token);
    added.all.add(token);
  }
  subwords_.added.reset();
  for (Added* added : {&added_, &added_normalized_}) {
    added->user_defined.finish();
    added->all.finish();
  }
}

size_t TextTokenizer::index(Token token) const {
  return checked_index(token, size());
}

std::string_view TextTokenizer::source_piece(Token token) const {
  if (subwords_.source_pieces.empty()) return piece(token);
  return subwords_.source_pieces[checked_index(token, subwords_.source_pieces.size())];
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
  encode_to(text, source(), options, TokenSink(tokens, nullptr));
  return tokens;
}

std::vector<Token> TextTokenizer::encode_target(std::string_view text,
                                                EncodeOptions options) const {
  std::vector<Token> tokens;
  encode_to(text, target(), options, TokenSink(tokens, nullptr));
  return tokens;
}

Encoding TextTokenizer::encode_with_ranges(std::string_view text, EncodeOptions options) const {
  Encoding encoding;
  encode_to(text, source(), options, TokenSink(encoding.tokens, &encoding.ranges));
  return encoding;
}

TextTokenizer::Side TextTokenizer::target() const {
  return {subwords_.target ? *subwords_.target : *subwords_.model,
          subwords_.target_suffix ? *subwords_.target_suffix : subwords_.suffix};
}

void TextTokenizer::encode_to(std::string_view given, const Side& side, EncodeOptions options,
                              TokenSink sink) const {
  if (given.size() > kMaxTextBytes) {
    fail(Error::Code::limit, "text of ", given.size(), " bytes is longer than the limit of ",
         kMaxTextBytes);
  }
  const EditedText valid = repair_utf8(given);
  const std::string_view text = valid.text();
  const SpecialTokens& special = added_.find_with(options.parse_special);
  const EditRules rules = {.max_bytes = max_normalized_bytes(text.size()),
                           .tracks = sink.wants_ranges()};

  for (const Token token : options.add_special ? subwords_.prefix : kNoTokens) sink.add(token, {});
  const size_t first = sink.size();
  encode_between(special, text, sink, [&](std::string_view between, bool at_start) {
    encode_part({.text = between, .at_start = at_start, .rules = rules}, side.model,
                options.parse_special, sink);
  });
  if (valid.changed()) {
    sink.map_ranges(first, [&](ByteRange range) { return valid.in_source(range); });
  }
  for (const Token token : options.add_special ? side.suffix : kNoTokens) sink.add(token, {});
}

/// Adds the tokens of a part without those of added_; ranges are of its text.
void TextTokenizer::encode_part(const TextPart& part, const SubwordModel& model, bool parse_special,
                                TokenSink& sink) const {
  EditChain normal(part.text);
  for (const normalizers::Step& step : subwords_.normalizers) {
    normal.add(normalizers::apply(step, normal.text(), part.rules));
  }
  const std::string_view text = normal.text();
  const SpecialTokens& special = added_normalized_.find_with(parse_special);
  const size_t first = sink.size();
  encode_between(special, text, sink, [&](std::string_view between, bool at_start) {
    model.encode({.text = between, .at_start = part.at_start && at_start, .rules = part.rules},
                 sink);
  });
  if (normal.changed()) {
    sink.map_ranges(first, [&](ByteRange range) { return normal.in_source(range); });
  }
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
  const Subwords& subwords = tokenizer_->subwords_;
  if (special && subwords.trims) {
    repair(true);
    give(piece);
    blanks_ = ' ';
    blanks_to_skip_ = 1;
    state_.first = false;
    return ready_;
  }
  if (state_.first) blanks_to_skip_ = subwords.trims ? SIZE_MAX : subwords.decoder.edges().start;
  const bool as_written = subwords.decoder.needs_context() && !subwords.written.empty();
  subwords.decoder.join(as_written ? subwords.written[static_cast<size_t>(token)] : piece, state_,
                        pending_);
  repair(false);
  return ready_;
}

std::string_view StreamDecoder::finish() {
  ready_.clear();
  tokenizer_->subwords_.decoder.finish(state_, pending_);
  repair(true);
  blanks_.clear();
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
      if (!is_blank(c.code, character)) {
        give(character);
      } else if (blanks_to_skip_ > 0) {
        --blanks_to_skip_;
      } else {
        hold(character);
      }
    } else {
      const int count = tokenizer_->subwords_.replace_each_byte ? c.length : 1;
      for (int i = 0; i < count; ++i) give(kReplacementCharacter);
    }
    pos += c.length;
  }
  pending_.erase(0, pos);
}

/// Whether a character at the ends of a text may not be part of it.
bool StreamDecoder::is_blank(char32_t code, std::string_view character) const {
  const Subwords& subwords = tokenizer_->subwords_;
  return subwords.trims ? jinja::is_space(code) : character == subwords.decoder.edges().content;
}

/// A blank, which is part of the text if enough follows it.
void StreamDecoder::hold(std::string_view blank) {
  const Subwords& subwords = tokenizer_->subwords_;
  blanks_ += blank;
  if (subwords.trims || blanks_.size() <= subwords.decoder.edges().stop * blank.size()) return;
  ready_ += blank;
  blanks_.erase(0, blank.size());
  blanks_to_skip_ = 0;
}

/// `text`, which is not blank, after the blanks that waited for it.
void StreamDecoder::give(std::string_view text) {
  ready_ += blanks_;
  ready_ += text;
  blanks_.clear();
  blanks_to_skip_ = 0;
}

}  // namespace heed
