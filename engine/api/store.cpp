// The model store: models by name.
#include <algorithm>
#include <cstdlib>

#include "engine/api/library.h"
#include "engine/core/error.h"

namespace heed {
namespace fs = std::filesystem;

std::string_view version() {
  return HEED_VERSION;
}

fs::path model_store() {
  if (const char* home = std::getenv("HEED_HOME"); home && *home) return fs::path(home) / "models";
  const char* user = std::getenv("HOME");
  return fs::path(user ? user : ".") / ".cache" / "heed" / "models";
}

fs::path find_model(const std::string& name_or_path) {
  std::error_code ignored;
  if (fs::exists(name_or_path, ignored)) return name_or_path;
  const fs::path named = model_store() / name_or_path;
  if (fs::is_regular_file(named, ignored)) return named;
  const fs::path with_ending = model_store() / (name_or_path + ".gguf");
  if (fs::is_regular_file(with_ending, ignored)) return with_ending;
  fail(Error::Code::io, "model '", name_or_path, "' not found: no such file, and no ",
       with_ending.string());
}

std::vector<std::string> list_models() {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(model_store(), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() == ".gguf") names.push_back(path.stem().string());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace heed
