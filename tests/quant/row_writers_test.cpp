#include "engine/quant/row_writers.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "engine/quant/quant.h"

namespace heed {
namespace {

constexpr int64_t kColumns = 768;

/// Numbers that are the same everywhere, as the random ones of the standard library are not.
class Numbers {
 public:
  /// 0 to 1.
  float uniform() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(state_ >> 40) * 0x1p-24f;
  }

  /// -1 to 1, most of them small, as weights are.
  float bell() { return uniform() + uniform() + uniform() + uniform() - 2.0f; }

 private:
  uint64_t state_ = 1;
};

/// Rows of all sorts: weights, and what no model has.
std::vector<float> hard_rows() {
  Numbers numbers;
  std::vector<float> values;
  const auto add_row = [&](auto&& value_at) {
    for (int64_t i = 0; i < kColumns; ++i) values.push_back(value_at(i));
  };
  for (int row = 0; row < 24; ++row) add_row([&](int64_t) { return 0.05f * numbers.bell(); });
  add_row([&](int64_t i) { return i % 37 == 0 ? numbers.bell() : 0.01f * numbers.bell(); });
  add_row([&](int64_t) { return numbers.uniform(); });
  add_row([&](int64_t) { return -numbers.uniform() - 0.5f; });
  add_row([&](int64_t) {
    const int exponent = static_cast<int>(60 * numbers.uniform()) - 30;
    return std::ldexp(numbers.bell(), exponent);
  });
  add_row([&](int64_t) { return std::round(4.0f * numbers.bell()) / 8.0f; });  // ties
  add_row([&](int64_t i) { return i % 97 == 0 ? numbers.bell() : 0.0f; });
  add_row([&](int64_t) { return 0x1p-140f * numbers.bell(); });
  add_row([&](int64_t) { return 0x1p127f * numbers.bell(); });
  add_row([&](int64_t i) { return i % 50 == 3 ? NAN : i % 50 == 4 ? INFINITY : numbers.bell(); });
  add_row([](int64_t i) { return i % 2 == 0 ? 0.0f : -0.0f; });
  add_row([](int64_t i) { return i / 256 == 0 ? 0.37f : -0.37f; });
  return values;
}

std::vector<float> hard_importance() {
  Numbers numbers;
  std::vector<float> importance(kColumns);
  for (size_t i = 0; i < importance.size(); ++i) {
    const float x = numbers.uniform();
    importance[i] = i / 256 == 1 || i % 64 == 5 ? 0.0f : x * x * x;
  }
  return importance;
}

/// What is written for hard_rows(), without importance and with.
std::vector<std::byte> written(const RowCodec& codec, Isa isa) {
  static const std::vector<float> values = hard_rows();
  static const std::vector<float> importance = hard_importance();
  RowWriter* const write = row_writers(isa).*codec.quantize;
  std::vector<std::byte> bytes;
  for (const float* weights : {static_cast<const float*>(nullptr), importance.data()}) {
    for (size_t at = 0; at < values.size(); at += kColumns) {
      std::vector<std::byte> row(row_bytes(codec.type, kColumns));
      write(values.data() + at, row.data(), kColumns, weights);
      bytes.insert(bytes.end(), row.begin(), row.end());
    }
  }
  return bytes;
}

/// FNV-1a.
uint64_t digest(const std::vector<std::byte>& bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const std::byte b : bytes) hash = (hash ^ std::to_integer<uint64_t>(b)) * 0x100000001b3u;
  return hash;
}

}  // namespace

TEST_CASE("all instruction sets write the same bytes") {
  for (const RowCodec& codec : row_codecs()) {
    CAPTURE(std::string(info(codec.type).name));
    const std::vector<std::byte> expected = written(codec, Isa::scalar);
    for (const Isa isa : machine_isas()) {
      CAPTURE(std::string(to_string(isa)));
      CHECK(written(codec, isa) == expected);
    }
  }
}

TEST_CASE("the bytes are those of any other machine and compiler") {
  // Whoever changes what a quantiser chooses changes its number here; nobody else does.
  const std::map<DType, uint64_t> expected = {
      {DType::f32, 0x2ef565cf30ec9845},    {DType::f16, 0x4a535d10776409a1},
      {DType::bf16, 0x9be98ea8b48bb839},   {DType::q4_0, 0x1659185a7cb36c29},
      {DType::q4_1, 0x98800478de89d14e},   {DType::q5_0, 0x8e04a1ed02392287},
      {DType::q5_1, 0xf71f9f65a18e0f0e},   {DType::q8_0, 0x2e858fa3b2ee3267},
      {DType::iq4_nl, 0xb1a4956c10677de2}, {DType::q2_k, 0x4943138a5e132bff},
      {DType::q3_k, 0x8b48a3f717ee0b38},   {DType::q4_k, 0x2783c33d9002c2e3},
      {DType::q5_k, 0xa6e71c7ba2cc6ff8},   {DType::q6_k, 0xb540743987c42aa8},
  };
  for (const RowCodec& codec : row_codecs()) {
    CAPTURE(std::string(info(codec.type).name));
    CHECK(digest(written(codec, Isa::scalar)) == expected.at(codec.type));
  }
}

}  // namespace heed
