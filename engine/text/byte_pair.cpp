// Byte-level byte-pair encoding: words are cut by a pre-tokenizer's regular expression, and within
// a word neighbouring tokens merge, the pair learnt first going first, starting from single bytes.
// Reference: Sennrich et al. 2016 (arXiv 1508.07909); Radford et al. 2019 for the byte alphabet.
#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "engine/core/error.h"
#include "engine/text/flat_map.h"
#include "engine/text/normalize.h"
#include "engine/text/pre_tokenizer.h"
#include "engine/text/regex.h"
#include "engine/text/subword.h"
#include "engine/text/token_index.h"
#include "engine/text/utf8.h"

namespace heed {
namespace {

constexpr Token kNoToken = -1;

/// The files write each byte as a printable character: itself if Latin-1 prints it, else the next
/// unused one from U+0100 on, so that a blank is "Ġ". Here: the byte of each such character.
constexpr auto kByteOfCharacter = [] {
  std::array<int16_t, 0x100 + 68> bytes{};
  bytes.fill(-1);
  size_t next = 0x100;
  for (int16_t byte = 0; byte < 0x100; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    bytes[printable ? static_cast<size_t>(byte) : next++] = byte;
  }
  return bytes;
}();

/// The bytes that `token` stands for; a token not written in the alphabet above stands for itself.
std::string to_bytes(const std::string& token) {
  std::string bytes;
  for (size_t pos = 0; pos < token.size();) {
    const Utf8Char c = read_utf8(token, pos);
    if (c.status != Utf8Char::Status::valid || c.code >= kByteOfCharacter.size() ||
        kByteOfCharacter[c.code] < 0) {
      return token;
    }
    bytes += static_cast<char>(kByteOfCharacter[c.code]);
    pos += c.length;
  }
  return bytes;
}

bool is_plain_text(TokenType type) {
  return type == TokenType::control || type == TokenType::user_defined ||
         type == TokenType::unknown;
}

uint64_t pair_key(Token left, Token right) {
  return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
}

class Merger;

class BytePairModel final : public SubwordModel {
 public:
  BytePairModel(const TokenizerSpec& spec, const std::vector<std::string>& pieces);
  void encode(std::string_view text, TokenSink& sink) const override;

 private:
  friend class Merger;

  void add_merges(const TokenizerSpec& spec);
  void encode_normal(std::string_view text, TokenSink& sink) const;

  /// The place of the pair in the list of merges, or FlatMap::kNone.
  uint32_t rank(Token left, Token right) const { return ranks_.find(pair_key(left, right)); }

  const PreTokenizer& pre_;
  Regex words_;
  std::array<Token, 256> byte_tokens_;
  FlatMap ranks_;
  std::vector<Token> merged_;  ///< what each merge makes
  TokenIndex whole_words_;     ///< filled for ignore_merges only
};

BytePairModel::BytePairModel(const TokenizerSpec& spec, const std::vector<std::string>& pieces)
    : pre_(pre_tokenizer(spec.pre)),
      words_(pre_.pattern),
      ranks_(spec.merges.size()),
      whole_words_(pre_.ignore_merges ? std::span(pieces) : std::span<const std::string>()) {
  byte_tokens_.fill(kNoToken);
  for (size_t id = 0; id < pieces.size(); ++id) {
    const std::string& piece = pieces[id];
    if (is_plain_text(spec.types[id])) continue;
    const Token token = static_cast<Token>(id);
    if (piece.size() == 1) byte_tokens_[static_cast<uint8_t>(piece[0])] = token;
    if (pre_.ignore_merges) whole_words_.add(token);
  }
  add_merges(spec);
}

void BytePairModel::add_merges(const TokenizerSpec& spec) {
  TokenIndex index(spec.tokens);
  for (size_t id = 0; id < spec.tokens.size(); ++id) index.add(static_cast<Token>(id));
  std::string joined;
  merged_.reserve(spec.merges.size());
  for (const std::string& merge : spec.merges) {
    const size_t blank = std::min(merge.find(' ', 1), merge.size());
    const std::string_view left = std::string_view(merge).substr(0, blank);
    const std::string_view right =
        std::string_view(merge).substr(std::min(blank + 1, merge.size()));
    joined.assign(left).append(right);
    const auto l = index.find(left), r = index.find(right), both = index.find(joined);
    if (!l || !r || !both) {
      fail(Error::Code::format, "tokenizer: merge ", merged_.size(), " '", merge,
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

  /// One symbol a byte. A byte that the vocabulary has no token for is left out.
  void start(std::string_view word) {
    symbols_.clear();
    queue_.clear();
    for (uint32_t pos = 0; pos < word.size(); ++pos) {
      const Token token = model_.byte_tokens_[static_cast<uint8_t>(word[pos])];
      if (token == kNoToken) continue;
      const auto i = static_cast<uint32_t>(symbols_.size());
      symbols_.push_back({.token = token,
                          .begin = pos,
                          .end = pos + 1,
                          .previous = i - 1,
                          .next = i + 1,
                          .rank = FlatMap::kNone});
    }
    for (uint32_t i = 0; i + 1 < symbols_.size(); ++i) rank(i);
    if (!symbols_.empty()) symbols_[0].previous = static_cast<uint32_t>(symbols_.size());
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

void BytePairModel::encode(std::string_view text, TokenSink& sink) const {
  if (!pre_.nfc) return encode_normal(text, sink);
  const EditedText normal = to_nfc(text);
  const size_t first = sink.size();
  encode_normal(normal.text(), sink);
  if (!normal.changed()) return;
  sink.map_ranges(first, [&](ByteRange range) { return normal.in_source(range); });
}

void BytePairModel::encode_normal(std::string_view text, TokenSink& sink) const {
  Regex::Search search(words_, text);
  Merger merger(*this);
  WordCache cache(text);
  const auto encode_word = [&](ByteRange range) {
    const std::string_view word = text.substr(range.begin, range.end - range.begin);
    WordCache::Entry& known = cache.entry(word);
    if (cache.holds(known, word)) {
      sink.repeat(known.first, known.count, range.begin - known.begin);
      return;
    }
    const size_t first = sink.size();
    if (const std::optional<Token> whole = whole_words_.find(word)) {
      sink.add(*whole, range);
    } else {
      merger.encode(word, range.begin, sink);
    }
    known = {range.begin, word.size(), first, sink.size() - first};
  };
  for (size_t pos = 0; pos < text.size();) {
    const ByteRange word = search.next(pos).value_or(ByteRange{text.size(), text.size()});
    if (pos < word.begin) encode_word({pos, word.begin});
    if (word.begin < word.end) encode_word(word);
    pos = word.end;
  }
}

}  // namespace

Subwords make_byte_pair(TokenizerSpec& spec) {
  Subwords result;
  result.pieces.reserve(spec.tokens.size());
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const std::string& token = spec.tokens[id];
    result.pieces.push_back(is_plain_text(spec.types[id]) ? token : to_bytes(token));
  }
  result.model = std::make_unique<BytePairModel>(spec, result.pieces);
  if (spec.add_bos.value_or(pre_tokenizer(spec.pre).add_bos)) result.prefix = spec.bos;
  if (spec.add_eos.value_or(false)) result.suffix = spec.eos;
  return result;
}

}  // namespace heed
