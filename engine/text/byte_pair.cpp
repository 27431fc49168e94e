// Merging within words: the pair learnt first goes first.
#include "engine/text/byte_pair.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "engine/core/error.h"
#include "engine/text/byte_token.h"
#include "engine/text/flat_map.h"
#include "engine/text/token_index.h"
#include "engine/text/utf8.h"

namespace heed {
namespace {

constexpr Token kNoToken = -1;

uint64_t pair_key(Token left, Token right) {
  return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
}

class Merger;

class BytePairModel final : public WordModel {
 public:
  BytePairModel(const BytePairVocabulary& vocabulary, BytePairRules rules);
  void encode(std::string_view text, std::span<const ByteRange> words,
              TokenSink& sink) const override;

 private:
  friend class Merger;

  void add_token(Token token, std::string_view text);
  void add_merges(const BytePairVocabulary& vocabulary);

  /// The place of the pair in the list of merges, or FlatMap::kNone.
  uint32_t rank(Token left, Token right) const { return ranks_.find(pair_key(left, right)); }

  /// Of a character as it is written at that place of a word.
  uint64_t character_key(char32_t code, bool first, bool last) const {
    const bool prefixed = !first && !rules_.continuing_prefix.empty();
    const bool suffixed = last && !rules_.word_suffix.empty();
    return uint64_t{code} << 2 | uint64_t{prefixed} << 1 | uint64_t{suffixed};
  }

  BytePairRules rules_;
  std::array<Token, 256> byte_tokens_;  ///< of single bytes; for byte_fallback of <0x00> ... <0xFF>
  FlatMap characters_;                  ///< the tokens of single characters, but for `bytes`
  FlatMap ranks_;
  std::vector<Token> merged_;  ///< what each merge makes
  // For ignore_merges only.
  std::vector<std::string> texts_;
  TokenIndex whole_words_;
};

BytePairModel::BytePairModel(const BytePairVocabulary& vocabulary, BytePairRules rules)
    : rules_(std::move(rules)),
      ranks_(vocabulary.merges.size()),
      texts_(vocabulary.texts.begin(),
             rules_.ignore_merges ? vocabulary.texts.end() : vocabulary.texts.begin()),
      whole_words_(texts_) {
  byte_tokens_.fill(kNoToken);
  for (const Token token : vocabulary.tokens) {
    add_token(token, vocabulary.texts[static_cast<size_t>(token)]);
  }
  add_merges(vocabulary);
}

void BytePairModel::add_token(Token token, std::string_view text) {
  if (rules_.ignore_merges) whole_words_.add(token);
  if (rules_.bytes) {
    if (text.size() == 1) byte_tokens_[static_cast<uint8_t>(text[0])] = token;
    return;
  }
  if (rules_.byte_fallback) {
    if (const auto byte = byte_of_token(text)) byte_tokens_[static_cast<uint8_t>(*byte)] = token;
  }
  for (const bool first : {true, false}) {
    for (const bool last : {true, false}) {
      std::string_view rest = text;
      const std::string_view prefix = first ? "" : std::string_view(rules_.continuing_prefix);
      const std::string_view suffix = last ? std::string_view(rules_.word_suffix) : "";
      if (rest.size() <= prefix.size() + suffix.size()) continue;
      if (!rest.starts_with(prefix) || !rest.ends_with(suffix)) continue;
      rest = rest.substr(prefix.size(), rest.size() - prefix.size() - suffix.size());
      const Utf8Char c = read_utf8(rest, 0);
      if (c.length != rest.size() || c.status != Utf8Char::Status::valid) continue;
      characters_.insert(character_key(c.code, first, last), static_cast<uint32_t>(token));
    }
  }
}

void BytePairModel::add_merges(const BytePairVocabulary& vocabulary) {
  TokenIndex index(vocabulary.written);
  for (size_t id = 0; id < vocabulary.written.size(); ++id) index.add(static_cast<Token>(id));
  std::string joined;
  merged_.reserve(vocabulary.merges.size());
  for (const auto& [left, right] : vocabulary.merges) {
    const size_t prefix = std::min(rules_.continuing_prefix.size(), right.size());
    joined.assign(left).append(right.substr(prefix));
    const auto l = index.find(left), r = index.find(right), both = index.find(joined);
    if (!l || !r || !both) {
      fail(Error::Code::format, "tokenizer: merge ", merged_.size(), " '", left, " ", right,
           "' expected two tokens that make a third; '",
           !l   ? left
           : !r ? right
                : joined,
           "' is not a token");
    }
    ranks_.insert(pair_key(*l, *r), static_cast<uint32_t>(merged_.size()));
    merged_.push_back(*both);
  }
}

/// Merges within one word at a time, and keeps its memory from word to word.
class Merger {
 public:
  explicit Merger(const BytePairModel& model) : model_(model) {}

