// The printable characters that vocabularies of byte-level models write bytes as: a byte that
// Latin-1 prints is itself, any other the next unused one from U+0100 on, so that a blank is "Ġ".
// Used by byte-pair encoding and by tokenizer.json's ByteLevel components.
// Reference: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/text/utf8.h"

namespace heed {

inline constexpr auto kByteCharacters = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (size_t byte = 0; byte < characters.size(); ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    characters[byte] = printable ? static_cast<char32_t>(byte) : next++;
  }
  return characters;
}();

/// The byte of each such character, or -1.
inline constexpr auto kByteOfCharacter = [] {
  std::array<int16_t, 0x100 + 68> bytes{};
  bytes.fill(-1);
  for (size_t byte = 0; byte < kByteCharacters.size(); ++byte) {
    bytes[kByteCharacters[byte]] = static_cast<int16_t>(byte);
  }
  return bytes;
}();

/// The bytes that `token` is written for; nothing if a character of it is not of the alphabet.
inline std::optional<std::string> alphabet_to_bytes(std::string_view token) {
  std::string bytes(token.size(), '\0');  // vocabularies are large: no byte is appended by itself
  size_t count = 0;
  for (size_t pos = 0; pos < token.size();) {
    const auto first = static_cast<uint8_t>(token[pos]);
    const Utf8Char c = first < 0x80 ? Utf8Char{.code = first, .length = 1} : read_utf8(token, pos);
    if (c.status != Utf8Char::Status::valid || c.code >= kByteOfCharacter.size() ||
        kByteOfCharacter[c.code] < 0) {
      return std::nullopt;
    }
    bytes[count++] = static_cast<char>(kByteOfCharacter[c.code]);
    pos += c.length;
  }
  bytes.resize(count);
  return bytes;
}

}  // namespace heed
