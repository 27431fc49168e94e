// Writing of GGUF files: see gguf.h.
#include <ranges>
#include <string>
#include <unordered_set>
#include <variant>

#include "engine/format/gguf.h"
#include "engine/format/gguf_layout.h"

namespace heed {

using namespace gguf;

namespace {

/// The header as bytes, appended field by field. Whatever the reader would refuse is refused here.
class HeaderBytes {
 public:
  /// `file` is named in errors, and must outlive this object.
  explicit HeaderBytes(const std::string& file) : file_(file) { bytes_ = kMagic; }

  const std::string& bytes() const { return bytes_; }

  template <typename T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  void key(const Metadata::Entry& entry) {
    subject_ = cat("key '", entry.key, "'");
    name(entry.key, kMaxKeyBytes);
    constexpr size_t kScalars = std::variant_size_v<Metadata::Value> / 2;
    const size_t index = entry.value.index();
    // The variant has no alternative for the number of "array" itself.
    const auto array = static_cast<uint32_t>(ValueType::array);
    const auto scalar = static_cast<uint32_t>(index % kScalars);
    if (index >= kScalars) number(array);
    number(scalar < array ? scalar : scalar + 1);
    std::visit([&](const auto& held) { value(held); }, entry.value);
  }

  void tensor(const GgufWriter::Tensor& tensor, uint64_t offset) {
    subject_ = cat("tensor '", tensor.name, "'");
    name(tensor.name, kMaxWrittenNameBytes);
    if (!tensor_names_.insert(tensor.name).second) refuse("appears twice");
    if (const auto problem = tensor_problem(tensor.type, tensor.shape)) refuse(*problem);
    number(static_cast<uint32_t>(tensor.shape.size()));
    for (const int64_t size : tensor.shape | std::views::reverse) number(size);
    number(tensor.type);
    number(offset);
  }

 private:
  template <typename T>
  void value(T scalar) {
    number(scalar);
  }
  void value(const std::string& text) {
    require_at_most(kMaxStringBytes, text.size(), "bytes");
    number<uint64_t>(text.size());
    bytes_ += text;
  }
  template <typename T>
  void value(const std::vector<T>& array) {
    require_at_most(kMaxArrayElements, array.size(), "elements");
    number<uint64_t>(array.size());
    for (const auto& element : array) value(element);
  }

  void name(const std::string& text, uint64_t cap) {
    if (const auto problem = name_problem(text)) refuse(*problem);
    require_at_most(cap, text.size(), "bytes");
    value(text);
  }

  void require_at_most(uint64_t cap, uint64_t found, std::string_view unit) const {
    if (found > cap) refuse(cat(found, " ", unit, " exceed the cap of ", cap));
  }
  [[noreturn]] void refuse(const std::string& problem) const {
    fail(Error::Code::argument, file_, ": cannot write ", subject_, ": ", problem);
  }

  const std::string& file_;
  std::string subject_;
  std::string bytes_;
  std::unordered_set<std::string> tensor_names_;
};

}  // namespace

GgufWriter::GgufWriter(const std::filesystem::path& target, const Metadata& metadata,
                       std::span<const Tensor> tensors)
    : file_(target), target_(target.string()), alignment_(alignment(metadata)) {
  HeaderBytes header(target_);
  header.number(kVersion);
  header.number<uint64_t>(tensors.size());
  header.number<uint64_t>(metadata.entries().size());
  for (const Metadata::Entry& entry : metadata.entries()) header.key(entry);
  uint64_t offset = 0;
  for (const Tensor& tensor : tensors) {
    header.tensor(tensor, offset);
    const auto bytes = static_cast<uint64_t>(*checked_bytes(tensor.type, tensor.shape));
    planned_.push_back({tensor.name, bytes, bytes});
    offset = align_up(offset + bytes, alignment_);
  }
  file_.write(header.bytes());
  pad(header.bytes().size());
}

void GgufWriter::write(std::string_view name, std::span<const std::byte> bytes) {
  const bool is_next = current_ < planned_.size() && planned_[current_].name == name;
  if (!is_next || bytes.size() > planned_[current_].left) {
    const std::string wanted =
        current_ == planned_.size()
            ? "no more data"
            : cat(planned_[current_].left, " bytes of tensor '", planned_[current_].name, "'");
    fail(Error::Code::argument, target_, ": expected ", wanted, " next, found ", bytes.size(),
         " bytes of tensor '", name, "'");
  }
  file_.write(bytes);
  planned_[current_].left -= bytes.size();
  if (planned_[current_].left > 0) return;
  pad(planned_[current_].bytes);
  ++current_;
}

/// Fills up with zeros after `bytes` bytes that began on a boundary.
void GgufWriter::pad(uint64_t bytes) {
  file_.write(std::string(align_up(bytes, alignment_) - bytes, '\0'));
}

void GgufWriter::commit() {
  if (current_ < planned_.size()) {
    fail(Error::Code::argument, target_, ": tensor '", planned_[current_].name, "' lacks ",
         planned_[current_].left, " bytes");
  }
  file_.commit();
}

}  // namespace heed
