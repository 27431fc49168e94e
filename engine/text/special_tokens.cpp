// The search behind special_tokens.h.
#include "engine/text/special_tokens.h"

#include <algorithm>

namespace heed {

void SpecialTokens::add(std::string_view text, Token token) {
  entries_.emplace_back(text, token);
  starts_[static_cast<unsigned char>(text[0])] = true;
}

void SpecialTokens::finish() {
  std::ranges::stable_sort(entries_, {}, &Entry::first);
}

/// Narrows the sorted entries byte by byte to those that agree with `text`; the entries that end
/// on the way are its prefixes, and the last one met is the longest.
const SpecialTokens::Entry* SpecialTokens::longest_at(std::string_view text) const {
  const Entry* longest = nullptr;
  std::span<const Entry> rest = entries_;
  for (size_t depth = 0; depth < text.size() && !rest.empty(); ++depth) {
    const auto byte_at = [&](const Entry& e) { return static_cast<unsigned char>(e.first[depth]); };
    const auto same =
        std::ranges::equal_range(rest, static_cast<unsigned char>(text[depth]), {}, byte_at);
    rest = {same.begin(), same.end()};
    if (rest.empty() || rest.front().first.size() > depth + 1) continue;
    longest = &rest.front();
    while (!rest.empty() && rest.front().first.size() == depth + 1) rest = rest.subspan(1);
  }
  return longest;
}

std::optional<SpecialTokens::Match> SpecialTokens::find(std::string_view text, size_t from) const {
  for (size_t pos = from; pos < text.size(); ++pos) {
    if (!starts_[static_cast<unsigned char>(text[pos])]) continue;
    if (const Entry* found = longest_at(text.substr(pos))) {
      return Match{.token = found->second, .range = {pos, pos + found->first.size()}};
    }
  }
  return std::nullopt;
}

}  // namespace heed
