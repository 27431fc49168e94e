// A small model directory that a test may spoil: a copy of goldens/tiny-bert or tiny-marian, which
// transformers saved (tests/models/goldens/make_tiny_*.py).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/convert/source.h"
#include "tests/support/bytes.h"
#include "tests/support/temporary_directory.h"

namespace heed {

/// A tensor as a safetensors file has it.
struct RawTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};
using RawTensors = std::map<std::string, RawTensor>;

inline RawTensors read_safetensors(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  uint64_t length = 0;
  text.copy(reinterpret_cast<char*>(&length), sizeof length);
  const std::string data = text.substr(sizeof length + length);
  RawTensors tensors;
  const Json header = Json::parse(text.substr(sizeof length, length));
  for (const auto& [name, json] : header.items()) {
    if (name == "__metadata__") continue;
    const auto offsets = json["data_offsets"].get<std::vector<size_t>>();
    tensors[name] = {json["dtype"], json["shape"].get<std::vector<int64_t>>(),
                     data.substr(offsets[0], offsets[1] - offsets[0])};
  }
  return tensors;
}

inline void write_safetensors(const std::filesystem::path& path, const RawTensors& tensors) {
  Json header = Json::object();
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  write_text(path, Bytes().string(header.dump()).raw(data).text());
}

class ModelDirectory {
 public:
  explicit ModelDirectory(std::string name = "tiny-bert") : name_(std::move(name)) {
    std::filesystem::copy(golden(name_), path(), kRecursive);
  }

  static std::filesystem::path golden(const std::string& name = "tiny-bert") {
    return std::filesystem::path(HEED_TEST_DIR) / "convert/goldens" / name;
  }

  std::filesystem::path path() const { return directory_ / name_; }
  std::filesystem::path operator/(std::string_view file) const { return path() / file; }
  /// Beside the model's directory.
  std::filesystem::path out() const { return directory_ / "out.gguf"; }
  /// Of the model's directory and whatever lies beside it.
  size_t entries() const { return directory_.entries(); }

  void remove(std::string_view file) const { std::filesystem::remove(*this / file); }

  void edit_json(std::string_view file, const std::function<void(Json&)>& edit) const {
    Json json = Json::parse(read_text(*this / file));
    edit(json);
    write_text(*this / file, json.dump());
  }

  void edit_weights(const std::function<void(RawTensors&)>& edit) const {
    RawTensors tensors = read_safetensors(*this / "model.safetensors");
    edit(tensors);
    write_safetensors(*this / "model.safetensors", tensors);
  }

 private:
  static constexpr auto kRecursive = std::filesystem::copy_options::recursive;
  TemporaryDirectory directory_;
  std::string name_;
};

}  // namespace heed
