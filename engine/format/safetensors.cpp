// Parsing and checking of safetensors files: see safetensors.h.
#include "engine/format/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/format/flat_json.h"

namespace heed {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's

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

}  // namespace

void read_safetensors(std::span<const std::byte> bytes, const std::string& file,
                      TensorTable& tensors) {
  const uint64_t length = header_bytes(bytes, file);
  const auto text = bytes.subspan(sizeof length, length);
  const auto data = bytes.subspan(sizeof length + length);
  const Json header = parse_flat_json(text, file + ": header");
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
    const bool is_new = entry.type->held
                            ? tensors.add({entry.name, entry.type->type, entry.shape, view_data})
                            : tensors.leave_out(entry.name, entry.type->name);
    if (!is_new) {
      fail(Error::Code::format, file, ": tensor '", entry.name, "': is in another shard as well");
    }
  }
}

}  // namespace heed
