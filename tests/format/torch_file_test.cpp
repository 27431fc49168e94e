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

namespace {

// ---- pickles of one tensor, with a lie in it

std::string text(std::string_view value) {
  return Bytes().raw("X").add(static_cast<uint32_t>(value.size())).raw(value).text();
}

std::string integer(int64_t value) {
  return Bytes().raw("\x8a\x08").add(value).text();
}

std::string tuple(const std::vector<int64_t>& values) {
  std::string result = "(";
  for (const int64_t value : values) result += integer(value);
  return result + "t";
}

/// The storage "0" has six floats.
struct Pickled {
  std::string name = text("t");
  std::string kind = text("storage");
  std::string type = "ctorch\nFloatStorage\n";
  std::string key = text("0");
  std::string values = integer(6);
  std::string more_of_storage = {};
  std::string offset = integer(0);
  std::string size = tuple({2, 3});
  std::string stride = tuple({3, 1});
  std::string more = {};

  std::string storage() const {
    return "(" + kind + type + key + text("cpu") + values + more_of_storage + "tQ";
  }
  std::string tensor() const { return tensor_in(storage()); }
  std::string tensor_in(const std::string& storage) const {
    return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + size + stride + "\x89}" +
           more + "tR";
  }
  std::string dict() const { return "}" + name + tensor() + "s."; }
};

std::string archive_of(const std::string& pickle) {
  return zip_file(
      {{.name = "a/data.pkl", .data = pickle}, {.name = "a/data/0", .data = std::string(24, 'x')}});
}

void check_tensor_of_torch_refused(const Pickled& tensor, const std::string& sentence) {
  check_torch_file_refused(archive_of(tensor.dict()), "tensor 't': " + sentence);
}

}  // namespace

TEST_CASE("a tensor made by hand is read") {
  const TorchFile file(archive_of(Pickled().dict()));
  CHECK(file["t"].shape == Shape{2, 3});
  CHECK(file["t"].data.size() == 24);
  const TorchFile part(archive_of(Pickled{
      .offset = integer(4), .size = tuple({1, 2, 1}), .stride = tuple({99, 1, 99}), .more = "}"}
                                      .dict()));
  CHECK(part["t"].data.size() == 8);
}

TEST_CASE("tensors that torch cannot have written") {
  check_tensor_of_torch_refused({.kind = text("module")},
                                "expected a persistent id of a 'storage'");
  check_tensor_of_torch_refused({.kind = "N"}, "expected a string, found None");
  check_tensor_of_torch_refused({.type = text("torch.FloatStorage")},
                                "expected the type of its storage, found a string");
  check_tensor_of_torch_refused({.type = "ctorch._utils\n_rebuild_parameter\n"},
                                "expected the type of its storage, found "
                                "torch._utils._rebuild_parameter");
  check_tensor_of_torch_refused({.key = text("1")}, "its storage \"1\" is missing");
  check_tensor_of_torch_refused(
      {.key = text(std::string(65, '0'))},
      "its storage \"" + std::string(60, '0') + "\"... 65 bytes in all is missing");
  check_tensor_of_torch_refused({.key = integer(0)},
                                "expected the key of its storage, found an integer");
  check_tensor_of_torch_refused({.values = integer(7)},
                                "expected a storage of 7 float32 values, found 24 bytes: the file "
                                "is damaged");
  check_tensor_of_torch_refused({.values = integer(INT64_MAX)},
                                "expected a storage of 9223372036854775807 float32 values, found "
                                "24 bytes: the file is damaged");
  check_tensor_of_torch_refused({.values = integer(-1)},
                                "expected 0 or more as length of its storage, found -1");
  check_tensor_of_torch_refused({.more_of_storage = "N"},
                                "expected 5 fields of its storage, found 6");
  const std::string beyond = " bytes for float32 [2, 3] from value ";
  check_tensor_of_torch_refused({.offset = integer(1)},
                                "expected 24" + beyond +
                                    "1 of its storage on, found a storage of "
                                    "24 bytes");
  check_tensor_of_torch_refused({.offset = integer(INT64_MAX)},
                                "expected 24" + beyond +
                                    "9223372036854775807 of its storage on, found a storage of 24 "
                                    "bytes");
  check_tensor_of_torch_refused({.offset = integer(-1)}, "expected 0 or more as offset, found -1");
  check_tensor_of_torch_refused({.offset = "N"}, "expected offset, found None");
  check_tensor_of_torch_refused({.size = tuple({3, 3})},
                                "expected 36 bytes for float32 [3, 3] from value 0 of its storage "
                                "on, found a storage of 24 bytes");
  check_tensor_of_torch_refused({.size = tuple({-2, 3})}, "expected 0 or more as size, found -2");
  check_tensor_of_torch_refused({.size = tuple({int64_t{1} << 32, int64_t{1} << 31})},
                                "the shape [4294967296, 2147483648] exceeds 63 bits");
  check_tensor_of_torch_refused({.size = tuple(std::vector<int64_t>(9, 1))},
                                "expected at most 8 dimensions, found 9");
  check_tensor_of_torch_refused({.size = "]"}, "expected size, found a list");
  check_tensor_of_torch_refused({.stride = tuple({1})}, "has 2 dimensions and 1 strides");
  check_tensor_of_torch_refused({.stride = tuple({3, -1})},
                                "expected 0 or more as stride, found -1");
  check_tensor_of_torch_refused({.more = "NN"},
                                "expected 6 to 7 arguments of 'torch._utils._rebuild_tensor_v2', "
                                "found 8");
}

