// Tests of real models run where the model store has them (scripts/fetch-models fetches them), and
// say so where it does not.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "heed.hpp"

namespace heed {

/// Path of a file or directory of the model store; empty, with a message, if there is none.
inline std::string real_model(const std::string& name) {
  const std::filesystem::path path = model_store() / name;
  if (std::filesystem::exists(path)) return path;
  MESSAGE("skipped: no ", path.string(), " (scripts/fetch-models fetches it)");
  return "";
}

inline bool has_real_model(const std::string& name) {
  return !real_model(name + ".gguf").empty();
}

}  // namespace heed
