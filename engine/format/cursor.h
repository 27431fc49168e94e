// Reads little-endian fields one after another, and never past the end. Used by the readers of
// GGUF and of CTranslate2's files.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/core/error.h"

namespace heed {

class Cursor {
 public:
  static_assert(std::endian::native == std::endian::little, "fields are copied as they lie");

  /// `file` is named in errors, and must outlive the cursor.
  Cursor(std::span<const std::byte> bytes, std::string_view file) : bytes_(bytes), file_(file) {}

  /// What is being read, for errors: "key 'general.name'".
  void set_subject(std::string subject) { subject_ = std::move(subject); }

  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  template <typename... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    fail_as(Error::Code::format, parts...);
  }
  template <typename... Parts>
  [[noreturn]] void fail_as(Error::Code code, const Parts&... parts) const {
    heed::fail(code, file_, ": ", subject_, ": ", parts...);
  }

  std::span<const std::byte> take(uint64_t count) {
    if (count > remaining()) {
      fail("expected ", count, " more bytes at offset ", offset_, ", but the file ends at ",
           bytes_.size());
    }
    const auto taken = bytes_.subspan(offset_, count);
    offset_ += count;
    return taken;
  }

  template <typename T>
  T number() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  bool boolean() {
    const auto value = number<uint8_t>();
    if (value > 1) fail("expected a boolean (0 or 1), found ", +value);
    return value == 1;
  }

  /// A 64-bit length, at most `cap`, and that many bytes.
  std::string_view string(uint64_t cap) {
    const auto length = number<uint64_t>();
    if (length > cap) fail("a string of ", length, " bytes exceeds the cap of ", cap);
    const auto text = take(length);
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view file_;
  std::string subject_ = "header";
  uint64_t offset_ = 0;
};

}  // namespace heed
