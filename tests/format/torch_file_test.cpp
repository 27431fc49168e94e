#include "engine/format/torch_file.h"

#include <doctest/doctest.h>

#include <cstring>
#include <numeric>

#include "engine/quant/quant.h"
#include "tests/support/bytes.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/zip_file.h"

namespace heed {
namespace {

/// A file of goldens/torch, or one made here, and what is in it.
class TorchFile {
 public:
  explicit TorchFile(const std::string& text) : bytes_(Bytes().raw(text).copy()) {
    read_torch_file(bytes_, "m.bin", tensors_);
  }
  static std::string golden(const std::string& name) {
    return read_text(std::filesystem::path(HEED_TEST_DIR) / "format/goldens/torch" / name);
  }

  const TensorTable& tensors() const { return tensors_; }
  const TensorView& operator[](std::string_view name) const {
    const TensorView* tensor = tensors_.find(name);
    REQUIRE(tensor);
    return *tensor;
  }

 private:
  std::vector<std::byte> bytes_;
  TensorTable tensors_;
};

void check_torch_file_refused(const std::string& text, const std::string& sentence,
                              Error::Code code = Error::Code::format) {
  CAPTURE(sentence);
  try {
    const TorchFile file(text);
    FAIL_CHECK("was accepted");
  } catch (const Error& error) {
    CHECK(std::string_view(error.what()) == "m.bin: " + sentence);
    CHECK(error.code() == code);
  }
}

std::vector<float> floats(const TensorView& tensor) {
  std::vector<float> values(static_cast<size_t>(element_count(tensor.shape)));
  dequantize_row(tensor.type, tensor.data.data(), values.data(), std::ssize(values));
  return values;
}

std::vector<float> counted(size_t count, float first = 0) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

template <typename T>
std::vector<T> integers(const TensorView& tensor) {
  std::vector<T> values(tensor.data.size() / sizeof(T));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

std::string names_of(const TensorTable& tensors) {
  std::string result;
  for (const TensorView& view : tensors.views()) result += view.name + " ";
  return result;
}

}  // namespace

TEST_CASE("what torch.save wrote: any protocol, alone or below 'state_dict' or 'model'") {
  for (const char* name :
       {"plain.bin", "protocol4.bin", "protocol5.bin", "lightning.bin", "model.bin"}) {
    CAPTURE(name);
    const TorchFile file(TorchFile::golden(name));
    CHECK(names_of(file.tensors()) == "embed.weight norm.weight scalar none ");
    CHECK(file["embed.weight"].type == DType::f32);
    CHECK(file["embed.weight"].shape == Shape{4, 3});
    CHECK(floats(file["embed.weight"]) == counted(12));
    CHECK(floats(file["norm.weight"]) == counted(3));
    CHECK(file["scalar"].type == DType::i64);
    CHECK(file["scalar"].shape.empty());
    CHECK(integers<int64_t>(file["scalar"]) == std::vector<int64_t>{7});
    CHECK(file["none"].shape == Shape{0, 3});
    CHECK(file["none"].data.empty());
  }
}

TEST_CASE("tensors may share a storage, or be a part of one") {
  const TorchFile file(TorchFile::golden("tied.bin"));
  CHECK(names_of(file.tensors()) == "embed.weight head.weight last_row bare ");
  CHECK(file["embed.weight"].data.data() == file["head.weight"].data.data());
  CHECK(file["last_row"].shape == Shape{3});
  CHECK(floats(file["last_row"]) == counted(3, 9));
  CHECK(floats(file["bare"]) == counted(2));
}

TEST_CASE("every type of a storage") {
  const TorchFile file(TorchFile::golden("types.bin"));
  CHECK(names_of(file.tensors()) == "float64 float16 bfloat16 int64 int32 int16 int8 ");
  CHECK(integers<double>(file["float64"]) == std::vector<double>{1, 0, 3});
  CHECK(floats(file["float16"]) == std::vector<float>{1, 0, 3});
  CHECK(floats(file["bfloat16"]) == std::vector<float>{1, 0, 3});
  CHECK(integers<int64_t>(file["int64"]) == std::vector<int64_t>{1, 0, 3});
  CHECK(integers<int32_t>(file["int32"]) == std::vector<int32_t>{1, 0, 3});
  CHECK(integers<int16_t>(file["int16"]) == std::vector<int16_t>{1, 0, 3});
  CHECK(integers<int8_t>(file["int8"]) == std::vector<int8_t>{1, 0, 3});
  CHECK(file.tensors().left_out("uint8") == "uint8");
  CHECK(file.tensors().left_out("bool") == "bool");
}

TEST_CASE("whatever a pickle wants to call is refused by its name") {
  const auto check_call = [](const char* golden, const std::string& name) {
    CAPTURE(golden);
    check_torch_file_refused(
        TorchFile::golden(golden),
        "pickle: refused: it wants to call \"" + name + "\", which is no part of a weights file",
        Error::Code::unsupported);
  };
  check_call("system.bin", "posix.system");
  check_call("system4.bin", "posix.system");
  check_call("eval.bin", "__builtin__.eval");
  check_call("exec4.bin", "builtins.exec");
  check_call("nested.bin", "posix.system");
  check_call("getattr.bin", "__builtin__.getattr");
  check_call("float8.bin", "torch._utils._rebuild_tensor_v3");
}

TEST_CASE("files of torch that are not read say why") {
  check_torch_file_refused(
      TorchFile::golden("legacy.bin"),
      "was saved by a torch before 1.6, or without its zip format: load it with a newer torch and "
      "save it again, or convert it to safetensors",
      Error::Code::unsupported);
  check_torch_file_refused(TorchFile::golden("transposed.bin"),
                           "tensor 't': is not contiguous: [3, 2] with strides [1, 3]; save the "
                           "model again with tensor.contiguous()",
                           Error::Code::unsupported);
}

}  // namespace heed
