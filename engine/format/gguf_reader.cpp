// Parsing and checking of GGUF files: see gguf.h.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/format/cursor.h"
#include "engine/format/gguf.h"
#include "engine/format/gguf_layout.h"

namespace heed {

using namespace gguf;

namespace {

struct UnreadType {
  uint32_t number;
  std::string_view name;
};

/// ggml's types that Heed does not hold, so that the error can call them by the name users know.
constexpr std::array kUnreadTypes = {
    UnreadType{9, "Q8_1"},    UnreadType{15, "Q8_K"},    UnreadType{16, "IQ2_XXS"},
    UnreadType{17, "IQ2_XS"}, UnreadType{18, "IQ3_XXS"}, UnreadType{19, "IQ1_S"},
    UnreadType{21, "IQ3_S"},  UnreadType{22, "IQ2_S"},   UnreadType{23, "IQ4_XS"},
    UnreadType{29, "IQ1_M"},  UnreadType{34, "TQ1_0"},   UnreadType{35, "TQ2_0"},
    UnreadType{39, "MXFP4"},  UnreadType{40, "NVFP4"},
};

/// The first bytes of something that is not GGUF, as text: "PK\x03\x04".
std::string magic_text(std::span<const std::byte> bytes) {
  return to_text(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

/// A T, or what one is made of: strings stay in the file.
template <typename T>
auto read_scalar(Cursor& cursor) {
  if constexpr (std::is_same_v<T, std::string>) {
    return cursor.string(kMaxStringBytes);
  } else if constexpr (std::is_same_v<T, bool>) {
    return cursor.boolean();
  } else {
    return cursor.number<T>();
  }
}

}  // namespace

/// One pass over the header, section by section, into the GgufFile.
class GgufParser {
 public:
  GgufParser(std::span<const std::byte> bytes, std::string name)
      : bytes_(bytes), file_(std::move(name)), cursor_(bytes, file_.name_) {}

  GgufFile parse() {
    file_.size_ = static_cast<int64_t>(bytes_.size());
    read_header();
    for (uint64_t i = 0; i < key_count_; ++i) read_key(i);
    alignment_ = alignment(file_.metadata_);
    for (uint64_t i = 0; i < tensor_count_; ++i) read_tensor(i);
    place_tensors();
    check_overlap();
    return std::move(file_);
  }

 private:
  struct Pending {  // a tensor whose place cannot be checked before the header has ended
    TensorView view;
    uint64_t offset;  // from the start of the data section
    uint64_t bytes;
  };

  void read_header();
  void check_version(uint32_t version);
  uint64_t read_count(std::string_view what, uint64_t cap, uint64_t least_bytes);
  void read_key(uint64_t number);
  Metadata::Value read_value();
  Metadata::Value read_array();
  ValueType read_value_type();
  std::string read_name(uint64_t cap);
  void read_tensor(uint64_t number);
  DType read_dtype();
  Shape read_shape();
  void place_tensors();
  void check_overlap();

  std::span<const std::byte> bytes_;
  GgufFile file_;
  Cursor cursor_;
  std::vector<Pending> pending_;
  uint64_t tensor_count_ = 0;
  uint64_t key_count_ = 0;
  uint64_t alignment_ = kAlignment;
};

void GgufParser::read_header() {
  const auto magic = bytes_.first(std::min(bytes_.size(), kMagic.size()));
  if (!std::ranges::equal(magic, std::as_bytes(std::span(kMagic)))) {
    cursor_.fail("not a GGUF file: expected it to begin with \"", kMagic, "\", found ",
                 magic_text(magic));
  }
  cursor_.take(kMagic.size());
  check_version(cursor_.number<uint32_t>());
  // A tensor takes at least a length, a name of one byte, a dimension count, a type and an offset;
  // a key a length, a name, a type and a value.
  tensor_count_ = read_count("tensors", kMaxTensors, 8 + 1 + 4 + 4 + 8);
  key_count_ = read_count("keys", kMaxKeys, 8 + 1 + 4 + 1);
}

void GgufParser::check_version(uint32_t version) {
  if (version == kVersion || version == kOldVersion) {
    file_.version_ = version;
    return;
  }
  if (version == 1) {
    cursor_.fail_as(Error::Code::unsupported,
                    "GGUF version 1 is not read, only 2 and 3; convert the model again");
  }
  if (const uint32_t swapped = __builtin_bswap32(version); swapped >= 1 && swapped <= kVersion) {
    cursor_.fail_as(Error::Code::unsupported,
                    "a big-endian GGUF file is not read, only little-endian ones");
  }
  cursor_.fail_as(Error::Code::unsupported, "expected GGUF version 2 or 3, found ", version);
}

/// A number of things to come, each of which takes at least `least_bytes`.
uint64_t GgufParser::read_count(std::string_view what, uint64_t cap, uint64_t least_bytes) {
  const auto count = cursor_.number<uint64_t>();
  if (count > cap) cursor_.fail(count, " ", what, " exceed the cap of ", cap);
  if (count > cursor_.remaining() / least_bytes) {
    cursor_.fail("claims ", count, " ", what, ", but only ", cursor_.remaining(),
                 " bytes follow: the file is truncated or damaged");
  }
  return count;
}

void GgufParser::read_key(uint64_t number) {
  cursor_.set_subject(cat("key ", number));
  const std::string key = read_name(kMaxKeyBytes);
  cursor_.set_subject(cat("key '", key, "'"));
  if (file_.metadata_.contains(key)) cursor_.fail("appears twice");
  file_.metadata_.set(key, read_value());
}

std::string GgufParser::read_name(uint64_t cap) {
  const std::string_view name = cursor_.string(cap);
  if (const auto problem = name_problem(name)) cursor_.fail(*problem);
  return std::string(name);
}

ValueType GgufParser::read_value_type() {
  const auto type = cursor_.number<uint32_t>();
  if (type >= kValueTypes) {
    cursor_.fail("expected a value type from 0 to ", kValueTypes - 1, ", found ", type);
  }
  return static_cast<ValueType>(type);
}

Metadata::Value GgufParser::read_value() {
  const ValueType type = read_value_type();
  if (type == ValueType::array) return read_array();
  return with_type(type,
                   [&]<typename T>() -> Metadata::Value { return T(read_scalar<T>(cursor_)); });
}

Metadata::Value GgufParser::read_array() {
  const ValueType type = read_value_type();
  if (type == ValueType::array) {
    cursor_.fail_as(Error::Code::unsupported, "arrays of arrays are not read");
  }
  return with_type(type, [&]<typename T>() -> Metadata::Value {
    constexpr uint64_t kLeastBytes = std::is_same_v<T, std::string> ? 8 : sizeof(T);
    const uint64_t count = read_count("elements", kMaxArrayElements, kLeastBytes);
    std::vector<T> array;
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      array.resize(count);
      const auto bytes = cursor_.take(count * sizeof(T));
      if (count > 0) std::memcpy(array.data(), bytes.data(), bytes.size());
    } else {
      array.reserve(count);
      for (uint64_t i = 0; i < count; ++i) array.emplace_back(read_scalar<T>(cursor_));
    }
    return array;
  });
}

void GgufParser::read_tensor(uint64_t number) {
  cursor_.set_subject(cat("tensor ", number));
  Pending tensor = {};
  tensor.view.name = read_name(kMaxNameBytes);
  cursor_.set_subject(cat("tensor '", tensor.view.name, "'"));
  tensor.view.shape = read_shape();
  tensor.view.type = read_dtype();
  tensor.offset = cursor_.number<uint64_t>();

  const auto problem = tensor_problem(tensor.view.type, tensor.view.shape);
  if (problem) cursor_.fail(*problem);
  tensor.bytes = static_cast<uint64_t>(*checked_bytes(tensor.view.type, tensor.view.shape));
  if (tensor.offset % alignment_ != 0) {
    cursor_.fail("expected an offset that is a multiple of ", alignment_, ", found ",
                 tensor.offset);
  }
  pending_.push_back(std::move(tensor));
}

/// The file lists dimensions innermost first; a Shape is the other way round.
Shape GgufParser::read_shape() {
  const auto count = cursor_.number<uint32_t>();
  if (count > kMaxDimensions) {  // before a vector of that size is made
    cursor_.fail("expected at most ", kMaxDimensions, " dimensions, found ", count);
  }
  Shape shape(count);
  for (uint32_t i = 0; i < count; ++i) {
    shape[count - 1 - i] = cursor_.number<int64_t>();
  }
  return shape;
}

DType GgufParser::read_dtype() {
  const auto number = cursor_.number<uint32_t>();
  if (const auto type = dtype_from_id(number)) return *type;
  const auto unread = std::ranges::find(kUnreadTypes, number, &UnreadType::number);
  const std::string name = unread == kUnreadTypes.end() ? "" : cat(" (", unread->name, ")");
  cursor_.fail_as(Error::Code::unsupported, "has type ", number, name,
                  ", which Heed does not read");
}

void GgufParser::place_tensors() {
  const uint64_t start = std::min<uint64_t>(align_up(cursor_.offset(), alignment_), bytes_.size());
  const auto data = bytes_.subspan(start);
  for (Pending& tensor : pending_) {
    cursor_.set_subject(cat("tensor '", tensor.view.name, "'"));
    if (tensor.offset > data.size() || tensor.bytes > data.size() - tensor.offset) {
      cursor_.fail("expected ", tensor.bytes, " bytes at offset ", tensor.offset,
                   " of the data, which has only ", data.size(),
                   " bytes: the file is truncated or damaged");
    }
    tensor.view.data = data.subspan(tensor.offset, tensor.bytes);
    if (!file_.tensors_.add(tensor.view)) cursor_.fail("appears twice");
  }
}

void GgufParser::check_overlap() {
  std::vector<const TensorView*> order;
  for (const TensorView& view : file_.tensors()) order.push_back(&view);
  std::ranges::sort(order, {}, [](const TensorView* view) { return view->data.data(); });
  for (size_t i = 1; i < order.size(); ++i) {
    const TensorView& before = *order[i - 1];
    if (before.data.data() + before.data.size() > order[i]->data.data()) {
      cursor_.set_subject(cat("tensor '", order[i]->name, "'"));
      cursor_.fail("its data overlaps that of tensor '", before.name, "'");
    }
  }
}

GgufFile GgufFile::open(const std::filesystem::path& path, FileAccess access) {
  MappedFile file = MappedFile::open(path, access);
  GgufFile result = parse(file.bytes(), path.string());
  result.file_ = std::move(file);
  return result;
}

GgufFile GgufFile::parse(std::span<const std::byte> bytes, std::string name) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kMinAlignment != 0) {
    fail(Error::Code::argument, name, ": expected its memory to start on a multiple of ",
         kMinAlignment);
  }
  return GgufParser(bytes, std::move(name)).parse();
}

