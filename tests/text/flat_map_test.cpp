// The hash map and what is built on it.
#include "engine/text/flat_map.h"

#include <doctest/doctest.h>

#include <random>
#include <unordered_map>

#include "engine/text/byte_trie.h"
#include "engine/text/token_index.h"

namespace heed {
namespace {

TEST_CASE("a map finds what was put in, and nothing else") {
  for (const size_t expected : {0, 10'000}) {
    FlatMap map(expected);
    CHECK(map.find(0) == FlatMap::kNone);
    std::unordered_map<uint64_t, uint32_t> reference;
    std::mt19937_64 random(1);
    for (uint32_t i = 0; i < 10'000; ++i) {
      const uint64_t key = i % 2 ? i << 20 : random() >> (random() % 64);
      if (key == FlatMap::kNoKey) continue;
      const uint32_t stored = reference.emplace(key, i).first->second;
      CHECK(map.insert(key, i) == stored);  // the first one stays
    }
    for (const auto& [key, value] : reference) CHECK(map.find(key) == value);
    for (int i = 0; i < 10'000; ++i) {
      const uint64_t key = random();
      if (!reference.contains(key)) CHECK(map.find(key) == FlatMap::kNone);
    }
  }
}

TEST_CASE("a trie finds the longest prefix") {
  ByteTrie trie;
  CHECK(!trie.longest_prefix("a"));
  trie.add("", 0);  // never found
  trie.add("a", 1);
  trie.add("abc", 2);
  trie.add("abc", 3);  // too late
  trie.add("\xC3\xA9", 4);
  const auto found = [&](std::string_view text) {
    const auto match = trie.longest_prefix(text);
    return match ? std::pair(match->value, match->size) : std::pair(-1, size_t{0});
  };
  CHECK(found("") == std::pair(-1, size_t{0}));
  CHECK(found("xa") == std::pair(-1, size_t{0}));
  CHECK(found("ab") == std::pair(1, size_t{1}));
  CHECK(found("abcd") == std::pair(2, size_t{3}));
  CHECK(found("\xC3") == std::pair(-1, size_t{0}));
  CHECK(found("\xC3\xA9z") == std::pair(4, size_t{2}));
}

TEST_CASE("tokens are found by their texts") {
  const std::vector<std::string> texts = {"a", "b", "", "a", "c"};
  TokenIndex index(texts);
  CHECK(!index.find("a"));
  for (const Token token : {0, 1, 2, 3}) index.add(token);
  CHECK(index.find("a") == 0);
  CHECK(index.find("b") == 1);
  CHECK(index.find("") == 2);
  CHECK(!index.find("c"));
  CHECK(!index.find("ab"));
}

TEST_CASE("each of many tokens is found") {
  std::vector<std::string> texts;
  for (int i = 0; i < 5000; ++i) texts.push_back(std::to_string(i * 7));
  TokenIndex index(texts);
  for (Token token = 0; token < 5000; ++token) index.add(token);
  for (Token token = 0; token < 5000; ++token) CHECK(index.find(texts[token]) == token);
  CHECK(!index.find("1"));
}

}  // namespace
}  // namespace heed
