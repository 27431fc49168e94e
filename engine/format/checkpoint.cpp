// Which files a checkpoint consists of: see checkpoint.h. What is in them: safetensors.h,
// torch_file.h, ctranslate2.h.
#include "engine/format/checkpoint.h"

#include <algorithm>
#include <optional>
#include <set>

#include "engine/core/error.h"
#include "engine/format/ctranslate2.h"
#include "engine/format/flat_json.h"
#include "engine/format/safetensors.h"
#include "engine/format/torch_file.h"

namespace heed {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxIndexBytes = 100'000'000;
constexpr std::string_view kCTranslate2File = "model.bin";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_safetensors(const fs::path& path) {
  return path.extension() == ".safetensors";
}

bool is_ctranslate2_file(const fs::path& path) {
  return path.filename() == kCTranslate2File;
}

bool is_index(const fs::path& path) {
  return path.extension() == ".json";
}

/// The file to open of a directory, if there is one.
std::optional<fs::path> find_weights(const fs::path& directory) {
  for (const char* file : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json", kCTranslate2File.data()}) {
    if (is_there(directory / file)) return directory / file;
  }
  return std::nullopt;
}

/// The object of an index that says in which shard each tensor is.
nlohmann::json weight_map(const fs::path& index) {
  const std::string file = index.string();
  const MappedFile text = MappedFile::open(index);
  if (text.bytes().size() > kMaxIndexBytes) {
    fail(Error::Code::format, file, ": ", text.bytes().size(), " bytes exceed the cap of ",
         kMaxIndexBytes);
  }
  const nlohmann::json json = parse_flat_json(text.bytes(), file);
  nlohmann::json map = json.is_object() ? json.value("weight_map", nlohmann::json()) : json;
  if (!map.is_object()) fail(Error::Code::format, file, ": expected an object 'weight_map'");
  return map;
}

/// The files that an index names, in the order of their names, whether they exist or not.
std::set<fs::path> shards_of(const nlohmann::json& map, const fs::path& index) {
  std::set<fs::path> files;
  for (const nlohmann::json& shard : map) {
    // A shard lies beside its index; a path could lead out of the model's directory.
    const std::string beside = shard.is_string() ? shard.get<std::string>() : "";
    const fs::path path = beside;
    const bool good = path.has_filename() && path == path.filename() &&
                      (is_safetensors(path) || path.extension() == ".bin");
    if (!good) {
      fail(Error::Code::format, index.string(),
           ": expected names of .safetensors or .bin files in 'weight_map', found ",
           shard.is_string() ? to_text(beside) : shard.type_name());
    }
    files.insert(index.parent_path() / path);
  }
  return files;
}

std::vector<std::string> missing_shards(const std::set<fs::path>& shards) {
  std::vector<std::string> missing;
  for (const fs::path& shard : shards) {
    if (!is_there(shard)) missing.push_back(shard.filename().string());
  }
  return missing;
}

}  // namespace

void Checkpoint::read_weights(std::span<const std::byte> bytes, const std::string& file) {
  if (is_safetensors(file)) {
    read_safetensors(bytes, file, tensors_);
  } else if (is_ctranslate2_file(file)) {
    model_spec_ = read_ctranslate2(bytes, file, tensors_);
  } else {
    read_torch_file(bytes, file, tensors_);
  }
}

void Checkpoint::add_file(const fs::path& path, FileAccess access) {
  files_.push_back(MappedFile::open(path, access));
  read_weights(files_.back().bytes(), path.string());
}

void Checkpoint::add_shards(const fs::path& index, FileAccess access) {
  const nlohmann::json map = weight_map(index);
  const std::set<fs::path> shards = shards_of(map, index);
  std::string missing;
  for (const std::string& shard : missing_shards(shards))
    missing += (missing.empty() ? "" : ", ") + shard;
  if (!missing.empty())
    fail(Error::Code::io, index.string(), ": these shards are missing: ", missing);
  for (const fs::path& shard : shards) add_file(shard, access);
  for (const auto& [name, shard] : map.items()) {
    if (!find(name) && left_out(name).empty()) {
      fail(Error::Code::format, index.string(), ": tensor ", to_text(name),
           " is in none of the shards");
    }
  }
}

std::vector<std::string> Checkpoint::missing_files(const fs::path& directory) {
  const auto file = find_weights(directory);
  if (!file) {
    return {"model.safetensors or pytorch_model.bin (or the .index.json of either and its shards)"};
  }
  if (!is_index(*file)) return {};
  return missing_shards(shards_of(weight_map(*file), *file));
}

bool Checkpoint::is_ctranslate2(const fs::path& directory) {
  const auto file = find_weights(directory);
  return file && is_ctranslate2_file(*file);
}

Checkpoint Checkpoint::open(const fs::path& path, FileAccess access) {
  Checkpoint result(path.string());
  std::error_code ignored;
  fs::path file = path;
  if (fs::is_directory(path, ignored)) {
    const auto found = find_weights(path);
    if (!found) {
      fail(Error::Code::io, "'", path.string(), "' holds no weights: expected ",
           missing_files(path)[0]);
    }
    file = *found;
  }
  is_index(file) ? result.add_shards(file, access) : result.add_file(file, access);
  return result;
}

Checkpoint Checkpoint::parse(std::span<const std::byte> bytes, std::string name) {
  Checkpoint result(std::move(name));
  result.read_weights(bytes, result.name_);
  return result;
}

const TensorView& Checkpoint::require(std::string_view name) const {
  if (const TensorView* tensor = find(name)) return *tensor;
  if (const std::string_view dtype = left_out(name); !dtype.empty()) {
    fail(Error::Code::unsupported, name_, ": tensor '", name, "' has dtype ", dtype,
         ", which Heed does not hold");
  }
  fail(Error::Code::format, name_, ": tensor '", name, "' is missing");
}

void Checkpoint::copy(const TensorView& tensor, int64_t offset, std::span<std::byte> out) const {
  const auto range = tensor.data.subspan(static_cast<size_t>(offset), out.size());
  for (const MappedFile& file : files_) {
    const auto bytes = file.bytes();
    if (range.data() >= bytes.data() && range.data() < bytes.data() + bytes.size()) {
      return file.copy(range, out.data());
    }
  }
  std::ranges::copy(range, out.begin());  // parsed from memory
}

}  // namespace heed
