// The sentence of an error, for tests that look into it.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <string_view>

#include "engine/core/error.h"

namespace heed {

/// What `call` throws says; its code is checked. Empty if it throws no Error.
inline std::string sentence_of(const std::function<void()>& call, Error::Code code) {
  try {
    call();
  } catch (const Error& e) {
    CHECK(e.code() == code);
    return e.what();
  }
  return "";
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace heed
