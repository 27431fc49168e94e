// A literal or a regular expression, whose places in a text replacements and cuts are about. Used
// by the steps of a tokenizer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/text/edited_text.h"
#include "engine/text/regex.h"
#include "engine/text/utf8.h"

namespace heed {

class TextPattern {
 public:
  /// `literal` must not be empty.
  explicit TextPattern(std::string literal) : literal_(std::move(literal)) {}
  explicit TextPattern(Regex regex) : regex_(std::move(regex)) {}

  /// What the matches in texts, one after the other, are looked for with.
  class Finder {
   public:
    explicit Finder(const TextPattern& pattern) : literal_(pattern.literal_) {
      if (pattern.regex_) search_.emplace(*pattern.regex_);
    }

    /// Calls on_match(range) for each match from left to right; none overlap. An empty match does
    /// not follow another one immediately.
    void for_each(std::string_view text, const auto& on_match) {
      if (search_) return for_each_match(text, on_match);
      for (size_t pos = 0; (pos = text.find(literal_, pos)) != text.npos; pos += literal_.size()) {
        on_match(ByteRange{pos, pos + literal_.size()});
      }
    }

   private:
    void for_each_match(std::string_view text, const auto& on_match) {
      search_->read(text);
      size_t last_end = std::string_view::npos;
      for (size_t pos = 0; pos <= text.size();) {
        const std::optional<ByteRange> match = search_->next(pos);
        if (!match) return;
        if (match->begin == match->end) {
          if (match->end != last_end) on_match(*match);
          if (match->end == text.size()) return;
          pos = match->end + utf8_length(text[match->end]);
        } else {
          on_match(*match);
          pos = match->end;
        }
        last_end = match->end;
      }
    }

    std::string_view literal_;
    std::optional<Regex::Search> search_;
  };

 private:
  std::string literal_;
  std::optional<Regex> regex_;
};

/// `text` with every match of `pattern` replaced.
inline std::string replace_all(std::string_view text, const TextPattern& pattern,
                               std::string_view by) {
  std::string result;
  size_t copied = 0;
  TextPattern::Finder(pattern).for_each(text, [&](ByteRange match) {
    result.append(text, copied, match.begin - copied).append(by);
    copied = match.end;
  });
  return result.append(text, copied);
}

}  // namespace heed
