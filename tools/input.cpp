#include "tools/input.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "heed_error.hpp"

namespace heed {
namespace {

/// Length of the well-formed character that `text` begins with; 0 if there is none. Unicode 15,
/// table 3-7: the second byte's range excludes overlong forms, surrogates and what is past
/// U+10FFFF.
size_t character_length(std::string_view text) noexcept {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

[[noreturn]] void fail_errno(const std::string& doing) {
  throw Error(Error::Code::io, doing + ": " + std::system_category().message(errno));
}

}  // namespace

void require_utf8(std::string_view text, std::string_view what) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = character_length(text.substr(at));
    if (length == 0) {
      const auto line = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n');
      char byte[8];
      std::snprintf(byte, sizeof byte, "0x%02x", static_cast<unsigned char>(text[at]));
      throw Error(Error::Code::format, std::string(what) + " is not UTF-8: byte " + byte +
                                           " in line " + std::to_string(line + 1));
    }
    at += length;
  }
}

std::string read_text(const std::string& path) {
  const bool is_stdin = path == "-";
  const std::string what = is_stdin ? "stdin" : "'" + path + "'";
  std::unique_ptr<FILE, int (*)(FILE*)> opened(nullptr, std::fclose);
  if (!is_stdin) opened.reset(std::fopen(path.c_str(), "rb"));
  FILE* const file = is_stdin ? stdin : opened.get();
  if (file == nullptr) fail_errno("cannot open " + what);

  std::string text;
  char buffer[1 << 16];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
  if (std::ferror(file) != 0) fail_errno("cannot read " + what);
  require_utf8(text, what);
  return text;
}

std::vector<std::string> read_lines(const std::string& path) {
  const std::string text = read_text(path);
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const size_t length = end - begin;
    const bool carriage = length > 0 && text[end - 1] == '\r';
    lines.push_back(text.substr(begin, length - (carriage ? 1 : 0)));
    begin = end + 1;
  }
  return lines;
}

}  // namespace heed
