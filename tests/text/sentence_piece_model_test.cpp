// The check of SentencePiece's normalisation table.
#include "engine/text/sentence_piece_model.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/core/error.h"
#include "tests/text/golden_tokenizer.h"

namespace heed {
namespace {

/// A table of units, the first of which leads to the units from `root` on, and texts.
std::string charsmap(const std::vector<uint32_t>& units, std::string_view texts) {
  std::string bytes;
  const auto add = [&](uint32_t word) {
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(word >> shift);
  };
  add(static_cast<uint32_t>(4 * units.size()));
  for (const uint32_t unit : units) add(unit);
  return bytes.append(texts);
}

constexpr uint32_t kLeaf = 1 << 8;
constexpr uint32_t kValue = 1u << 31;
constexpr uint32_t offset(uint32_t n) {
  return n << 10;
}

TEST_CASE("a whole table passes") {
  CHECK_NOTHROW(check_charsmap(""));
  CHECK_NOTHROW(
      check_charsmap(golden::read_vocabulary("sentencepiece-unigram").precompiled_charsmap));
  std::vector<uint32_t> units(512);
  units[0] = offset(256) | kLeaf;
  units[256] = kValue | 2;
  CHECK_NOTHROW(check_charsmap(charsmap(units, std::string_view("a\0\0", 3))));
}

TEST_CASE("a table that leads outside of itself or its texts is refused") {
  const std::string_view texts("a\0", 2);
  const std::vector<uint32_t> good(256);
  CHECK_NOTHROW(check_charsmap(charsmap(good, texts)));
  CHECK_THROWS_AS(check_charsmap("abc"), Error);
  CHECK_THROWS_AS(check_charsmap(charsmap({}, texts)), Error);
  CHECK_THROWS_AS(check_charsmap(charsmap(good, "")), Error);
  CHECK_THROWS_AS(check_charsmap(charsmap(good, "a")), Error);
  CHECK_THROWS_AS(check_charsmap(charsmap(good, std::string_view("\xFF\0", 2))), Error);
  CHECK_THROWS_AS(check_charsmap(charsmap(good, texts).substr(0, 500)), Error);
  CHECK_THROWS_AS(check_charsmap(charsmap(std::vector<uint32_t>(255), texts)), Error);

  std::vector<uint32_t> units = good;
  units[7] = offset(256);
  CHECK_THROWS_AS(check_charsmap(charsmap(units, texts)), Error);
  units[7] = offset(1) | 1 << 9;  // the offset counts 256 times as much
  CHECK_THROWS_AS(check_charsmap(charsmap(units, texts)), Error);
  units[7] = kLeaf;  // with a value in this very unit: 256, where there are two texts
  CHECK_THROWS_AS(check_charsmap(charsmap(units, texts)), Error);
}

}  // namespace
}  // namespace heed
