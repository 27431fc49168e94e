// The search behind special_tokens.h.
#include "engine/text/special_tokens.h"

#include <algorithm>

#include "engine/text/utf8.h"
#include "engine/text/word_characters.h"

namespace heed {
namespace {

/// Where the character starts that ends at byte `end`, which is not 0.
size_t start_of_last(std::string_view text, size_t end) {
  do --end;
  while (end > 0 && (text[end] & 0xC0) == 0x80);
  return end;
}

bool stands_alone(std::string_view text, ByteRange range) {
  const auto is_word = [&](size_t pos) { return is_word_character(read_utf8(text, pos).code); };
  return (range.begin == 0 || !is_word(start_of_last(text, range.begin))) &&
         (range.end == text.size() || !is_word(range.end));
}

/// `range` with the white space that the token takes, but none before byte `from`.
ByteRange with_space(const AddedToken& token, std::string_view text, ByteRange range, size_t from) {
  while (token.lstrip && range.begin > from) {
    const size_t last = start_of_last(text, range.begin);
    if (!is_unicode_space(read_utf8(text, last).code)) break;
    range.begin = last;
  }
  while (token.rstrip && range.end < text.size()) {
    const Utf8Char c = read_utf8(text, range.end);
    if (!is_unicode_space(c.code)) break;
    range.end += c.length;
  }
  return range;
}

}  // namespace

void SpecialTokens::add(AddedToken token) {
  starts_[static_cast<unsigned char>(token.text[0])] = true;
  entries_.push_back(std::move(token));
}

void SpecialTokens::finish() {
  std::ranges::stable_sort(entries_, {}, &AddedToken::text);
}

/// Narrows the sorted entries byte by byte to those that agree with `text`; the entries that end
/// on the way are its prefixes, and the last one met is the longest.
const AddedToken* SpecialTokens::longest_at(std::string_view text) const {
  const AddedToken* longest = nullptr;
  std::span<const AddedToken> rest = entries_;
  for (size_t depth = 0; depth < text.size() && !rest.empty(); ++depth) {
    const auto byte_at = [&](const AddedToken& e) {
      return static_cast<unsigned char>(e.text[depth]);
    };
    const auto same =
        std::ranges::equal_range(rest, static_cast<unsigned char>(text[depth]), {}, byte_at);
    rest = {same.begin(), same.end()};
    if (rest.empty() || rest.front().text.size() > depth + 1) continue;
    longest = &rest.front();
    while (!rest.empty() && rest.front().text.size() == depth + 1) rest = rest.subspan(1);
  }
  return longest;
}

std::optional<SpecialTokens::Match> SpecialTokens::find(std::string_view text, size_t from) const {
  for (size_t pos = from; pos < text.size(); ++pos) {
    if (!starts_[static_cast<unsigned char>(text[pos])]) continue;
    const AddedToken* found = longest_at(text.substr(pos));
    if (!found) continue;
    const ByteRange range = {pos, pos + found->text.size()};
    if (!found->single_word || stands_alone(text, range)) {
      return Match{.token = found->token, .range = with_space(*found, text, range, from)};
    }
    pos = range.end - 1;
  }
  return std::nullopt;
}

}  // namespace heed