  /// Adds the tokens of `word`, which begins at byte `origin` of the text.
  void encode(std::string_view word, size_t origin, TokenSink& sink) {
    start(word);
    while (!queue_.empty()) {
      std::ranges::pop_heap(queue_, std::greater());
      const uint64_t first = queue_.back();
      queue_.pop_back();
      const auto left = static_cast<uint32_t>(first);
      // A pair that has changed since it was queued is there again under its new rank.
      if (symbols_[left].rank == first >> 32) merge(left);
    }
    for (uint32_t i = 0; i < symbols_.size(); i = symbols_[i].next) {
      sink.add(symbols_[i].token, {origin + symbols_[i].begin, origin + symbols_[i].end});
    }
  }

 private:
  struct Symbol {
    Token token;
    uint32_t begin, end;      ///< bytes of the word
    uint32_t previous, next;  ///< past the last symbol where there is none
    uint32_t rank;            ///< of merging with the next one
  };

  void start(std::string_view word) {
    symbols_.clear();
    queue_.clear();
    if (model_.rules_.bytes) {
      start_with_bytes(word);
    } else {
      start_with_characters(word);
    }
    for (uint32_t i = 0; i + 1 < symbols_.size(); ++i) rank(i);
    if (!symbols_.empty()) symbols_[0].previous = static_cast<uint32_t>(symbols_.size());
  }

  void add(Token token, uint32_t begin, uint32_t end) {
    const auto i = static_cast<uint32_t>(symbols_.size());
    symbols_.push_back({.token = token,
                        .begin = begin,
                        .end = end,
                        .previous = i - 1,
                        .next = i + 1,
                        .rank = FlatMap::kNone});
  }

  void start_with_bytes(std::string_view word) {
    for (uint32_t pos = 0; pos < word.size(); ++pos) {
      const Token token = model_.byte_tokens_[static_cast<uint8_t>(word[pos])];
      if (token != kNoToken) {
        end_unknown();
        add(token, pos, pos + 1);
      } else {
        add_unknown(pos, pos + 1);
      }
    }
    end_unknown();
  }

  void start_with_characters(std::string_view word) {
    for (uint32_t pos = 0, end = 0; pos < word.size(); pos = end) {
      const Utf8Char c = read_utf8(word, pos);
      end = pos + c.length;
      const bool first = pos == 0, last = end == word.size();
      const uint32_t token = model_.characters_.find(model_.character_key(c.code, first, last));
      if (token != FlatMap::kNone) {
        end_unknown();
        add(static_cast<Token>(token), pos, end);
      } else if (!model_.rules_.byte_fallback || !add_bytes(word, pos, end)) {
        add_unknown(pos, end);
      }
    }
    end_unknown();
  }

  /// A character, as it is written at that place of the word, in bytes; false if there are none. An
  /// unknown token before it comes after it, as in the reference.
  bool add_bytes(std::string_view word, uint32_t begin, uint32_t end) {
    const BytePairRules& rules = model_.rules_;
    written_.assign(begin == 0 ? "" : rules.continuing_prefix);
    written_ += word.substr(begin, end - begin);
    if (end == word.size()) written_ += rules.word_suffix;
    const auto token_of = [&](char byte) {
      return model_.byte_tokens_[static_cast<uint8_t>(byte)];
    };
    if (std::ranges::find(written_, kNoToken, token_of) != written_.end()) return false;
    for (const char byte : written_) add(token_of(byte), begin, end);
    return true;
  }

