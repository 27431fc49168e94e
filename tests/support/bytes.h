// Builds binary files byte by byte, good and bad ones, without the writer under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace heed {

/// Little-endian fields, appended in order.
class Bytes {
 public:
  template <typename T>
    requires std::is_arithmetic_v<T>
  Bytes& add(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& raw(std::string_view text) {
    text_ += text;
    return *this;
  }
  Bytes& string(std::string_view text) { return add(uint64_t{text.size()}).raw(text); }
  Bytes& pad(size_t alignment, char fill = 0) {
    while (text_.size() % alignment != 0) text_ += fill;
    return *this;
  }

  Bytes& header(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
    return raw("GGUF").add(version).add(tensors).add(keys);
  }
  Bytes& key(std::string_view name, uint32_t type) { return string(name).add(type); }
  /// `dimensions` innermost first, as in the file.
  Bytes& tensor(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type,
                uint64_t offset) {
    string(name).add(static_cast<uint32_t>(dimensions.size()));
    for (uint64_t size : dimensions) add(size);
    return add(type).add(offset);
  }

  const std::string& text() const { return text_; }

  /// A copy of exactly the file's size, aligned for parsing, so that a sanitizer sees overruns.
  std::vector<std::byte> copy() const {
    const auto bytes = std::as_bytes(std::span(text_));
    return {bytes.begin(), bytes.end()};
  }

 private:
  std::string text_;
};

}  // namespace heed
