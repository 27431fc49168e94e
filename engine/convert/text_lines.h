// The lines of a text file. Used by the converter for vocab.txt, merges.txt and their kin.
#pragma once

#include <algorithm>
#include <string_view>

namespace heed {

/// Calls use(line) for each line of `text` in order, without what ends it: \n or \r\n.
template <typename Use>
void for_each_line(std::string_view text, const Use& use) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line);
  }
}

}  // namespace heed
