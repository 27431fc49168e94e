// Parsing and checking of safetensors files: see safetensors.h.
#include "engine/format/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_set>

namespace heed {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's
constexpr int kMaxDepth = 3;                       // header, tensor, shape

struct ElementType {
  std::string_view name;
  DType type;  // of the same size, where it is not held
  bool held;
};

constexpr std::array kElementTypes = {
    ElementType{"F32", DType::f32, true},     ElementType{"F16", DType::f16, true},
    ElementType{"BF16", DType::bf16, true},   ElementType{"F64", DType::f64, true},
    ElementType{"I64", DType::i64, true},     ElementType{"I32", DType::i32, true},
    ElementType{"I16", DType::i16, true},     ElementType{"I8", DType::i8, true},
    ElementType{"U64", DType::i64, false},    ElementType{"U32", DType::i32, false},
    ElementType{"U16", DType::i16, false},    ElementType{"U8", DType::i8, false},
    ElementType{"BOOL", DType::i8, false},    ElementType{"F8_E4M3", DType::i8, false},
    ElementType{"F8_E5M2", DType::i8, false}, ElementType{"F8_E8M0", DType::i8, false},
};

/// Parses JSON of the shape both kinds of file have: flat, no key twice in an object.
class JsonReader {
 public:
  explicit JsonReader(const std::string& file) : file_(file) {}

  Json read(std::string_view text) {
    const auto check = [this](int depth, Json::parse_event_t event, const Json& parsed) {
      using Event = Json::parse_event_t;
      const bool opens = event == Event::object_start || event == Event::array_start;
      if (opens && depth >= kMaxDepth) refuse("nested deeper than ", kMaxDepth, " levels");
      if (event == Event::object_start) keys_[depth].clear();
      if (event == Event::key && !keys_[depth - 1].insert(parsed.get<std::string>()).second) {
        refuse("has the key ", to_text(parsed.get<std::string>()), " twice");
      }
      return true;
    };
    try {
      return Json::parse(text, check);
    } catch (const Json::parse_error& error) {
      refuse("not valid JSON near byte ", error.byte);
    } catch (const Json::exception&) {  // a number beyond every type
      refuse("not valid JSON");
    }
  }

 private:
  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(Error::Code::format, file_, ": header: ", parts...);
  }

  const std::string& file_;
  std::array<std::unordered_set<std::string>, kMaxDepth> keys_;  // of the object open at a depth
};

/// A tensor as the header describes it, checked by itself.
struct Entry {
  std::string name;
  const ElementType* type;
  Shape shape;
  uint64_t begin;  // in the data section
  uint64_t end;
};

class EntryReader {
 public:
  EntryReader(const std::string& file, const std::string& name) : file_(file), name_(name) {}

  Entry read(const Json& json) const {
    if (const auto problem = name_problem(name_)) {
      fail(Error::Code::format, file_, ": a tensor's name: ", *problem);
    }
    if (!json.is_object()) refuse("expected an object, found ", json.type_name());
    Entry entry = {.name = name_,
                   .type = &type_of(field(json, "dtype")),
                   .shape = shape_of(field(json, "shape")),
                   .begin = 0,
                   .end = 0};
    const Json& offsets = field(json, "data_offsets");
    if (!offsets.is_array() || offsets.size() != 2) refuse("expected two data_offsets");
    entry.begin = number(offsets[0], "data_offsets");
    entry.end = number(offsets[1], "data_offsets");
    const auto bytes = checked_bytes(entry.type->type, entry.shape);
    if (!bytes) refuse("the shape ", to_string(entry.shape), " exceeds 63 bits");
    if (entry.begin > entry.end || entry.end - entry.begin != static_cast<uint64_t>(*bytes)) {
      refuse("expected ", *bytes, " bytes for ", entry.type->name, " ", to_string(entry.shape),
             ", found data_offsets ", entry.begin, " to ", entry.end);
    }
    return entry;
  }

