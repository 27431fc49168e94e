#include "engine/text/charsmap.h"

#include <utf8proc.h>

#include <cstring>

#include "engine/text/sentence_piece_model.h"
#include "engine/text/utf8.h"

namespace heed {
namespace {

/// Longer clusters of characters are not looked up whole; the reference has it so.
constexpr size_t kLongestLookedUp = 5;

// The fields of a unit of the double array.
bool has_leaf(uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}
uint32_t label(uint32_t unit) {
  return unit & (1u << 31 | 0xFF);
}
uint32_t offset(uint32_t unit) {
  return unit >> 10 << (unit >> 6 & 8);
}
uint32_t value(uint32_t unit) {
  return unit & ~(1u << 31);
}

/// Where the user-perceived character that begins at `pos` ends.
size_t grapheme_end(std::string_view text, size_t pos) {
  Utf8Char c = read_utf8(text, pos);
  utf8proc_int32_t state = 0;
  for (pos += c.length; pos < text.size(); pos += c.length) {
    const auto last = static_cast<utf8proc_int32_t>(c.code);
    c = read_utf8(text, pos);
    if (utf8proc_grapheme_break_stateful(last, static_cast<utf8proc_int32_t>(c.code), &state)) {
      break;
    }
  }
  return pos;
}

}  // namespace

Charsmap::Charsmap(std::string_view table, std::string_view name) {
  check_charsmap(table, name);
  if (table.empty()) return;
  uint32_t bytes = 0;
  std::memcpy(&bytes, table.data(), sizeof bytes);
  units_.resize(bytes / sizeof(uint32_t));
  std::memcpy(units_.data(), table.data() + sizeof bytes, bytes);
  replacements_ = table.substr(sizeof bytes + bytes);
}

/// The replacement of the shortest entry that `text` begins with: the reference takes the first one
/// that it meets.
std::optional<std::string_view> Charsmap::find(std::string_view text) const {
  if (units_.empty()) return std::nullopt;
  size_t node = offset(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    node ^= byte;
    if (byte == 0 || label(units_[node]) != byte) return std::nullopt;
    const uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    const std::string_view found(replacements_.c_str() + value(units_[node]));
    if (!found.empty() && (found[0] & 0xC0) == 0x80) return std::nullopt;  // cuts a character
    return found;
  }
  return std::nullopt;
}

EditedText Charsmap::normalize(std::string_view source, EditRules rules) const {
  EditedText normal(source, rules);
  const auto look_up = [&](ByteRange range) {
    const std::string_view part = source.substr(range.begin, range.end - range.begin);
    const auto found = find(part);
    if (found && *found != part) normal.replace(range, *found);
    return found.has_value();
  };
  for (size_t pos = 0, end = 0; pos < source.size(); pos = end) {
    end = grapheme_end(source, pos);
    if (end - pos <= kLongestLookedUp && look_up({pos, end})) continue;
    for (size_t at = pos; at < end; at += utf8_length(source[at])) {
      look_up({at, at + utf8_length(source[at])});
    }
  }
  normal.finish();
  return normal;
}

}  // namespace heed
