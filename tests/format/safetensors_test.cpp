#include "engine/format/safetensors.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/core/error.h"
#include "engine/format/checkpoint.h"
#include "tests/support/bytes.h"

namespace heed {
namespace {

Bytes checkpoint(std::string_view header, size_t data_bytes) {
  return Bytes().string(header).raw(std::string(data_bytes, 'x'));
}

void check_safetensors_refused(const Bytes& file, std::string_view sentence,
                               Error::Code code = Error::Code::format) {
  CAPTURE(sentence);
  const auto bytes = file.copy();
  try {
    Checkpoint::parse(bytes, "m.safetensors");
    FAIL_CHECK("was accepted");
  } catch (const Error& error) {
    CHECK(std::string_view(error.what()) == "m.safetensors: " + std::string(sentence));
    CHECK(error.code() == code);
  }
}

/// One tensor "t" with the fields given and `data_bytes` of data.
void check_tensor_refused(const std::string& fields, size_t data_bytes, std::string_view sentence) {
  check_safetensors_refused(checkpoint("{\"t\":" + fields + "}", data_bytes),
                            "tensor 't': " + std::string(sentence));
}

std::string names(const Checkpoint& checkpoint) {
  std::string result;
  for (const TensorView& view : checkpoint.tensors()) result += view.name + " ";
  return result;
}

}  // namespace

TEST_CASE("tensors come in the order of their data") {
  const auto bytes = Bytes()
                         .string(R"({"__metadata__":{"format":"pt"},
  "b":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},
  "a":{"dtype":"I64","shape":[1],"data_offsets":[12,20]},
  "none":{"dtype":"F32","shape":[0,7],"data_offsets":[20,20]},
  "scalar":{"dtype":"BF16","shape":[],"data_offsets":[20,22]}}   )")
                         .raw(std::string(12, 'b'))
                         .add(int64_t{-5})
                         .raw("ss")
                         .copy();
  const Checkpoint file = Checkpoint::parse(bytes, "m.safetensors");
  CHECK(names(file) == "b a none scalar ");
  CHECK(file.require("b").type == DType::f16);
  CHECK(file.require("b").shape == Shape{2, 3});
  CHECK(file.require("b").data.size() == 12);
  CHECK(std::to_integer<char>(file.require("b").data[0]) == 'b');
  CHECK(std::to_integer<uint8_t>(file.require("a").data[0]) == 0xFB);
  CHECK(file.require("none").data.empty());
  CHECK(file.require("scalar").shape.empty());
  CHECK(file.find("c") == nullptr);
  CHECK_THROWS_WITH(file.require("c"), "m.safetensors: tensor 'c' is missing");
}

TEST_CASE("every element type is either held or left out by name") {
  struct Case {
    const char* dtype;
    std::optional<DType> type;
    int bytes;
  };
  for (const Case& c :
       {Case{"F64", DType::f64, 8}, Case{"F32", DType::f32, 4}, Case{"F16", DType::f16, 2},
        Case{"BF16", DType::bf16, 2}, Case{"I64", DType::i64, 8}, Case{"I32", DType::i32, 4},
        Case{"I16", DType::i16, 2}, Case{"I8", DType::i8, 1}, Case{"U64", {}, 8},
        Case{"U32", {}, 4}, Case{"U16", {}, 2}, Case{"U8", {}, 1}, Case{"BOOL", {}, 1},
        Case{"F8_E4M3", {}, 1}, Case{"F8_E5M2", {}, 1}, Case{"F8_E8M0", {}, 1}}) {
    CAPTURE(c.dtype);
    const auto bytes = checkpoint(cat(R"({"t":{"dtype":")", c.dtype,
                                      R"(","shape":[3],"data_offsets":[0,)", 3 * c.bytes, "]}}"),
                                  3 * c.bytes)
                           .copy();
    const Checkpoint file = Checkpoint::parse(bytes, "m.safetensors");
    if (c.type) {
      CHECK(file.require("t").type == *c.type);
      CHECK(file.require("t").data.size() == 3u * c.bytes);
    } else {
      CHECK(file.tensors().empty());
      CHECK_THROWS_WITH(file.require("t"), cat("m.safetensors: tensor 't' has dtype ", c.dtype,
                                               ", which Heed does not hold")
                                               .c_str());
    }
  }
}

TEST_CASE("a file without tensors is well-formed") {
  const auto bytes = checkpoint("{}", 0).copy();
  CHECK(Checkpoint::parse(bytes, "m.safetensors").tensors().empty());
}

