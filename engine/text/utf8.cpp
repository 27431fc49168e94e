// The functions behind utf8.h.
#include "engine/text/utf8.h"

namespace heed {
namespace {

/// What may follow a lead byte: how many continuation bytes, and the range of the first of them
/// (narrower than 80..BF where that excludes overlong forms, surrogates and codes above 10FFFF).
struct Lead {
  uint8_t continuations;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};

constexpr Lead lead(uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0};  // ASCII is handled before; the rest starts no character
}

}  // namespace

Utf8Char read_utf8(std::string_view text, size_t pos) {
  using Status = Utf8Char::Status;
  const auto first = static_cast<uint8_t>(text[pos]);
  if (first < 0x80) return {.code = first, .length = 1};
  const Lead rule = lead(first);
  if (rule.continuations == 0) return {.length = 1, .status = Status::invalid};
  char32_t code = first & (0x3F >> rule.continuations);
  for (uint8_t i = 1; i <= rule.continuations; ++i) {
    if (pos + i >= text.size()) return {.length = i, .status = Status::truncated};
    const auto byte = static_cast<uint8_t>(text[pos + i]);
    const uint8_t low = i == 1 ? rule.low : 0x80;
    const uint8_t high = i == 1 ? rule.high : 0xBF;
    if (byte < low || byte > high) return {.length = i, .status = Status::invalid};
    code = code << 6 | (byte & 0x3F);
  }
  return {.code = code, .length = static_cast<uint8_t>(rule.continuations + 1)};
}

void append_utf8(char32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

}  // namespace heed
