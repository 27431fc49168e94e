// A GGUF file as a source: what is kept, what changes its type, and by which rule.
#include "engine/convert/gguf_source.h"

#include <doctest/doctest.h>

#include <set>

#include "engine/api/library.h"
#include "engine/convert/type_rules.h"
#include "engine/core/error.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

const std::string kBert = HEED_TEST_DIR "/models/goldens/tiny-bert.gguf";
const std::string kBertDirectory = HEED_TEST_DIR "/convert/goldens/tiny-bert";

std::string bytes_of(const TensorView& tensor) {
  return {reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()};
}

void check_same_tensors(const GgufFile& a, const GgufFile& b) {
  REQUIRE(a.tensors().size() == b.tensors().size());
  for (size_t i = 0; i < a.tensors().size(); ++i) {
    const TensorView& tensor = a.tensors()[i];
    CAPTURE(tensor.name);
    const TensorView& same = b.require(tensor.name);
    CHECK(same.type == tensor.type);
    CHECK(same.shape == tensor.shape);
    CHECK(bytes_of(same) == bytes_of(tensor));
  }
}

/// All keys of `expected` with their values and types, but for those that say the type.
void check_same_metadata(const Metadata& metadata, const Metadata& expected,
                         const std::set<std::string>& changed) {
  for (const Metadata::Entry& entry : expected.entries()) {
    CAPTURE(entry.key);
    REQUIRE(metadata.contains(entry.key));
    if (!changed.contains(entry.key)) CHECK((*metadata.find(entry.key) == entry.value));
  }
}

const std::set<std::string> kTypeKeys = {"general.file_type", "general.quantization_version"};

}  // namespace

TEST_CASE("without a type everything is copied, but for the keys that are set") {
  const TemporaryDirectory directory;
  const auto out = directory / "out.gguf";
  const GgufFile source = GgufFile::open(kBert);
  const ConvertReport report =
      convert(kBert, out, {.metadata = {{"general.name", "mine"}, {"my.key", "7"}}});
  CHECK(report.quantized == 0);
  const GgufFile file = GgufFile::open(out);
  check_same_tensors(file, source);
  check_same_metadata(file.metadata(), source.metadata(), {"general.name"});
  CHECK(file.metadata().require<std::string>("general.name") == "mine");
  CHECK(file.metadata().require<uint32_t>("my.key") == 7);
  CHECK(file.metadata().entries().size() == source.metadata().entries().size() + 1);
  CHECK_THROWS_WITH(convert(kBert, out, {.metadata = {{"bert.block_count", "two"}}}),
                    doctest::Contains("key 'bert.block_count' is of type u32"));
}

TEST_CASE("a file of another type is what the directory becomes in that type") {
  const TemporaryDirectory directory;
  for (const char* type : {"f16", "q8_0", "q4_k_m"}) {
    CAPTURE(type);
    convert(kBertDirectory, directory / "expected.gguf", {.type = type});
    const ConvertReport report = convert(kBert, directory / "out.gguf", {.type = type});
    CHECK(report.quantized_twice == 0);
    const GgufFile file = GgufFile::open(directory / "out.gguf");
    const GgufFile expected = GgufFile::open(directory / "expected.gguf");
    check_same_tensors(file, expected);
    check_same_metadata(file.metadata(), GgufFile::open(kBert).metadata(), kTypeKeys);
    for (const std::string& key : kTypeKeys) {
      CHECK((*file.metadata().find(key) == *expected.metadata().find(key)));
    }
  }
}

TEST_CASE("a file of blocks is rounded again, which is counted; what has the type is copied") {
  const TemporaryDirectory directory;
  const auto q8 = directory / "q8.gguf";
  const int64_t matrices = convert(kBert, q8, {.type = "q8_0"}).quantized;
  const ConvertReport again = convert(q8, directory / "q4.gguf", {.type = "q4_0"});
  CHECK(again.quantized == matrices - 1);  // the table of tokens keeps Q8_0
  CHECK(again.quantized_twice == matrices - 1);
  CHECK(convert(q8, directory / "f16.gguf", {.type = "f16"}).quantized == 0);
  CHECK(convert(q8, directory / "same.gguf", {.type = "q8_0"}).quantized == 0);
  check_same_tensors(GgufFile::open(directory / "same.gguf"), GgufFile::open(q8));
}

