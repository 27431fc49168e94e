#include "tools/input.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

#include "heed_error.hpp"
#include "tools/terminal.h"

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

size_t find_bad_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = character_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return text.npos;
}

std::string byte_text(char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "0x%02x", static_cast<unsigned char>(byte));
  return text;
}

void require_utf8(std::string_view text, std::string_view what) {
  const size_t at = find_bad_utf8(text);
  if (at == text.npos) return;
  const auto line = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n');
  throw Error(Error::Code::format, std::string(what) + " is not UTF-8: byte " +
                                       byte_text(text[at]) + " in line " +
                                       std::to_string(line + 1));
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

// ---- lines as they arrive ----------------------------------------------------------------------

LineReader::LineReader(const std::string& path)
    : what_(path == "-" ? "stdin" : "'" + path + "'"),
      file_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) fail_errno("cannot open " + what_);
}

LineReader::~LineReader() {
  if (file_ > STDIN_FILENO) ::close(file_);
}

std::vector<std::string> LineReader::take(size_t most) {
  std::vector<std::string> lines;
  while (!at_end_ && lines.size() < most && (lines.empty() || more_is_there())) {
    at_end_ = !read_more();
    split(lines);
  }
  return lines;
}

bool LineReader::read_more() {
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = ::read(file_, buffer, sizeof buffer);
    if (take_interrupt()) throw Interrupted();
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno("cannot read " + what_);
    text_.append(buffer, static_cast<size_t>(got));
    return got > 0;
  }
}

bool LineReader::more_is_there() const {
  pollfd wait = {.fd = file_, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, 0) > 0;
}

/// Moves whole lines out of text_, at the end what is left as well: a last line need have no end.
void LineReader::split(std::vector<std::string>& lines) {
  size_t begin = 0;
  for (size_t end; (end = text_.find('\n', begin)) != text_.npos; begin = end + 1) {
    const bool carriage = end > begin && text_[end - 1] == '\r';
    lines.push_back(text_.substr(begin, end - begin - (carriage ? 1 : 0)));
  }
  text_.erase(0, begin);
  if (at_end_ && !text_.empty()) lines.push_back(std::exchange(text_, {}));
}

}  // namespace heed
