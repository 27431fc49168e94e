#include "engine/text/word_models.h"

#include <algorithm>
#include <array>
#include <limits>

#include "engine/core/error.h"
#include "engine/text/byte_token.h"
#include "engine/text/utf8.h"

namespace heed {
namespace {

ByteRange shifted(ByteRange range, size_t by) {
  return {range.begin + by, range.end + by};
}

class WordPieceModel final : public WordModel {
 public:
  explicit WordPieceModel(WordPieceVocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

  void encode(std::string_view text, std::span<const ByteRange> words,
              TokenSink& sink) const override {
    std::vector<std::pair<Token, ByteRange>> pieces;
    for (const ByteRange range : words) {
      const std::string_view word = text.substr(range.begin, range.end - range.begin);
      if (!cut(word, pieces)) pieces.assign(1, {vocabulary_.unknown, {0, word.size()}});
      for (const auto& [token, piece] : pieces) sink.add(token, shifted(piece, range.begin));
    }
  }

 private:
  bool cut(std::string_view word, std::vector<std::pair<Token, ByteRange>>& pieces) const {
    pieces.clear();
    const auto is_lead = [](char c) { return (c & 0xC0) != 0x80; };
    if (static_cast<size_t>(std::ranges::count_if(word, is_lead)) > vocabulary_.max_characters) {
      return false;
    }
    for (size_t pos = 0; pos < word.size();) {
      const ByteTrie& known = pos == 0 ? vocabulary_.starts : vocabulary_.continuations;
      const auto piece = known.longest_prefix(word.substr(pos));
      if (!piece) return false;
      pieces.push_back({piece->value, {pos, pos + piece->size}});
      pos += piece->size;
    }
    return true;
  }

  WordPieceVocabulary vocabulary_;
};

class WordLevelModel final : public WordModel {
 public:
  explicit WordLevelModel(WordLevelVocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

  void encode(std::string_view text, std::span<const ByteRange> words,
              TokenSink& sink) const override {
    for (const ByteRange range : words) {
      const auto token = vocabulary_.words.find(text.substr(range.begin, range.end - range.begin));
      if (token || vocabulary_.unknown) sink.add(token ? *token : *vocabulary_.unknown, range);
    }
  }

 private:
  WordLevelVocabulary vocabulary_;
};

class UnigramModel final : public WordModel {
 public:
  explicit UnigramModel(const UnigramVocabulary& vocabulary);

  void encode(std::string_view text, std::span<const ByteRange> words,
              TokenSink& sink) const override {
    std::vector<Node> nodes;
    std::vector<ByteRange> pieces;
    for (const ByteRange range : words) {
      const std::string_view word = text.substr(range.begin, range.end - range.begin);
      find_best_path(word, nodes);
      read_path(nodes, pieces);
      for (const ByteRange piece : pieces) add(text, shifted(piece, range.begin), sink);
    }
  }

 private:
  /// The best way to a place between two characters.
  struct Node {
    double score = 0;
    uint32_t from = kUnreached;
    bool unknown = false;  ///< by way of the unknown token
  };
  static constexpr uint32_t kUnreached = ~uint32_t{0};
  static constexpr double kUnknownPenalty = 10;
  static constexpr size_t kMaxWordBytes = size_t{1} << 26;  ///< 16 bytes are needed for each

  void find_best_path(std::string_view word, std::vector<Node>& nodes) const;
  static void read_path(const std::vector<Node>& nodes, std::vector<ByteRange>& pieces);
  void add(std::string_view text, ByteRange range, TokenSink& sink) const;

  ByteTrie trie_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
  std::optional<Token> unknown_;
  bool byte_fallback_;
  std::array<std::optional<Token>, 256> byte_tokens_;
};

UnigramModel::UnigramModel(const UnigramVocabulary& vocabulary)
    : unknown_(vocabulary.unknown), byte_fallback_(vocabulary.byte_fallback) {
  double least = 0;
  for (const auto& [piece, score] : vocabulary.pieces) {
    const auto token = static_cast<Token>(scores_.size());
    if (!piece.empty()) trie_.add(piece, token);
    if (const auto byte = byte_of_token(piece)) byte_tokens_[static_cast<uint8_t>(*byte)] = token;
    least = scores_.empty() ? score : std::min(least, score);
    scores_.push_back(score);
  }
  unknown_score_ = least - kUnknownPenalty;
}

void UnigramModel::find_best_path(std::string_view word, std::vector<Node>& nodes) const {
  if (word.size() > kMaxWordBytes) {
    fail(Error::Code::limit, "tokenizer: a word of ", word.size(),
         " bytes is longer than the limit of ", kMaxWordBytes);
  }
  nodes.assign(word.size() + 1, {});
  const auto reach = [&](size_t end, const Node& way) {
    if (nodes[end].from == kUnreached || way.score > nodes[end].score) nodes[end] = way;
  };
  for (size_t pos = 0; pos < word.size(); pos += utf8_length(word[pos])) {
    const auto from = static_cast<uint32_t>(pos);
    const size_t character = utf8_length(word[pos]);
    bool has_character = false;
    trie_.for_each_prefix(word.substr(pos), [&](ByteTrie::Match match) {
      const double score = nodes[pos].score + scores_[static_cast<size_t>(match.value)];
      reach(pos + match.size, {score, from, match.value == unknown_});
      has_character = has_character || match.size == character;
    });
    if (has_character) continue;
    if (!unknown_) {
      fail(Error::Code::argument, "tokenizer: the text has a character at byte ", pos, " of '",
           word.substr(0, 32), "' that the vocabulary does not have, nor an unknown token");
    }
    reach(pos + character, {nodes[pos].score + unknown_score_, from, true});
  }
}

/// Pieces from left to right; unknown ones in a row are one.
void UnigramModel::read_path(const std::vector<Node>& nodes, std::vector<ByteRange>& pieces) {
  pieces.clear();
  bool after_unknown = false;
  for (size_t end = nodes.size() - 1; end > 0; end = nodes[end].from) {
    const Node& node = nodes[end];
    if (node.unknown && after_unknown) {
      pieces.back().begin = node.from;
    } else {
      pieces.push_back({node.from, end});
    }
    after_unknown = node.unknown;
  }
  std::ranges::reverse(pieces);
}

void UnigramModel::add(std::string_view text, ByteRange range, TokenSink& sink) const {
  const std::string_view piece = text.substr(range.begin, range.end - range.begin);
  if (const auto token = trie_.find(piece)) return sink.add(*token, range);
  const auto token_of = [&](char byte) { return byte_tokens_[static_cast<uint8_t>(byte)]; };
  if (byte_fallback_ && std::ranges::all_of(piece, [&](char b) { return bool(token_of(b)); })) {
    for (const char byte : piece) sink.add(*token_of(byte), range);
  } else {
    sink.add(unknown_.value(), range);
  }
}

}  // namespace

std::unique_ptr<const WordModel> make_word_piece_model(WordPieceVocabulary vocabulary) {
  return std::make_unique<WordPieceModel>(std::move(vocabulary));
}

std::unique_ptr<const WordModel> make_word_level_model(WordLevelVocabulary vocabulary) {
  return std::make_unique<WordLevelModel>(std::move(vocabulary));
}

std::unique_ptr<const WordModel> make_unigram_model(const UnigramVocabulary& vocabulary) {
  return std::make_unique<UnigramModel>(vocabulary);
}

}  // namespace heed