  void add_unknown(uint32_t begin, uint32_t end) {
    if (!model_.rules_.unknown) return;
    if (!unknown_ || !model_.rules_.fuse_unknown) {
      end_unknown();
      unknown_ = ByteRange{begin, end};
    }
    unknown_->end = end;
  }

  void end_unknown() {
    if (!unknown_) return;
    add(*model_.rules_.unknown, static_cast<uint32_t>(unknown_->begin),
        static_cast<uint32_t>(unknown_->end));
    unknown_.reset();
  }

  /// Looks up the pair that begins with symbol `i`, and queues it if it can merge. The queue's
  /// order is that of ranks, and from left to right among equals.
  void rank(uint32_t i) {
    Symbol& symbol = symbols_[i];
    symbol.rank = symbol.next < symbols_.size()
                      ? model_.rank(symbol.token, symbols_[symbol.next].token)
                      : FlatMap::kNone;
    if (symbol.rank == FlatMap::kNone) return;
    queue_.push_back(static_cast<uint64_t>(symbol.rank) << 32 | i);
    std::ranges::push_heap(queue_, std::greater());
  }

  void merge(uint32_t i) {
    Symbol& left = symbols_[i];
    Symbol& right = symbols_[left.next];
    left.token = model_.merged_[left.rank];
    left.end = right.end;
    left.next = right.next;
    right.rank = FlatMap::kNone;
    if (left.next < symbols_.size()) symbols_[left.next].previous = i;
    rank(i);
    if (left.previous < symbols_.size()) rank(left.previous);
  }

  const BytePairModel& model_;
  std::vector<Symbol> symbols_;
  std::vector<uint64_t> queue_;  ///< a heap of rank << 32 | left symbol, the least on top
  std::optional<ByteRange> unknown_;
  std::string written_;
};

/// Where in this text a word was met before: language repeats its words, and copying tokens is
/// cheaper than merging bytes. A table of fixed size in which the newer word takes the place.
class WordCache {
 public:
  struct Entry {
    size_t begin = 0;  ///< of the word in the text; words are never empty
    size_t size = 0;
    size_t first = 0;  ///< the word's tokens in the sink
    size_t count = 0;
  };

  explicit WordCache(std::string_view text)
      : text_(text), entries_(std::bit_ceil(std::clamp<size_t>(text.size() / 8, 1, 8192))) {}

  /// The entry that `word` has or could take.
  Entry& entry(std::string_view word) {
    return entries_[std::hash<std::string_view>()(word) & (entries_.size() - 1)];
  }
  bool holds(const Entry& entry, std::string_view word) const {
    return entry.size == word.size() && text_.substr(entry.begin, entry.size) == word;
  }

 private:
  std::string_view text_;
  std::vector<Entry> entries_;
};

void BytePairModel::encode(std::string_view text, std::span<const ByteRange> words,
                           TokenSink& sink) const {
  Merger merger(*this);
  WordCache cache(text);
  for (const ByteRange range : words) {
    const std::string_view word = text.substr(range.begin, range.end - range.begin);
    WordCache::Entry& known = cache.entry(word);
    if (cache.holds(known, word)) {
      sink.repeat(known.first, known.count, range.begin - known.begin);
      continue;
    }
    const size_t first = sink.size();
    if (const std::optional<Token> whole = whole_words_.find(word)) {
      sink.add(*whole, range);
    } else {
      merger.encode(word, range.begin, sink);
    }
    known = {range.begin, word.size(), first, sink.size() - first};
  }
}

}  // namespace

std::unique_ptr<const WordModel> make_byte_pair_model(const BytePairVocabulary& vocabulary,
                                                      BytePairRules rules) {
  return std::make_unique<BytePairModel>(vocabulary, std::move(rules));
}

}  // namespace heed