 private:
  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(Error::Code::format, file_, ": tensor '", name_, "': ", parts...);
  }

  const Json& field(const Json& json, const char* key) const {
    const auto it = json.find(key);
    if (it == json.end()) refuse("'", key, "' is missing");
    return *it;
  }

  const ElementType& type_of(const Json& json) const {
    if (!json.is_string()) refuse("expected dtype to be a string, found ", json.type_name());
    const auto& name = json.get_ref<const std::string&>();
    const auto it = std::ranges::find(kElementTypes, name, &ElementType::name);
    if (it != kElementTypes.end()) return *it;
    fail(Error::Code::unsupported, file_, ": tensor '", name_, "': has dtype ", to_text(name),
         ", which Heed does not know");
  }

  Shape shape_of(const Json& json) const {
    if (!json.is_array()) refuse("expected shape to be an array, found ", json.type_name());
    if (json.size() > kMaxCheckpointDimensions) {
      refuse("expected at most ", kMaxCheckpointDimensions, " dimensions, found ", json.size());
    }
    Shape shape;
    for (const Json& size : json) shape.push_back(static_cast<int64_t>(number(size, "shape")));
    return shape;
  }

  uint64_t number(const Json& json, const char* what) const {
    constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
    if (json.is_number_unsigned() && json.get<uint64_t>() <= kMax) return json.get<uint64_t>();
    refuse("expected ", what, " of integers from 0 to 2^63 - 1, found ",
           json.is_number() ? json.dump() : json.type_name());
  }

  const std::string& file_;
  const std::string& name_;
};

/// Length of the JSON after the first eight bytes.
uint64_t header_bytes(std::span<const std::byte> bytes, const std::string& file) {
  uint64_t length = 0;
  if (bytes.size() < sizeof length) {
    fail(Error::Code::format, file, ": not a safetensors file: expected at least ", sizeof length,
         " bytes, found ", bytes.size());
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  const auto rest = bytes.subspan(sizeof length);
  if (length > kMaxHeaderBytes || length > rest.size()) {
    fail(Error::Code::format, file, ": header: expected a length of at most ",
         std::min<uint64_t>(kMaxHeaderBytes, rest.size()), " bytes, found ", length,
         ": the file is truncated or not safetensors");
  }
  if (length == 0 || std::to_integer<char>(rest[0]) != '{') {
    fail(Error::Code::format, file, ": header: expected it to begin with '{'");
  }
  return length;
}

void check_strings(const Json& json, const std::string& file) {
  const bool good = json.is_object() &&
                    std::ranges::all_of(json, [](const Json& value) { return value.is_string(); });
  if (!good) fail(Error::Code::format, file, ": header: expected __metadata__ to map to strings");
}

/// The tensors must cover the data without gap or overlap, so that no byte is read twice or never.
void check_coverage(std::span<const Entry> entries, uint64_t data_bytes, const std::string& file) {
  uint64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end) {
      fail(Error::Code::format, file, ": tensor '", entry.name, "': expected its data at offset ",
           end, ", where the data before it ends, found ", entry.begin);
    }
    if (entry.end > data_bytes) {
      fail(Error::Code::format, file, ": tensor '", entry.name, "': expected data up to offset ",
           entry.end, ", but there are only ", data_bytes,
           " bytes of data: the file is truncated or damaged");
    }
    end = entry.end;
  }
  if (end != data_bytes) {
    fail(Error::Code::format, file, ": expected tensors for all ", data_bytes,
         " bytes of data, found them for ", end);
  }
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The object of an index that says in which shard each tensor is.
Json weight_map(const std::filesystem::path& index) {
  const std::string file = index.string();
  const MappedFile text = MappedFile::open(index);
  if (text.bytes().size() > kMaxHeaderBytes) {
    fail(Error::Code::format, file, ": ", text.bytes().size(), " bytes exceed the cap of ",
         kMaxHeaderBytes);
  }
  const Json json = JsonReader(file).read(as_text(text.bytes()));
  Json map = json.is_object() ? json.value("weight_map", Json()) : Json();
  if (!map.is_object()) fail(Error::Code::format, file, ": expected an object 'weight_map'");
  return map;
}

}  // namespace

