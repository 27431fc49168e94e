// The model store: models by name. Used wherever a model may be named.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace heed {

/// Where named models live: $HEED_HOME/models, by default ~/.cache/heed/models.
std::filesystem::path model_store();

/// The file that `name_or_path` means: a path that exists, or NAME or NAME.gguf in the model store.
/// Error(io) names both places where it is neither.
std::filesystem::path find_model(const std::string& name_or_path);

/// Names of the models in the store, sorted.
std::vector<std::string> list_models();

}  // namespace heed
