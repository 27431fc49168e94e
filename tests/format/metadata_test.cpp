#include "engine/format/metadata.h"

#include <doctest/doctest.h>

#include "engine/include/heed_error.hpp"

namespace heed {

TEST_CASE("keys keep the order in which they were first set") {
  Metadata metadata;
  metadata.set("b", uint32_t{1});
  metadata.set("a", 2.5f);
  metadata.set("b", std::string("new"));
  REQUIRE(metadata.entries().size() == 2);
  CHECK(metadata.entries()[0].key == "b");
  CHECK(metadata.require<std::string>("b") == "new");
  CHECK(metadata.entries()[1].key == "a");
}

TEST_CASE("a key that is removed is gone; the others stay in order") {
  Metadata metadata;
  for (const char* key : {"a", "b", "c"}) metadata.set(key, std::string(key));
  metadata.remove("none");
  metadata.remove("a");
  CHECK(!metadata.contains("a"));
  REQUIRE(metadata.entries().size() == 2);
  CHECK(metadata.require<std::string>("b") == "b");
  CHECK(metadata.require<std::string>("c") == "c");
  metadata.set("a", std::string("again"));
  CHECK(metadata.entries().back().key == "a");
  CHECK(metadata.require<std::string>("a") == "again");
}

TEST_CASE("numbers are read as any type that holds them") {
  Metadata metadata("m.gguf");
  metadata.set("count", uint32_t{30});
  metadata.set("big", uint64_t{1} << 40);
  metadata.set("negative", int32_t{-1});
  metadata.set("eps", 1e-5);
  metadata.set("flag", true);
  CHECK(metadata.require<int64_t>("count") == 30);
  CHECK(metadata.require<uint8_t>("count") == 30);
  CHECK(metadata.require<float>("count") == 30.0f);
  CHECK(metadata.require<float>("eps") == 1e-5f);
  CHECK(metadata.require<bool>("flag"));
  CHECK(metadata.get_or("absent", 7) == 7);
  CHECK(metadata.get_or<std::string>("absent", "x") == "x");
  CHECK(metadata.get_or("count", 7) == 30);
  CHECK_THROWS_WITH(metadata.require<int>("big"),
                    "m.gguf: key 'big': expected i32, found u64 1099511627776");
  CHECK_THROWS_WITH(metadata.require<uint32_t>("negative"),
                    "m.gguf: key 'negative': expected u32, found i32 -1");
  CHECK_THROWS_WITH(metadata.require<int>("eps"),
                    "m.gguf: key 'eps': expected i32, found f64 1e-05");
  CHECK_THROWS_WITH(metadata.require<int>("flag"),
                    "m.gguf: key 'flag': expected i32, found bool true");
  CHECK_THROWS_WITH(metadata.require<bool>("count"),
                    "m.gguf: key 'count': expected bool, found u32 30");
  CHECK_THROWS_WITH(metadata.require<int>("absent"), "m.gguf: key 'absent' is missing");
  CHECK_THROWS_WITH(metadata.get_or("eps", 3), "m.gguf: key 'eps': expected i32, found f64 1e-05");
}

TEST_CASE("arrays convert element by element, strings are lent") {
  Metadata metadata("m.gguf");
  metadata.set("types", std::vector<int32_t>{1, 2, 3});
  metadata.set("signed", std::vector<int32_t>{1, -2});
  metadata.set("words", std::vector<std::string>{"a", "b"});
  metadata.set("name", std::string("SmolLM2"));
  CHECK(metadata.require<std::vector<uint64_t>>("types") == std::vector<uint64_t>{1, 2, 3});
  CHECK(metadata.require<std::vector<float>>("types") == std::vector<float>{1, 2, 3});
  CHECK(&metadata.require<std::string>("name") == std::get_if<std::string>(metadata.find("name")));
  CHECK(metadata.require<std::vector<std::string>>("words").size() == 2);
  CHECK_THROWS_WITH(metadata.require<std::vector<uint32_t>>("signed"),
                    "m.gguf: key 'signed': expected array of u32, found array of i32 [1, -2]");
  CHECK_THROWS_WITH(metadata.require<std::string>("words"),
                    R"(m.gguf: key 'words': expected string, found array of string ["a", "b"])");
  CHECK_THROWS_WITH(
      metadata.require<std::vector<int32_t>>("words"),
      R"(m.gguf: key 'words': expected array of i32, found array of string ["a", "b"])");
  CHECK_THROWS_WITH(metadata.require<int32_t>("types"),
                    "m.gguf: key 'types': expected i32, found array of i32 [1, 2, 3]");
}

TEST_CASE("values print on one short line") {
  CHECK(to_text(uint8_t{65}) == "65");
  CHECK(to_text(std::string("a\n\"b\"\x1b")) == R"("a\n\"b\"\x1b")");
  CHECK(to_text(std::string("abcdef"), 3) == R"("abc"... 6 bytes in all)");
  CHECK(to_text(std::string("a\u00e9\u00e9"), 2) == "\"a\u00e9\"... 5 bytes in all");
  CHECK(to_text(std::vector<int64_t>(1000, 5), 10) == "[5, 5, 5, ... 1000 in all]");
  CHECK(to_text(std::vector<bool>{true, false}) == "[true, false]");
  CHECK(to_text(std::vector<float>{}) == "[]");
  CHECK(type_name(std::vector<double>{}) == "array of f64");
  CHECK(type_name(uint64_t{1}) == "u64");
}

}  // namespace heed
