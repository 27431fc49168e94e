#include "engine/format/ctranslate2.h"

#include <doctest/doctest.h>

#include "tests/support/ctranslate2_file.h"

namespace heed {
namespace {

/// Two weights of two numbers, the second one of integers with a scale.
CTranslate2File small_file() {
  return {.variables = {{"heads", {}, 2, bytes_of(int16_t{4})},
                        {"a/weight", {1, 2}, 0, bytes_of(1.0f, 2.0f)},
                        {"b/weight", {2, 1}, 1, bytes_of(int8_t{-3}, int8_t{4})},
                        {"b/weight_scale", {2}, 0, bytes_of(5.0f, 6.0f)}},
          .aliases = {{"c/weight", "b/weight"}, {"d", "a/weight"}}};
}

/// The tensors of a file, in memory of exactly its size.
class Parsed {
 public:
  explicit Parsed(const std::string& text) : bytes_(Bytes().raw(text).copy()) {
    model = read_ctranslate2(bytes_, "model.bin", tensors);
  }
  const TensorView& operator[](std::string_view name) const {
    const TensorView* tensor = tensors.find(name);
    REQUIRE(tensor);
    return *tensor;
  }

  std::string model;
  TensorTable tensors;

 private:
  std::vector<std::byte> bytes_;
};

void check_file_refused(const std::string& text, const std::string& sentence,
                        Error::Code code = Error::Code::format) {
  CAPTURE(sentence);
  try {
    const Parsed file(text);
    FAIL_CHECK("was accepted");
  } catch (const Error& error) {
    CHECK(std::string_view(error.what()) == "model.bin: " + sentence);
    CHECK(error.code() == code);
  }
}

std::string_view text_of_data(const TensorView& tensor) {
  return {reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()};
}

}  // namespace

TEST_CASE("variables and their other names") {
  const Parsed file(small_file().text());
  CHECK(file.model == "TransformerSpec");
  CHECK(file.tensors.views().size() == 4 + 3);
  CHECK(file["heads"].type == DType::i16);
  CHECK(file["heads"].shape.empty());
  CHECK(file["a/weight"].shape == Shape{1, 2});
  CHECK(text_of_data(file["a/weight"]) == bytes_of(1.0f, 2.0f));
  CHECK(file["b/weight"].type == DType::i8);
  for (const auto& [alias, name] : std::vector<std::pair<std::string, std::string>>{
           {"c/weight", "b/weight"}, {"c/weight_scale", "b/weight_scale"}, {"d", "a/weight"}}) {
    CHECK(file[alias].name == alias);
    CHECK(file[alias].shape == file[name].shape);
    CHECK(file[alias].data.data() == file[name].data.data());
  }
}

TEST_CASE("element types and versions") {
  const std::pair<DType, std::string> kTypes[] = {
      {DType::f32, bytes_of(1.0f)},      {DType::i8, bytes_of('x')},
      {DType::i16, bytes_of(int16_t{})}, {DType::i32, bytes_of(1)},
      {DType::f16, bytes_of(int16_t{})}, {DType::bf16, bytes_of(int16_t{})}};
  CTranslate2File file;
  for (const auto& [type, bytes] : kTypes) {
    const auto number = static_cast<uint8_t>(file.variables.size());
    file.variables.push_back({std::string(info(type).name), {1, 1}, number, bytes});
  }
  for (const uint32_t version : {4u, 5u, 6u}) {
    file.version = version;
    const Parsed parsed(file.text());
    for (const auto& [type, bytes] : kTypes) CHECK(parsed[info(type).name].type == type);
  }
  for (const uint32_t version : {0u, 3u, 7u}) {
    file.version = version;
    check_file_refused(
        file.text(),
        cat("header: expected a CTranslate2 file of binary version 4 to 6, found ", version),
        Error::Code::unsupported);
  }
}

TEST_CASE("names that are none") {
  CTranslate2File file;
  file.model = "";
  check_file_refused(file.text(), "header: has an empty name");
  file.model = "a\nb";
  check_file_refused(file.text(), "header: the name holds a control character: \"a\\nb\"");
  const auto begin = [] { return Bytes().add(uint32_t{6}); };
  check_file_refused(begin().add(uint16_t{2}).raw("ab").text(),
                     "header: expected a name that ends in a 0 byte");
  check_file_refused(begin().add(uint16_t{0}).text(),
                     "header: expected a name that ends in a 0 byte");
}

TEST_CASE("variables that lie about themselves") {
  CTranslate2File file = small_file();
  SUBCASE("more bytes than the shape") {
    file.variables[1].bytes += "1234";
    check_file_refused(file.text(),
                       "variable 'a/weight': expected 8 bytes for f32 [1, 2], found 12");
  }
  SUBCASE("an element type that there is not") {
    file.variables[1].type = 6;
    check_file_refused(file.text(),
                       "variable 'a/weight': has element type 6, which Heed does not know",
                       Error::Code::unsupported);
  }
  SUBCASE("more dimensions than any tensor") {
    file.variables[1].shape.resize(9, 1);
    check_file_refused(file.text(), "variable 'a/weight': expected at most 8 dimensions, found 9");
  }
  SUBCASE("a shape beyond 63 bits") {
    file.variables[1].shape = {~0u, ~0u, ~0u};
    check_file_refused(
        file.text(),
        "variable 'a/weight': the shape [4294967295, 4294967295, 4294967295] exceeds 63 bits");
  }
  SUBCASE("the same name twice") {
    file.variables[1].name = "heads";
    check_file_refused(file.text(), "variable 'heads': is there twice");
  }
}

TEST_CASE("aliases of nothing, and of names that are taken") {
  CTranslate2File file = small_file();
  file.aliases = {{"c", "e"}};
  check_file_refused(file.text(), "alias 'c': stands for 'e', which is missing");
  file.aliases = {{"a/weight", "b/weight"}};
  check_file_refused(file.text(), "alias 'a/weight': is there twice");
}

TEST_CASE("a file of another length is refused, wherever it was cut") {
  const std::string text = small_file().text();
  for (size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_WITH_AS(Parsed(text.substr(0, size)), doctest::Contains("more bytes at offset"),
                         Error);
  }
  check_file_refused(text + "x", cat("end: expected the file to end at offset ", text.size(),
                                     ", found 1 more bytes"));
}

}  // namespace heed
