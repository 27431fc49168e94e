// Lists within sentences. Used by the converter, which names all that is wrong at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace heed {

/// The parts with `separator` between them.
inline std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

}  // namespace heed