const TensorView& GgufFile::require(std::string_view name) const {
  if (const TensorView* tensor = find(name)) return *tensor;
  fail(Error::Code::format, name_, ": tensor '", name, "' is missing");
}

// Neighbours go in one call, with what lies between them if that is but a small tensor: each call
// interrupts all cores that this process runs on.
void GgufFile::drop(std::span<const TensorView* const> tensors) const {
  constexpr std::ptrdiff_t kBetween = 16384;
  if (!file_) return;
  std::vector<std::span<const std::byte>> ranges;
  for (const TensorView* tensor : tensors) ranges.push_back(tensor->data);
  std::ranges::sort(ranges, {}, [](const auto& range) { return range.data(); });
  for (size_t i = 0, next = 0; i < ranges.size(); i = next) {
    const std::byte* end = ranges[i].data() + ranges[i].size();
    for (next = i + 1; next < ranges.size() && ranges[next].data() - end < kBetween; ++next) {
      end = std::max(end, ranges[next].data() + ranges[next].size());
    }
    file_->drop({ranges[i].data(), end});
  }
}

void GgufFile::copy(const TensorView& tensor, int64_t offset, std::span<std::byte> out) const {
  const auto range = tensor.data.subspan(static_cast<size_t>(offset), out.size());
  if (file_) {
    file_->copy(range, out.data());
  } else {
    std::ranges::copy(range, out.begin());  // parsed from memory
  }
}

}  // namespace heed