void Safetensors::add_file(std::span<const std::byte> bytes, const std::string& file) {
  const uint64_t length = header_bytes(bytes, file);
  const auto data = bytes.subspan(sizeof length + length);
  const Json header = JsonReader(file).read(as_text(bytes.subspan(sizeof length, length)));
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name == "__metadata__") {
      check_strings(json, file);
    } else {
      entries.push_back(EntryReader(file, name).read(json));
    }
  }
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
  check_coverage(entries, data.size(), file);
  for (const Entry& entry : entries) {
    const auto view_data = data.subspan(entry.begin, entry.end - entry.begin);
    const bool is_new =
        !find(entry.name) && !left_out_.contains(entry.name) &&
        (entry.type->held ? tensors_.add({entry.name, entry.type->type, entry.shape, view_data})
                          : left_out_.emplace(entry.name, entry.type->name).second);
    if (!is_new) {
      fail(Error::Code::format, file, ": tensor '", entry.name, "': is in another shard as well");
    }
  }
}

void Safetensors::open_shards(const std::filesystem::path& index, FileAccess access) {
  for (const std::filesystem::path& shard : shards(index)) {
    files_.push_back(MappedFile::open(shard, access));
    add_file(files_.back().bytes(), shard.string());
  }
  const Json map = weight_map(index);
  for (const auto& [name, shard] : map.items()) {
    if (!find(name) && left_out(name).empty()) {
      fail(Error::Code::format, index.string(), ": tensor ", to_text(name),
           " is in none of the shards");
    }
  }
}

std::vector<std::filesystem::path> Safetensors::shards(const std::filesystem::path& index) {
  std::set<std::filesystem::path> files;
  for (const Json& shard : weight_map(index)) {
    // A shard lies beside its index; a path could lead out of the model's directory.
    const std::string beside = shard.is_string() ? shard.get<std::string>() : "";
    const std::filesystem::path path = beside;
    if (!path.has_filename() || path != path.filename() || path.extension() != ".safetensors") {
      fail(Error::Code::format, index.string(),
           ": expected names of .safetensors files in 'weight_map', found ",
           shard.is_string() ? to_text(beside) : shard.type_name());
    }
    files.insert(index.parent_path() / path);
  }
  return {files.begin(), files.end()};
}

Safetensors Safetensors::open(const std::filesystem::path& path, FileAccess access) {
  Safetensors result(path.string());
  std::error_code ignored;
  std::filesystem::path file = path;
  if (std::filesystem::is_directory(path, ignored)) {
    file = path / "model.safetensors";
    if (!std::filesystem::exists(file, ignored)) file += ".index.json";
    if (!std::filesystem::exists(file, ignored)) {
      fail(Error::Code::io, "'", path.string(),
           "' holds neither model.safetensors nor model.safetensors.index.json");
    }
  }
  if (file.extension() == ".json") {
    result.open_shards(file, access);
  } else {
    result.files_.push_back(MappedFile::open(file, access));
    result.add_file(result.files_.back().bytes(), file.string());
  }
  return result;
}

Safetensors Safetensors::parse(std::span<const std::byte> bytes, std::string name) {
  Safetensors result(std::move(name));
  result.add_file(bytes, result.name_);
  return result;
}

const TensorView& Safetensors::require(std::string_view name) const {
  if (const TensorView* tensor = find(name)) return *tensor;
  if (const std::string_view dtype = left_out(name); !dtype.empty()) {
    fail(Error::Code::unsupported, name_, ": tensor '", name, "' has dtype ", dtype,
         ", which Heed does not hold");
  }
  fail(Error::Code::format, name_, ": tensor '", name, "' is missing");
}

std::string_view Safetensors::left_out(std::string_view name) const {
  const auto it = left_out_.find(name);
  return it == left_out_.end() ? std::string_view() : it->second;
}

void Safetensors::drop(const TensorView& tensor) const noexcept {
  for (const MappedFile& file : files_) {
    const auto bytes = file.bytes();
    if (tensor.data.data() >= bytes.data() && tensor.data.data() < bytes.data() + bytes.size()) {
      file.drop(tensor.data);
    }
  }
}

}  // namespace heed
