#include <doctest/doctest.h>

#include <cstring>
#include <limits>

#include "engine/core/error.h"
#include "engine/format/gguf.h"
#include "tests/support/bytes.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

constexpr uint32_t kU8 = 0, kU32 = 4, kF32 = 6, kBool = 7, kString = 8, kArray = 9;
constexpr uint32_t kTypeF32 = 0, kTypeQ4_0 = 2;
constexpr Error::Code kDamaged = Error::Code::format;
constexpr Error::Code kUnsupported = Error::Code::unsupported;

void check_refused(const Bytes& file, std::string_view sentence, Error::Code code = kDamaged) {
  CAPTURE(sentence);
  const auto bytes = file.copy();
  try {
    GgufFile::parse(bytes, "m.gguf");
    FAIL_CHECK("was accepted");
  } catch (const Error& error) {
    CHECK(std::string_view(error.what()) == "m.gguf: " + std::string(sentence));
    CHECK(error.code() == code);
  }
}

/// One f32 tensor "t" of two elements, whose info the caller writes.
Bytes one_tensor() {
  return Bytes().header(1, 0);
}

}  // namespace

TEST_CASE("keys and tensors are found by name and keep the file's order") {
  for (uint32_t version : {2u, 3u}) {
    CAPTURE(version);
    const auto bytes = Bytes()
                           .header(2, 2, version)
                           .key("general.architecture", kString)
                           .string("llama")
                           .key("llama.block_count", kU32)
                           .add(uint32_t{30})
                           .tensor("second", {3, 2}, kTypeF32, 32)
                           .tensor("first", {32}, kTypeQ4_0, 0)
                           .pad(32)
                           .raw(std::string(18, 'q'))
                           .pad(32)
                           .raw(std::string(24, 'f'))
                           .copy();
    const GgufFile file = GgufFile::parse(bytes, "m.gguf");
    CHECK(file.version() == version);
    REQUIRE(file.metadata().entries().size() == 2);
    CHECK(file.metadata().entries()[0].key == "general.architecture");
    CHECK(file.metadata().require<std::string>("general.architecture") == "llama");
    CHECK(file.metadata().require<int>("llama.block_count") == 30);

    REQUIRE(file.tensors().size() == 2);
    const TensorView& second = file.tensors()[0];
    CHECK(second.name == "second");
    CHECK(second.shape == Shape{2, 3});
    CHECK(second.data.size() == 24);
    CHECK(std::to_integer<char>(second.data[0]) == 'f');
    const TensorView& first = file.require("first");
    CHECK(first.type == DType::q4_0);
    CHECK(first.data.size() == 18);
    CHECK(std::to_integer<char>(first.data[17]) == 'q');
    CHECK(file.find("third") == nullptr);
    CHECK_THROWS_WITH(file.require("third"), "m.gguf: tensor 'third' is missing");
  }
}

