// Reading text that the user gives. Used by every verb that takes text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace heed {

/// The text of a file, or of stdin if `path` is "-". Throws Error: cannot be read; not UTF-8, with
/// the line.
std::string read_text(const std::string& path);

/// Its lines, without their ends. A last line need not have one.
std::vector<std::string> read_lines(const std::string& path);

/// Lines of a file or of stdin, their ends cut off, as they arrive: a pipe or a person may want an
/// answer to one before sending the next. They may hold any bytes.
class LineReader {
 public:
  /// `path` "-" is stdin. Throws Error if it cannot be opened.
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// Waits for a line, then returns all that have arrived, but no more than about `most`; none at
  /// the end. Throws Error if it cannot be read, Interrupted after Ctrl-C.
  std::vector<std::string> take(size_t most);

 private:
  bool read_more();
  bool more_is_there() const;
  void split(std::vector<std::string>& lines);

  std::string what_;  // "stdin" or the path, for errors
  int file_;
  bool at_end_ = false;
  std::string text_;  // read, and not yet given out
};

/// Where the first byte lies that is not UTF-8; npos if there is none.
size_t find_bad_utf8(std::string_view text);

/// "0xff"
std::string byte_text(char byte);

/// Throws Error(format) naming `what` and the line of the first byte that is not UTF-8.
void require_utf8(std::string_view text, std::string_view what);

}  // namespace heed
