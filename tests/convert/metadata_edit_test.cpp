#include "engine/convert/metadata_edit.h"

#include <doctest/doctest.h>

#include "engine/core/error.h"

namespace heed {
namespace {

template <typename T>
void check_value(const Metadata& metadata, const char* key, const T& expected) {
  CAPTURE(key);
  const Metadata::Value* value = metadata.find(key);
  REQUIRE(value);
  REQUIRE(std::holds_alternative<T>(*value));
  CHECK(std::get<T>(*value) == expected);
}

}  // namespace

TEST_CASE("a key that is there keeps its type") {
  Metadata metadata;
  metadata.set("u8", uint8_t{1});
  metadata.set("i64", int64_t{1});
  metadata.set("f32", 1.0f);
  metadata.set("f64", 1.0);
  metadata.set("bool", false);
  metadata.set("text", "one");
  edit_metadata({{"u8", "255"},
                 {"i64", "-9000000000"},
                 {"f32", "3"},
                 {"f64", "1e-300"},
                 {"bool", "true"},
                 {"text", "7"}},
                metadata);
  check_value(metadata, "u8", uint8_t{255});
  check_value(metadata, "i64", int64_t{-9'000'000'000});
  check_value(metadata, "f32", 3.0f);
  check_value(metadata, "f64", 1e-300);
  check_value(metadata, "bool", true);
  check_value(metadata, "text", std::string("7"));
  CHECK(metadata.entries().size() == 6);
}

TEST_CASE("a new key is what its value looks like") {
  Metadata metadata;
  edit_metadata({{"yes", "true"},
                 {"count", "4294967295"},
                 {"negative", "-1"},
                 {"large", "4294967296"},
                 {"least", "-2147483649"},
                 {"real", "1e-5"},
                 {"text", "3 apples"},
                 {"True", "True"},
                 {"empty", ""},
                 {"twice", "1"},
                 {"twice", "2"}},
                metadata);
  check_value(metadata, "yes", true);
  check_value(metadata, "count", uint32_t{4294967295});
  check_value(metadata, "negative", int32_t{-1});
  check_value(metadata, "large", uint64_t{4294967296});
  check_value(metadata, "least", int64_t{-2147483649});
  check_value(metadata, "real", 1e-5f);
  check_value(metadata, "text", std::string("3 apples"));
  check_value(metadata, "True", std::string("True"));
  check_value(metadata, "empty", std::string());
  check_value(metadata, "twice", uint32_t{2});
}

TEST_CASE("a value that the key's type does not hold is refused with both") {
  Metadata metadata;
  metadata.set("u8", uint8_t{1});
  metadata.set("bool", false);
  metadata.set("f32", 1.0f);
  metadata.set("list", std::vector<int32_t>{1, 2});
  const auto check = [&](const char* key, const char* text, const char* sentence) {
    CHECK_THROWS_WITH_AS(edit_metadata({{key, text}}, metadata), sentence, Error);
  };
  check("u8", "256", "key 'u8' is of type u8, which cannot be set to \"256\"");
  check("u8", "-1", "key 'u8' is of type u8, which cannot be set to \"-1\"");
  check("u8", "1x", "key 'u8' is of type u8, which cannot be set to \"1x\"");
  check("bool", "1", "key 'bool' is of type bool, which cannot be set to \"1\"");
  check("f32", "nan", "key 'f32' is of type f32, which cannot be set to \"nan\"");
  check("list", "1", "key 'list' is of type array of i32, which cannot be set to \"1\"");
}

}  // namespace heed
