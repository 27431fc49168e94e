// Tokens such as "<0x0A>", which stand for one byte each. Used by models that have nothing better
// for a character, and in decoding. Reference: sentencepiece's byte_fallback.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heed {

/// The byte that a token stands for; nothing if it is no such token. Digits above 9 are capitals.
inline std::optional<char> byte_of_token(std::string_view token) {
  const auto digit = [&](size_t at) {
    const int c = token[at];
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
  const int high = digit(3), low = digit(4);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high << 4 | low);
}

}  // namespace heed
