// The parts of a sentence encoder after its Transformer, as sentence-transformers lists them in
// modules.json. Used by the converter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/convert/json_file.h"

namespace heed {

struct Module {
  std::string kind;  ///< "Transformer", "Pooling", "Normalize"
  std::filesystem::path config;
};

/// What modules.json of a directory lists; nothing where there is no such file. The config files
/// need not exist. Throws Error(format).
std::vector<Module> read_modules(const std::filesystem::path& directory);

/// GGUF's number for the pooling among the modules: 1 mean, 2 class token, 3 last token; nothing
/// without modules. Throws Error(unsupported) for any other module or pooling.
std::optional<uint32_t> pooling_type(const std::filesystem::path& directory);

}  // namespace heed
