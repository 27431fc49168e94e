#include "engine/convert/modules.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/convert/join.h"

namespace heed {
namespace {

/// A pooling that GGUF has a number for, by both names that sentence-transformers gives it.
struct PoolingMode {
  std::string_view flag;  // "pooling_mode_mean_tokens": true
  std::string_view name;  // "pooling_mode": "mean", in later versions
  uint32_t number;
};
constexpr std::array kPoolingModes = {
    PoolingMode{"pooling_mode_mean_tokens", "mean", 1},
    PoolingMode{"pooling_mode_cls_token", "cls", 2},
    PoolingMode{"pooling_mode_lasttoken", "lasttoken", 3},
};

/// Every mode that the file switches on, by whichever name.
std::vector<std::string> modes_of(const JsonFile& file) {
  std::vector<std::string> modes;
  if (const auto mode = file.text("pooling_mode")) modes.push_back(*mode);
  for (const auto& [key, value] : file.root().items()) {
    if (key.starts_with("pooling_mode_") && value == true) modes.push_back(key);
  }
  return modes;
}

uint32_t read_pooling(const JsonFile& file) {
  const std::vector<std::string> modes = modes_of(file);
  if (modes.size() == 1) {
    for (const PoolingMode& mode : kPoolingModes) {
      if (modes[0] == mode.flag || modes[0] == mode.name) return mode.number;
    }
  }
  fail(Error::Code::unsupported, file.name(),
       ": expected one pooling mode of mean, cls and lasttoken, found ",
       modes.empty() ? "none" : join(modes, ", "));
}

}  // namespace

std::vector<Module> read_modules(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "modules.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  const JsonFile file = JsonFile::read(path);
  if (!file.root().is_array()) {
    file.refuse("expected an array of modules, found ", to_text(file.root()));
  }
  std::vector<Module> modules;
  for (const Json& module : file.root()) {
    const std::string type = file.text(module, "type").value_or("");
    const std::string folder = file.text(module, "path").value_or("");
    modules.push_back(
        {.kind = type.substr(type.rfind('.') + 1), .config = directory / folder / "config.json"});
  }
  return modules;
}

std::optional<uint32_t> pooling_type(const std::filesystem::path& directory) {
  std::optional<uint32_t> type;
  for (const Module& module : read_modules(directory)) {
    if (module.kind == "Pooling") {
      type = read_pooling(JsonFile::read(module.config));
    } else if (module.kind != "Transformer" && module.kind != "Normalize") {
      fail(Error::Code::unsupported, (directory / "modules.json").string(), ": module ",
           to_text(Json(module.kind)),
           " is not one that Heed converts; known are: Transformer, Pooling, Normalize");
    }
  }
  return type;
}

}  // namespace heed
