// Splitting and stripping of text; characters and cases are in jinja_unicode.cpp.
#include "engine/text/jinja_text.h"

#include <algorithm>

#include "engine/core/error.h"

namespace heed::jinja {
namespace {

using Parts = std::vector<std::string_view>;

constexpr size_t kMaxParts = 1'000'000;

void add(Parts& parts, std::string_view part) {
  if (parts.size() == kMaxParts) {
    fail(Error::Code::limit, "a text falls into more than ", kMaxParts, " parts");
  }
  parts.push_back(part);
}

bool is_in(char32_t c, std::optional<std::string_view> chars) {
  if (!chars) return is_space(c);
  for (size_t i = 0; i < chars->size();) {
    if (next_code_point(*chars, i) == c) return true;
  }
  return false;
}

Parts split_left(std::string_view text, std::string_view separator, size_t max) {
  Parts parts;
  size_t start = 0;
  for (size_t at; parts.size() < max && (at = text.find(separator, start)) != text.npos;) {
    add(parts, text.substr(start, at - start));
    start = at + separator.size();
  }
  add(parts, text.substr(start));
  return parts;
}

Parts split_right(std::string_view text, std::string_view separator, size_t max) {
  Parts parts;
  while (parts.size() < max) {
    const size_t at = text.rfind(separator);
    if (at == text.npos) break;
    add(parts, text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  add(parts, text);
  std::ranges::reverse(parts);
  return parts;
}

Parts split_space_left(std::string_view text, size_t max) {
  Parts parts;
  for (text = strip(text, Side::left); !text.empty(); text = strip(text, Side::left)) {
    if (parts.size() == max) {
      add(parts, text);
      break;
    }
    size_t end = 0;
    for (size_t i = 0; i < text.size() && !is_space(next_code_point(text, i));) end = i;
    add(parts, text.substr(0, end));
    text.remove_prefix(end);
  }
  return parts;
}

Parts split_space_right(std::string_view text, size_t max) {
  Parts parts;
  for (text = strip(text, Side::right); !text.empty(); text = strip(text, Side::right)) {
    if (parts.size() == max) {
      add(parts, text);
      break;
    }
    size_t start = text.size();
    while (start > 0) {
      size_t before = previous_start(text, start);
      const size_t candidate = before;
      if (is_space(next_code_point(text, before))) break;
      start = candidate;
    }
    add(parts, text.substr(start));
    text = text.substr(0, start);
  }
  std::ranges::reverse(parts);
  return parts;
}

bool ends_line(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

}  // namespace

size_t code_points(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

size_t byte_offset(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) next_code_point(text, at);
  return at;
}

std::string_view strip(std::string_view text, Side side, std::optional<std::string_view> chars) {
  if (side != Side::right) {
    size_t start = 0;
    for (size_t i = 0; i < text.size() && is_in(next_code_point(text, i), chars);) start = i;
    text.remove_prefix(start);
  }
  while (side != Side::left && !text.empty()) {
    const size_t start = previous_start(text, text.size());
    size_t i = start;
    if (!is_in(next_code_point(text, i), chars)) break;
    text = text.substr(0, start);
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text,
                                    std::optional<std::string_view> separator, int64_t max,
                                    Side from) {
  const size_t cuts = max < 0 ? SIZE_MAX : static_cast<size_t>(max);
  if (!separator) {
    return from == Side::left ? split_space_left(text, cuts) : split_space_right(text, cuts);
  }
  return from == Side::left ? split_left(text, *separator, cuts)
                            : split_right(text, *separator, cuts);
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  Parts lines;
  for (size_t start = 0, i = 0; i < text.size();) {
    const size_t end = i;
    const char32_t c = next_code_point(text, i);
    if (ends_line(c)) {
      if (c == '\r' && i < text.size() && text[i] == '\n') ++i;
      add(lines, text.substr(start, (keep_ends ? i : end) - start));
      start = i;
    } else if (i == text.size()) {
      add(lines, text.substr(start));
    }
  }
  return lines;
}

}  // namespace heed::jinja
