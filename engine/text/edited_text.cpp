// The functions behind edited_text.h.
#include "engine/text/edited_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/core/error.h"
#include "engine/text/utf8.h"

namespace heed {
namespace {

/// The first byte from `pos` on that is not ASCII, looked for eight bytes at a time.
size_t skip_ascii(std::string_view text, size_t pos) {
  for (uint64_t word; text.size() - pos >= sizeof word; pos += sizeof word) {
    std::memcpy(&word, text.data() + pos, sizeof word);
    if (word & 0x8080808080808080u) break;
  }
  while (pos < text.size() && static_cast<uint8_t>(text[pos]) < 0x80) ++pos;
  return pos;
}

}  // namespace

void EditedText::append(std::string_view text) {
  if (text.size() > rules_.max_bytes - std::min(storage_.size(), rules_.max_bytes)) {
    fail(Error::Code::limit, "tokenizer: the text becomes longer than ", rules_.max_bytes,
         " bytes when it is normalised");
  }
  storage_ += text;
}

void EditedText::replace(ByteRange range, std::string_view by) {
  changed_ = true;
  append(source_.substr(copied_, range.begin - copied_));
  const size_t begin = storage_.size();
  append(by);
  copied_ = range.end;
  if (rules_.tracks) edits_.push_back({.source = range, .text = {begin, storage_.size()}});
}

void EditedText::finish() {
  if (changed_) append(source_.substr(copied_));
}

ByteRange EditedText::byte_in_source(size_t pos) const {
  const auto next =
      std::ranges::upper_bound(edits_, pos, {}, [](const Edit& e) { return e.text.begin; });
  if (next == edits_.begin()) return {pos, pos + 1};
  const Edit& edit = *(next - 1);
  if (pos < edit.text.end) return edit.source;
  const size_t at = edit.source.end + (pos - edit.text.end);
  return {at, at + 1};
}

ByteRange EditedText::in_source(ByteRange range) const {
  const size_t begin = byte_in_source(range.begin).begin;
  return {begin, range.begin == range.end ? begin : byte_in_source(range.end - 1).end};
}

EditedText repair_utf8(std::string_view source) {
  EditedText repaired(source);
  for (size_t pos = skip_ascii(source, 0); pos < source.size(); pos = skip_ascii(source, pos)) {
    const Utf8Char c = read_utf8(source, pos);
    if (c.status != Utf8Char::Status::valid) {
      repaired.replace({pos, pos + c.length}, kReplacementCharacter);
    }
    pos += c.length;
  }
  repaired.finish();
  return repaired;
}

std::vector<ByteRange> to_characters(std::string_view text, std::span<const ByteRange> bytes) {
  std::vector<size_t> starts;  // of each character, and the end of the text
  for (size_t pos = 0; pos < text.size(); pos += read_utf8(text, pos).length) starts.push_back(pos);
  starts.push_back(text.size());
  const auto character_at = [&](size_t pos) {
    return static_cast<size_t>(std::ranges::upper_bound(starts, pos) - starts.begin()) - 1;
  };
  std::vector<ByteRange> characters;
  characters.reserve(bytes.size());
  for (const auto [begin, end] : bytes) {
    const size_t first = character_at(begin);
    characters.push_back({first, begin == end ? first : character_at(end - 1) + 1});
  }
  return characters;
}

}  // namespace heed
