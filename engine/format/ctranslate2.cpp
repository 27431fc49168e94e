// Parsing and checking of CTranslate2's files: see ctranslate2.h.
#include "engine/format/ctranslate2.h"

#include <array>
#include <string_view>

#include "engine/format/cursor.h"

namespace heed {
namespace {

/// Before version 4 a variable has the size of its elements instead of their type.
constexpr uint32_t kFirstVersion = 4;
constexpr uint32_t kLastVersion = 6;
/// In the order of the format's own numbers.
constexpr std::array kTypes = {DType::f32, DType::i8,  DType::i16,
                               DType::i32, DType::f16, DType::bf16};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& file, TensorTable& tensors)
      : cursor_(bytes, file), tensors_(tensors) {}

  std::string read() {
    const auto version = cursor_.number<uint32_t>();
    if (version < kFirstVersion || version > kLastVersion) {
      cursor_.fail_as(Error::Code::unsupported, "expected a CTranslate2 file of binary version ",
                      kFirstVersion, " to ", kLastVersion, ", found ", version);
    }
    const std::string model = name();
    // The revision of the model's names: whoever looks them up will find them or not.
    cursor_.number<uint32_t>();
    const auto variables = cursor_.number<uint32_t>();
    for (uint32_t i = 0; i < variables; ++i) {
      cursor_.set_subject(cat("variable ", i + 1, " of ", variables));
      add_variable();
    }
    cursor_.set_subject("aliases");
    const auto aliases = cursor_.number<uint32_t>();
    for (uint32_t i = 0; i < aliases; ++i) {
      cursor_.set_subject(cat("alias ", i + 1, " of ", aliases));
      add_alias();
    }
    cursor_.set_subject("end");
    if (cursor_.remaining() > 0) {
      cursor_.fail("expected the file to end at offset ", cursor_.offset(), ", found ",
                   cursor_.remaining(), " more bytes");
    }
    return model;
  }

 private:
  /// A 16-bit length and so many bytes, the last one 0.
  std::string name() {
    const auto length = cursor_.number<uint16_t>();
    const auto bytes = cursor_.take(length);
    if (bytes.empty() || bytes.back() != std::byte{0}) {
      cursor_.fail("expected a name that ends in a 0 byte");
    }
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size() - 1);
    if (const auto problem = name_problem(text)) cursor_.fail(*problem);
    return text;
  }

  Shape shape() {
    const auto dimensions = cursor_.number<uint8_t>();
    if (dimensions > kMaxCheckpointDimensions) {
      cursor_.fail("expected at most ", kMaxCheckpointDimensions, " dimensions, found ",
                   +dimensions);
    }
    Shape shape(dimensions);
    for (int64_t& size : shape) size = cursor_.number<uint32_t>();
    return shape;
  }

  DType type() {
    const auto id = cursor_.number<uint8_t>();
    if (id < kTypes.size()) return kTypes[id];
    cursor_.fail_as(Error::Code::unsupported, "has element type ", +id,
                    ", which Heed does not know");
  }

  void add_variable() {
    TensorView view{.name = name()};
    cursor_.set_subject(cat("variable '", view.name, "'"));
    view.shape = shape();
    view.type = type();
    const auto found = cursor_.number<uint32_t>();
    const auto expected = checked_bytes(view.type, view.shape);
    if (!expected) cursor_.fail("the shape ", to_string(view.shape), " exceeds 63 bits");
    if (*expected != found) {
      cursor_.fail("expected ", *expected, " bytes for ", info(view.type).name, " ",
                   to_string(view.shape), ", found ", found);
    }
    view.data = cursor_.take(found);
    add(view);
  }

  void add_alias() {
    const std::string alias = name();
    cursor_.set_subject(cat("alias '", alias, "'"));
    const std::string target = name();
    if (!tensors_.find(target)) cursor_.fail("stands for '", target, "', which is missing");
    add_again(target, alias);
    const std::string scale = target + "_scale";
    if (tensors_.find(scale) && !tensors_.find(alias + "_scale")) {
      add_again(scale, alias + "_scale");
    }
  }

  void add_again(const std::string& name, const std::string& alias) {
    TensorView view = *tensors_.find(name);
    view.name = alias;
    add(view);
  }

  void add(const TensorView& view) {
    if (!tensors_.add(view)) cursor_.fail("is there twice");
  }

  Cursor cursor_;
  TensorTable& tensors_;
};

}  // namespace

std::string read_ctranslate2(std::span<const std::byte> bytes, const std::string& file,
                             TensorTable& tensors) {
  return Reader(bytes, file, tensors).read();
}

}  // namespace heed
