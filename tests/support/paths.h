// Where tests find what is not in the repository: real models in the store, checks beside it. Tests
// that use them skip, saying so, where they are absent.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "engine/api/store.h"

namespace heed {

inline std::filesystem::path test_dir() {
  return HEED_TEST_DIR;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A file or directory of the model store, or nothing, with a message that the test is skipped.
inline std::optional<std::filesystem::path> stored_model(const std::string& name) {
  const std::filesystem::path path = model_store() / name;
  if (std::filesystem::exists(path)) return path;
  MESSAGE("skipped: no " << path.string() << " (scripts/fetch-models puts it there)");
  return std::nullopt;
}

/// The same for tests that compute with it: the scalar kernels, which take many minutes for a real
/// model, are compared with the others on tiny ones.
inline std::optional<std::filesystem::path> stored_model_to_run(const std::string& name) {
  const char* isa = std::getenv("HEED_ISA");
  if (!isa || std::string(isa) != "scalar") return stored_model(name);
  MESSAGE("skipped: real models take the scalar kernels many minutes");
  return std::nullopt;
}

/// A file of ../shared/data, or nothing, with a message that the test is skipped.
inline std::optional<std::filesystem::path> shared_data(const std::string& name) {
  const std::filesystem::path path = test_dir() / "../../shared/data" / name;
  if (std::filesystem::exists(path)) return path;
  MESSAGE("skipped: no ../shared/data/" << name);
  return std::nullopt;
}

}  // namespace heed
