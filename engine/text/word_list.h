// A text on its way to tokens: cut into words that are cut again, and changed, by one step after
// the other. Used by the steps of word_splitter.h.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/text/edited_text.h"

namespace heed {

class WordList {
 public:
  /// `text` must outlive this object; `at_start`: the whole text begins with it.
  WordList(std::string_view text, bool at_start, EditRules rules)
      : chain_(text), rules_(rules), at_start_(at_start) {
    if (!text.empty()) words_.push_back({0, text.size()});
  }

  /// Bytes of text(); what lies between them is left out.
  std::span<const ByteRange> words() const { return words_; }
  std::string_view text() const { return chain_.text(); }
  std::string_view text(ByteRange word) const {
    return text().substr(word.begin, word.end - word.begin);
  }
  bool is_first(ByteRange word) const { return at_start_ && word.begin == 0; }

  bool changed() const { return chain_.changed(); }
  ByteRange in_source(ByteRange range) const { return chain_.in_source(range); }

  /// cut(word, add) says what becomes of a word, given as text: add(range) for each part, from left
  /// to right.
  void cut(const auto& cut_word) {
    std::vector<ByteRange> parts;
    parts.reserve(words_.size());
    for (const ByteRange word : words_) {
      cut_word(text(word), [&](ByteRange part) {
        if (part.begin < part.end) {
          parts.push_back({word.begin + part.begin, word.begin + part.end});
        }
      });
    }
    words_.swap(parts);
  }

  /// edit(word, edited) replaces bytes within a word, given as bytes of text().
  void edit(const auto& edit_word) {
    EditedText edited(text(), rules_);
    for (ByteRange& word : words_) {
      const size_t begin = edited.position(word.begin);
      edit_word(word, edited);
      word = {begin, edited.position(word.end)};
    }
    edited.finish();
    chain_.add(std::move(edited));
  }

 private:
  EditChain chain_;
  EditRules rules_;
  bool at_start_;
  std::vector<ByteRange> words_;
};

}  // namespace heed