TEST_CASE("headers that cannot be are refused") {
  check_safetensors_refused(Bytes().raw("short"),
                            "not a safetensors file: expected at least 8 bytes, found 5");
  check_safetensors_refused(
      Bytes().raw("# A text file, not a checkpoint"),
      "header: expected a length of at most 23 bytes, found 8392569455036669987: the file "
      "is truncated or not safetensors");
  check_safetensors_refused(
      Bytes().add(uint64_t{3}).raw("{}"),
      "header: expected a length of at most 2 bytes, found 3: the file is truncated or "
      "not safetensors");
  check_safetensors_refused(
      Bytes().add(uint64_t{100'000'001}).raw(std::string(100'000'001, ' ')),
      "header: expected a length of at most 100000000 bytes, found 100000001: the file is "
      "truncated or not safetensors");
  check_safetensors_refused(Bytes().add(uint64_t{0}), "header: expected it to begin with '{'");
  check_safetensors_refused(checkpoint("[]", 0), "header: expected it to begin with '{'");
  check_safetensors_refused(checkpoint(R"({"t":})", 0), "header: not valid JSON near byte 6");
  check_safetensors_refused(checkpoint("{\"\xff\":1}", 0), "header: not valid JSON near byte 3");
  check_safetensors_refused(checkpoint(R"({"t":1e999})", 0), "header: not valid JSON");
  check_safetensors_refused(checkpoint(R"({"t":{"shape":[[1]]}})", 0),
                            "header: nested deeper than 3 levels");
  check_safetensors_refused(checkpoint(R"({"t":)" + std::string(1'000'000, '['), 0),
                            "header: nested deeper than 3 levels");
  check_safetensors_refused(checkpoint(R"({"t":1,"t":2})", 0), "header: has the key \"t\" twice");
  check_safetensors_refused(checkpoint(R"({"t":{"dtype":"F32","dtype":"F16"}})", 0),
                            "header: has the key \"dtype\" twice");
  check_safetensors_refused(checkpoint(R"({"__metadata__":{"a":1}})", 0),
                            "header: expected __metadata__ to map to strings");
  check_safetensors_refused(checkpoint(R"({"__metadata__":"pt"})", 0),
                            "header: expected __metadata__ to map to strings");
  check_safetensors_refused(checkpoint(R"({"":{}})", 0), "a tensor's name: has an empty name");
  check_safetensors_refused(checkpoint(R"({"a\nb":{}})", 0),
                            R"(a tensor's name: the name holds a control character: "a\nb")");
}

TEST_CASE("tensors that cannot be are refused") {
  check_tensor_refused("7", 0, "expected an object, found number");
  check_tensor_refused(R"({"shape":[1],"data_offsets":[0,4]})", 4, "'dtype' is missing");
  check_tensor_refused(R"({"dtype":"F32","data_offsets":[0,4]})", 4, "'shape' is missing");
  check_tensor_refused(R"({"dtype":"F32","shape":[1]})", 4, "'data_offsets' is missing");
  check_tensor_refused(R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})", 4,
                       "expected dtype to be a string, found number");
  check_safetensors_refused(
      checkpoint(R"({"t":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}})", 4),
      "tensor 't': has dtype \"F4\", which Heed does not know", Error::Code::unsupported);
  check_tensor_refused(R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})", 4,
                       "expected shape to be an array, found number");
  check_tensor_refused(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", 4,
                       "expected shape of integers from 0 to 2^63 - 1, found -1");
  check_tensor_refused(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})", 4,
                       "expected shape of integers from 0 to 2^63 - 1, found 1.0");
  check_tensor_refused(R"({"dtype":"F32","shape":["1"],"data_offsets":[0,4]})", 4,
                       "expected shape of integers from 0 to 2^63 - 1, found string");
  check_tensor_refused(R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]})", 4,
                       "expected shape of integers from 0 to 2^63 - 1, found 9223372036854775808");
  check_tensor_refused(R"({"dtype":"F32","shape":[4294967296,2147483648],"data_offsets":[0,0]})", 0,
                       "the shape [4294967296, 2147483648] exceeds 63 bits");
  check_tensor_refused(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})", 4,
                       "expected at most 8 dimensions, found 9");
  check_tensor_refused(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", 4,
                       "expected two data_offsets");
  check_tensor_refused(R"({"dtype":"F32","shape":[1],"data_offsets":"04"})", 4,
                       "expected two data_offsets");
  check_tensor_refused(R"({"dtype":"F32","shape":[1],"data_offsets":[0,null]})", 4,
                       "expected data_offsets of integers from 0 to 2^63 - 1, found null");
  check_tensor_refused(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", 4,
                       "expected 8 bytes for F32 [2], found data_offsets 0 to 4");
  check_tensor_refused(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", 4,
                       "expected 4 bytes for F32 [1], found data_offsets 4 to 0");
}

TEST_CASE("tensors cover the data without gap or overlap") {
  const auto two = [](int a_begin, int b_begin, size_t data_bytes) {
    const auto entry = [](int begin) {
      return cat(R"({"dtype":"F32","shape":[1],"data_offsets":[)", begin, ",", begin + 4, "]}");
    };
    return checkpoint(cat(R"({"a":)", entry(a_begin), R"(,"b":)", entry(b_begin), "}"), data_bytes);
  };
  check_safetensors_refused(
      two(0, 2, 8),
      "tensor 'b': expected its data at offset 4, where the data before it ends, found 2");
  check_safetensors_refused(
      two(0, 5, 9),
      "tensor 'b': expected its data at offset 4, where the data before it ends, found 5");
  check_safetensors_refused(
      two(4, 8, 12),
      "tensor 'a': expected its data at offset 0, where the data before it ends, found 4");
  check_safetensors_refused(
      two(4, 0, 7),
      "tensor 'a': expected data up to offset 8, but there are only 7 bytes of data: the "
      "file is truncated or damaged");
  check_safetensors_refused(two(4, 0, 9),
                            "expected tensors for all 9 bytes of data, found them for 8");
}

TEST_CASE("a file cut off anywhere is refused") {
  const std::string whole =
      checkpoint(R"({"t":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})", 16).text();
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const auto bytes = Bytes().raw(std::string_view(whole).substr(0, size)).copy();
    CHECK_THROWS_AS(Checkpoint::parse(bytes, "m.safetensors"), Error);
  }
}

}  // namespace heed