TEST_CASE("rules choose types by name; the first that matches counts") {
  const TemporaryDirectory directory;
  const auto out = directory / "out.gguf";
  const auto type_of = [&](const char* name) { return GgufFile::open(out).require(name).type; };
  convert(
      kBert, out,
      {.type = "q4_0",
       .tensor_types = {{"blk\\.0\\.ffn_(up|down)", "q8_0"}, {"ffn", "Q5_1"}, {"_v\\.", "f16"}}});
  CHECK(type_of("blk.0.ffn_up.weight") == DType::q8_0);
  CHECK(type_of("blk.1.ffn_up.weight") == DType::q5_1);
  CHECK(type_of("blk.1.attn_v.weight") == DType::f16);
  CHECK(type_of("blk.1.attn_q.weight") == DType::q4_0);
  CHECK(type_of("blk.0.ffn_up.bias") == DType::f32);
  CHECK(type_of("position_embd.weight") == DType::f32);

  convert(kBert, out, {.tensor_types = {{"attn_v", "q6_k"}}});  // rows of 32: as a mix has it
  CHECK(type_of("blk.1.attn_v.weight") == DType::q8_0);
  CHECK(type_of("blk.1.attn_q.weight") == DType::f32);
  convert(kBertDirectory, out, {.type = "q8_0", .tensor_types = {{"^token_embd", "f16"}}});
  CHECK(type_of("token_embd.weight") == DType::f16);

  const auto check = [&](const char* pattern, const char* type, const char* sentence) {
    CHECK_THROWS_WITH_AS(convert(kBert, out, {.tensor_types = {{pattern, type}}}),
                         doctest::Contains(sentence), Error);
  };
  check("attn_z", "q8_0", "no matrix has a name in which 'attn_z' matches");
  check("attn_q", "q9", "type 'q9' of the tensors 'attn_q' is not one that Heed writes; it writes");
  check("attn_q", "i32", "type 'i32' of the tensors");
  check("(", "q8_0", "(");
}

TEST_CASE("in place metadata may be edited, and weights may not be lost") {
  const TemporaryDirectory directory;
  const auto path = directory / "m.gguf";
  std::filesystem::copy(kBert, path);
  convert(path, path, {.metadata = {{"general.name", "mine"}}});
  CHECK(GgufFile::open(path).metadata().require<std::string>("general.name") == "mine");
  check_same_tensors(GgufFile::open(path), GgufFile::open(kBert));
  const std::string before = read_text(path);
  std::filesystem::create_symlink("m.gguf", directory / "link.gguf");
  for (const char* name : {"m.gguf", "link.gguf"}) {
    CHECK_THROWS_WITH(convert(path, directory / name, {.type = "q4_0"}),
                      doctest::Contains("is the file to convert, whose weights would be lost"));
  }
  CHECK(read_text(path) == before);
}

TEST_CASE("an architecture that Heed does not know is copied, and not requantised") {
  const TemporaryDirectory directory;
  const auto path = directory / "m.gguf";
  const auto out = directory / "out.gguf";
  convert(kBert, path, {.metadata = {{"general.architecture", "mystery"}}});
  convert(path, out, {.metadata = {{"general.name", "mine"}}});
  check_same_tensors(GgufFile::open(out), GgufFile::open(kBert));
  CHECK_THROWS_WITH(convert(path, out, {.type = "q8_0"}), doctest::Contains("mystery"));
  CHECK_THROWS_WITH(convert(path, out, {.tensor_types = {{"ffn", "q8_0"}}}),
                    doctest::Contains("mystery"));
}

TEST_CASE("a part of a split model, and a file that is cut short, are refused") {
  const TemporaryDirectory directory;
  const auto path = directory / "m.gguf";
  const auto out = directory / "out.gguf";
  convert(kBert, path, {.metadata = {{"split.count", "3"}}});
  CHECK_THROWS_WITH(convert(path, out),
                    doctest::Contains("is one of the 3 files of a split model"));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1000);
  CHECK_THROWS_WITH(convert(path, out), doctest::Contains("m.gguf"));
  CHECK(directory.entries() == 1);
}

}  // namespace heed