TEST_CASE("a file written by the Python package gguf reads as it was meant") {
  const GgufFile file = GgufFile::open(HEED_TEST_DIR "/format/goldens/every_type.gguf");
  const Metadata& metadata = file.metadata();
  const auto value = [&]<typename T>(std::string_view key, T expected) {
    CAPTURE(key);
    REQUIRE(metadata.contains(key));
    const T* held = std::get_if<T>(metadata.find(key));
    REQUIRE(held);
    CHECK(*held == expected);
  };
  value("general.architecture", std::string("llama"));
  value("a.u8", uint8_t{200});
  value("a.i8", int8_t{-100});
  value("a.u16", uint16_t{60000});
  value("a.i16", int16_t{-30000});
  value("a.u32", uint32_t{4'000'000'000});
  value("a.i32", int32_t{-2'000'000'000});
  value("a.f32", 1.5f);
  value("a.u64", uint64_t{1} << 63);
  value("a.i64", -(int64_t{1} << 62));
  value("a.f64", 1e300);
  value("a.bool", true);
  value("a.string", std::string("naïve 🦙"));
  value("a.strings", std::vector<std::string>{"", "Ġthe", "\n"});
  value("a.ints", std::vector<int32_t>{1, -2, 3});
  value("a.floats", std::vector<float>{0.5f, -0.25f});
  value("a.bools", std::vector<bool>{true, false, true});
  CHECK(metadata.entries().size() == 17);

  REQUIRE(file.tensors().size() == 4);
  const TensorView& f32 = file.require("f32");
  CHECK(f32.type == DType::f32);
  CHECK(f32.shape == Shape{3, 64});
  float last = 0;
  std::memcpy(&last, f32.data.data() + 4 * 191, sizeof last);
  CHECK(last == (191 - 96) / 8.0f);
  CHECK(file.require("f16").data.size() == 3 * 64 * 2);
  CHECK(file.require("q8_0").type == DType::q8_0);
  CHECK(file.require("q8_0").shape == Shape{3, 64});
  CHECK(file.require("i32").shape == Shape{2, 3, 4});
  CHECK(std::to_integer<int>(file.require("i32").data[4 * 23]) == 23);
}

TEST_CASE("a file may hold no tensors, no keys, empty arrays and strings, and scalars") {
  const auto empty = Bytes().header(0, 0).copy();
  CHECK(GgufFile::parse(empty, "m.gguf").tensors().empty());

  const auto bytes = Bytes()
                         .header(1, 2)
                         .key("none", kArray)
                         .add(kString)
                         .add(uint64_t{0})
                         .key("blank", kString)
                         .string("")
                         .tensor("scale", {}, kTypeF32, 0)
                         .pad(32)
                         .add(1.5f)
                         .copy();
  const GgufFile file = GgufFile::parse(bytes, "m.gguf");
  CHECK(file.metadata().require<std::vector<std::string>>("none").empty());
  CHECK(file.metadata().require<std::string>("blank") == "");
  CHECK(file.require("scale").shape.empty());
  CHECK(file.require("scale").data.size() == 4);
}

TEST_CASE("the data section starts at the file's own alignment") {
  const auto bytes = Bytes()
                         .header(1, 1)
                         .key("general.alignment", kU32)
                         .add(uint32_t{256})
                         .tensor("t", {1}, kTypeF32, 0)
                         .pad(256)
                         .add(2.0f)
                         .copy();
  const GgufFile file = GgufFile::parse(bytes, "m.gguf");
  CHECK(file.require("t").data.data() == bytes.data() + 256);
}

TEST_CASE("what is not GGUF 2 or 3 is called what it is") {
  check_refused(Bytes().raw("# A model\n"),
                R"(header: not a GGUF file: expected it to begin with "GGUF", found "# A ")");
  check_refused(Bytes().raw("PK\x03\x04 and so on"),
                R"(header: not a GGUF file: expected it to begin with "GGUF", found "PK\x03\x04")");
  check_refused(Bytes().raw("GG"),
                R"(header: not a GGUF file: expected it to begin with "GGUF", found "GG")");
  check_refused(Bytes().raw("GGUF"),
                "header: expected 4 more bytes at offset 4, but the file ends at 4");
  check_refused(Bytes().header(0, 0, 1),
                "header: GGUF version 1 is not read, only 2 and 3; convert the model again",
                kUnsupported);
  check_refused(Bytes().header(0, 0, 0x03000000),
                "header: a big-endian GGUF file is not read, only little-endian ones",
                kUnsupported);
  check_refused(Bytes().header(0, 0, 4), "header: expected GGUF version 2 or 3, found 4",
                kUnsupported);
  check_refused(Bytes().header(0, 0, 0), "header: expected GGUF version 2 or 3, found 0",
                kUnsupported);
}

TEST_CASE("errors of a file on disk begin with its path") {
  const TemporaryDirectory directory;
  const auto path = directory / "notes.txt";
  write_text(path, "Shopping list");
  for (const FileAccess access : {FileAccess::map, FileAccess::read}) {
    CHECK_THROWS_WITH(GgufFile::open(path, access),
                      cat(path.string(),
                          ": header: not a GGUF file: expected it to begin with "
                          "\"GGUF\", found \"Shop\"")
                          .c_str());
  }
  CHECK_THROWS_WITH(
      GgufFile::open(directory / "absent.gguf"),
      cat("cannot open '", (directory / "absent.gguf").string(), "': No such file or directory")
          .c_str());
}

TEST_CASE("counts are held against the file and the caps") {
  check_refused(
      Bytes().header(2, 0).raw(std::string(41, '\0')),
      "header: claims 2 tensors, but only 49 bytes follow: the file is truncated or damaged");
  check_refused(
      Bytes().header(0, 2).raw(std::string(27, '\0')),
      "header: claims 2 keys, but only 27 bytes follow: the file is truncated or damaged");
  check_refused(Bytes().header(uint64_t{1} << 63, 0),
                "header: 9223372036854775808 tensors exceed the cap of 262144");
  check_refused(Bytes().header(0, 65537), "header: 65537 keys exceed the cap of 65536");
}

TEST_CASE("keys that cannot be are refused") {
  const auto one_key = [] { return Bytes().header(0, 1); };
  check_refused(one_key().key("", kU8).raw("xx"), "key 0: has an empty name");
  check_refused(one_key().key("a\nb", kU8).raw("x"),
                R"(key 0: the name holds a control character: "a\nb")");
  check_refused(one_key().add(uint64_t{65536}).raw(std::string(65536, 'k')),
                "key 0: a string of 65536 bytes exceeds the cap of 65535");
  check_refused(one_key().add(uint64_t{7}).raw("abcdef"),
                "key 0: expected 7 more bytes at offset 32, but the file ends at 38");
  check_refused(Bytes().header(0, 2).key("a", kU8).raw("x").key("a", kU8).raw("y"),
                "key 'a': appears twice");
  check_refused(one_key().key("k", 13).raw("x"),
                "key 'k': expected a value type from 0 to 12, found 13");
}

TEST_CASE("values that cannot be are refused") {
  const auto key = [](uint32_t type) { return Bytes().header(0, 1).key("k", type); };
  check_refused(key(kU32).raw("123"),
                "key 'k': expected 4 more bytes at offset 37, but the file ends at 40");
  check_refused(key(kBool).raw("\x02"), "key 'k': expected a boolean (0 or 1), found 2");
  check_refused(key(kString).add(std::numeric_limits<uint64_t>::max()),
                "key 'k': a string of 18446744073709551615 bytes exceeds the cap of 67108864");
  check_refused(key(kString).add(uint64_t{9}).raw("short"),
                "key 'k': expected 9 more bytes at offset 45, but the file ends at 50");
  check_refused(key(kArray).add(kArray).add(uint64_t{0}), "key 'k': arrays of arrays are not read",
                kUnsupported);
  check_refused(key(kArray).add(uint32_t{99}).add(uint64_t{0}),
                "key 'k': expected a value type from 0 to 12, found 99");
  check_refused(key(kArray).add(kF32).add((uint64_t{1} << 26) + 1),
                "key 'k': 67108865 elements exceed the cap of 67108864");
  check_refused(key(kArray).add(kF32).add(uint64_t{2}).raw("1234567"),
                "key 'k': claims 2 elements, but only 7 bytes follow: the file is truncated or "
                "damaged");
  check_refused(key(kArray).add(kString).add(uint64_t{2}).string("12345678").raw("1234567"),
                "key 'k': expected 8 more bytes at offset 65, but the file ends at 72");
  check_refused(key(kArray).add(kBool).add(uint64_t{2}).raw(std::string("\1\3", 2)),
                "key 'k': expected a boolean (0 or 1), found 3");
}

TEST_CASE("an alignment must be a power of two that suits the types") {
  const auto alignment = [](uint32_t value) {
    return Bytes().header(0, 1).key("general.alignment", kU32).add(value);
  };
  const std::string expected =
      "key 'general.alignment': expected a u32 power of two from 8 to "
      "1048576, found ";
  check_refused(alignment(0), expected + "u32 0");
  check_refused(alignment(4), expected + "u32 4");
  check_refused(alignment(48), expected + "u32 48");
  check_refused(alignment(1u << 21), expected + "u32 2097152");
  check_refused(Bytes().header(0, 1).key("general.alignment", kString).string("32"),
                expected + "string \"32\"");
}

TEST_CASE("tensors that cannot be are refused") {
  const auto data = [](Bytes file) { return file.pad(32).raw(std::string(64, '\0')); };
  check_refused(data(one_tensor().tensor("", {2}, kTypeF32, 0)), "tensor 0: has an empty name");
  check_refused(data(one_tensor().tensor("t\x1b[2J", {2}, kTypeF32, 0)),
                R"(tensor 0: the name holds a control character: "t\x1b[2J")");
  check_refused(data(one_tensor().tensor(std::string(256, 't'), {2}, kTypeF32, 0)),
                "tensor 0: a string of 256 bytes exceeds the cap of 255");
  check_refused(data(one_tensor().tensor("t", {1, 1, 1, 1, 2}, kTypeF32, 0)),
                "tensor 't': expected at most 4 dimensions, found 5");
  check_refused(data(one_tensor().tensor("t", {2, 0}, kTypeF32, 0)),
                "tensor 't': expected dimensions from 1 to 2^63 - 1, found [0, 2]");
  check_refused(data(one_tensor().tensor("t", {uint64_t{1} << 63}, kTypeF32, 0)),
                "tensor 't': expected dimensions from 1 to 2^63 - 1, found [-9223372036854775808]");
  check_refused(data(one_tensor().tensor("t", {uint64_t{1} << 32, uint64_t{1} << 31}, kTypeF32, 0)),
                "tensor 't': the shape [2147483648, 4294967296] exceeds 63 bits");
  check_refused(data(one_tensor().tensor("t", {uint64_t{1} << 61}, kTypeF32, 0)),
                "tensor 't': the shape [2305843009213693952] exceeds 63 bits");
  check_refused(data(one_tensor().tensor("t", {32}, 16, 0)),
                "tensor 't': has type 16 (IQ2_XXS), which Heed does not read", kUnsupported);
  check_refused(data(one_tensor().tensor("t", {32}, 4, 0)),
                "tensor 't': has type 4, which Heed does not read", kUnsupported);
  check_refused(data(one_tensor().tensor("t", {33, 2}, kTypeQ4_0, 0)),
                "tensor 't': rows of 33 elements are not whole blocks of q4_0 (32 elements each)");
  check_refused(data(one_tensor().tensor("t", {}, kTypeQ4_0, 0)),
                "tensor 't': rows of 1 elements are not whole blocks of q4_0 (32 elements each)");
  check_refused(data(one_tensor().tensor("t", {2}, kTypeF32, 8)),
                "tensor 't': expected an offset that is a multiple of 32, found 8");
}

TEST_CASE("tensor data lies within the file, each apart from the others") {
  const auto data = [](Bytes file, size_t size) {
    return file.pad(32).raw(std::string(size, '\0'));
  };
  const std::string truncated = " bytes: the file is truncated or damaged";
  check_refused(
      data(one_tensor().tensor("t", {16}, kTypeF32, 32), 95),
      "tensor 't': expected 64 bytes at offset 32 of the data, which has only 95" + truncated);
  check_refused(data(one_tensor().tensor("t", {16}, kTypeF32, uint64_t{0} - 32), 96),
                "tensor 't': expected 64 bytes at offset 18446744073709551584 of the data, which "
                "has only 96" +
                    truncated);
  // The file ends before its data section begins.
  check_refused(
      one_tensor().tensor("t", {1}, kTypeF32, 0),
      "tensor 't': expected 4 bytes at offset 0 of the data, which has only 0" + truncated);

  const auto two = [] { return Bytes().header(2, 0); };
  check_refused(data(two().tensor("a", {16}, kTypeF32, 32).tensor("b", {9}, kTypeF32, 0), 128),
                "tensor 'a': its data overlaps that of tensor 'b'");
  check_refused(data(two().tensor("a", {8}, kTypeF32, 0).tensor("b", {8}, kTypeF32, 0), 128),
                "tensor 'b': its data overlaps that of tensor 'a'");
  check_refused(data(two().tensor("a", {8}, kTypeF32, 0).tensor("a", {8}, kTypeF32, 32), 128),
                "tensor 'a': appears twice");
}

TEST_CASE("a file cut off anywhere is refused") {
  const std::string whole = Bytes()
                                .header(1, 2)
                                .key("words", kArray)
                                .add(kString)
                                .add(uint64_t{2})
                                .string("one")
                                .string("two")
                                .key("n", kU32)
                                .add(uint32_t{1})
                                .tensor("t", {8, 2}, kTypeF32, 0)
                                .pad(32)
                                .raw(std::string(64, 'x'))
                                .text();
  const auto parse = [](std::string_view text) {
    const auto bytes = Bytes().raw(text).copy();
    return GgufFile::parse(bytes, "m.gguf").tensors().size();
  };
  CHECK(parse(whole) == 1);
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(parse(whole.substr(0, size)), Error);
  }
}

TEST_CASE("memory to parse must be aligned") {
  const auto bytes = Bytes().raw("x").header(0, 0).copy();
  CHECK_THROWS_WITH(GgufFile::parse(std::span(bytes).subspan(1), "m.gguf"),
                    "m.gguf: expected its memory to start on a multiple of 8");
}

}  // namespace heed
