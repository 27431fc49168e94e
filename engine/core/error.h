// Building and throwing heed::Error. Used by every level of the engine.
#pragma once

#include <sstream>
#include <string>

#include "heed_error.hpp"

namespace heed {

/// Concatenates its arguments as text: cat("tensor '", name, "': ", 3).
template <typename... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Throws Error(code) with the concatenation of `parts` as its sentence.
template <typename... Parts>
[[noreturn]] void fail(Error::Code code, const Parts&... parts) {
  throw Error(code, cat(parts...));
}

}  // namespace heed