TEST_CASE("dicts that are none of tensors") {
  const std::string none =
      "expected a dict of tensors, alone or as its 'state_dict' or 'model'; found a dict without "
      "a tensor";
  check_torch_file_refused(archive_of("}."), none);
  check_torch_file_refused(archive_of("}" + text("inner") + Pickled().dict().substr(0, 1) + "s."),
                           none);
  check_torch_file_refused(archive_of(Pickled().tensor() + "."),
                           "expected a dict of tensors, found a call of "
                           "'torch._utils._rebuild_tensor_v2'");
  check_torch_file_refused(archive_of(Pickled{.name = "K\x01"}.dict()),
                           "expected strings as names of tensors, found an integer");
  check_torch_file_refused(archive_of(Pickled{.name = text("a\nb")}.dict()),
                           R"(a tensor's name: the name holds a control character: "a\nb")");
  const std::string item = text("t") + Pickled().tensor();
  check_torch_file_refused(archive_of("}(" + item + item + "u."), "tensor 't': is there twice");
  check_torch_file_refused(archive_of("}" + text("t") + Pickled().tensor_in("N") + "s."),
                           "tensor 't': expected a storage, found None");
  check_torch_file_refused(archive_of("}" + text("t") + Pickled().tensor_in("NQ") + "s."),
                           "tensor 't': expected a tuple for its storage, found None");
  const auto parameter = [](const std::string& tensor) {
    return archive_of("}" + text("t") + "ctorch._utils\n_rebuild_parameter\n" + tensor +
                      "\x88}\x87Rs.");
  };
  CHECK(TorchFile(parameter(Pickled().tensor()))["t"].shape == Shape{2, 3});
  check_torch_file_refused(parameter("N"), "tensor 't': expected a tensor, found None");
  check_torch_file_refused(parameter("ctorch\nFloatStorage\n)R"),
                           "tensor 't': expected a tensor, found a call of 'torch.FloatStorage'");
  check_torch_file_refused(
      archive_of("}" + text("t") + "ctorch._utils\n_rebuild_parameter\n)Rs."),
      "tensor 't': expected 3 to 3 arguments of 'torch._utils._rebuild_parameter', found 0");
}

TEST_CASE("archives that are not torch's, or of another machine") {
  check_torch_file_refused(zip_file({}),
                           "expected a file of torch.save, found a zip archive without "
                           "\"data.pkl\"");
  check_torch_file_refused(zip_file({{.name = "word/document.xml"}}),
                           "expected a file of torch.save, found a zip archive without "
                           "\"word/data.pkl\"");
  const auto in_order = [](const std::string& order) {
    return zip_file({{.name = "a/data.pkl", .data = Pickled().dict()},
                     {.name = "a/byteorder", .data = order},
                     {.name = "a/data/0", .data = std::string(24, 'x')}});
  };
  CHECK(TorchFile(in_order("little"))["t"].data.size() == 24);
  check_torch_file_refused(in_order("big"),
                           "expected little-endian values, found byteorder \"big\"",
                           Error::Code::unsupported);
}

TEST_CASE("a file of torch cut off anywhere is refused") {
  for (const char* name : {"tied.bin", "protocol4.bin"}) {
    CAPTURE(name);
    const std::string whole = TorchFile::golden(name);
    for (size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      CHECK_THROWS_AS(TorchFile(whole.substr(0, size)), Error);
    }
  }
  const std::string pickle = Pickled().dict();
  for (size_t size = 0; size < pickle.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(TorchFile(archive_of(pickle.substr(0, size))), Error);
  }
}

}  // namespace heed
