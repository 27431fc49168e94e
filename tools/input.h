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

/// Throws Error(format) naming `what` and the line of the first byte that is not UTF-8.
void require_utf8(std::string_view text, std::string_view what);

}  // namespace heed
