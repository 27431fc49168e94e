#include "engine/convert/type_mix.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "engine/core/error.h"

namespace heed {
namespace {

/// The matrices of a file, and the type that each should get.
struct MixCase {
  std::string mix;
  Params matrices;
  std::vector<std::string> types;
};

/// A line of the golden: "blk.attn_v 64 256 q5_k q4_k ..." or "token_embd 300 256 q6_k".
void add_line(const std::string& line, MixCase& c) {
  std::istringstream words(line);
  std::string kind, type;
  int64_t rows = 0, columns = 0;
  words >> kind >> rows >> columns;
  const bool in_block = kind.starts_with("blk.");
  for (int block = 0; words >> type; ++block) {
    const std::string name = in_block ? cat("blk.", block, ".", kind.substr(4)) : kind;
    c.matrices.push_back({.name = name + ".weight", .shape = {rows, columns}});
    c.types.push_back(type);
  }
}

std::vector<MixCase> golden_cases() {
  std::ifstream file(HEED_TEST_DIR "/convert/goldens/type_mixes.txt");
  std::vector<MixCase> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("mix ")) {
      cases.push_back({.mix = line.substr(4), .matrices = {}, .types = {}});
    } else {
      add_line(line, cases.back());
    }
  }
  return cases;
}

}  // namespace

TEST_CASE("mixes give each matrix the type that llama.cpp gives it") {
  const std::vector<MixCase> cases = golden_cases();
  REQUIRE(cases.size() == 5 * 13);
  for (const MixCase& c : cases) {
    CAPTURE(c.mix);
    const std::vector<DType> types = mixed_types(find_type_mix(c.mix), c.matrices);
    REQUIRE(types.size() == c.types.size());
    for (size_t i = 0; i < types.size(); ++i) {
      CAPTURE(c.matrices[i].name);
      CHECK(info(types[i]).name == c.types[i]);
    }
  }
}

TEST_CASE("blocks of an encoder and of a decoder are counted apart") {
  Params matrices;
  for (int i = 0; i < 8; ++i) {
    matrices.push_back({.name = cat("enc.blk.", i, ".ffn_down.weight"), .shape = {256, 256}});
  }
  for (int i = 0; i < 2; ++i) {
    matrices.push_back({.name = cat("dec.blk.", i, ".ffn_down.weight"), .shape = {256, 256}});
  }
  const std::vector<DType> types = mixed_types(find_type_mix("Q4_K_S"), matrices);
  CHECK(types[0] == DType::q5_k);  // the first eighth of eight
  for (size_t i = 1; i < types.size(); ++i) CHECK(types[i] == DType::q4_k);
}

TEST_CASE("one type is that of all matrices, in any case") {
  const Params matrices = {{.name = "token_embd.weight", .shape = {10, 256}},
                           {.name = "blk.0.attn_v.weight", .shape = {32, 256}},
                           {.name = "blk.0.ffn_down.weight", .shape = {32, 48}}};
  CHECK((mixed_types(find_type_mix("Q6_K"), matrices) ==
         std::vector{DType::q6_k, DType::q6_k, DType::f16}));
  CHECK(find_type_mix("f16").file_type == 1);
  CHECK_THROWS_AS(find_type_mix("q7_k_m"), Error);
}

}  // namespace heed
