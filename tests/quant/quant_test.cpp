#include "engine/quant/quant.h"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/half.h"

namespace heed {
namespace {

/// Reads one of our golden files front to back; a read past its end fails the test.
class GoldenFile {
 public:
  explicit GoldenFile(const std::string& name) {
    std::ifstream file(std::string(HEED_TEST_DIR "/quant/goldens/") + name, std::ios::binary);
    REQUIRE(file);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }

  bool at_end() const { return place_ == bytes_.size(); }

  uint32_t number() { return read<uint32_t>(1)[0]; }

  template <typename T>
  std::vector<T> read(size_t count) {
    REQUIRE(count <= (bytes_.size() - place_) / sizeof(T));
    std::vector<T> values(count);
    std::memcpy(values.data(), bytes_.data() + place_, count * sizeof(T));
    place_ += count * sizeof(T);
    return values;
  }

 private:
  std::vector<char> bytes_;
  size_t place_ = 0;
};

std::vector<uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<uint32_t>(value));
  return bits;
}

std::vector<float> decode(DType type, std::span<const std::byte> bytes, int64_t n) {
  std::vector<float> values(n);
  dequantize_row(type, bytes.data(), values.data(), n);
  return values;
}

std::vector<std::byte> encode(DType type, std::span<const float> values,
                              std::span<const float> importance = {}) {
  std::vector<std::byte> bytes(row_bytes(type, std::ssize(values)));
  quantize_row(type, values.data(), bytes.data(), std::ssize(values), importance);
  return bytes;
}

std::vector<float> encode_and_decode(DType type, std::span<const float> values,
                                     std::span<const float> importance = {}) {
  return decode(type, encode(type, values, importance), std::ssize(values));
}

/// The (weighted) squared error of each block.
std::vector<double> block_errors(DType type, std::span<const float> expected,
                                 std::span<const float> importance) {
  const auto actual = encode_and_decode(type, expected, importance);
  const size_t block = info(type).block;
  std::vector<double> errors(expected.size() / block);
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = static_cast<double>(expected[i]) - actual[i];
    errors[i / block] += error * error * (importance.empty() ? 1.0 : importance[i]);
  }
  return errors;
}

double root_of_sum(std::span<const double> block_errors) {
  return std::sqrt(std::accumulate(block_errors.begin(), block_errors.end(), 0.0));
}

/// The types whose scales the quantisers choose.
constexpr std::array kFitted = {DType::q4_0, DType::q4_1,   DType::q5_0, DType::q5_1,
                                DType::q8_0, DType::iq4_nl, DType::q2_k, DType::q3_k,
                                DType::q4_k, DType::q5_k,   DType::q6_k};

bool is_k(DType type) {
  return info(type).block == 256;
}

/// Rows of one kind from quantize.bin, and their columns' importance.
struct Rows {
  std::string name;
  uint32_t rows;
  uint32_t columns;
  std::vector<float> values;      // [rows, columns]
  std::vector<float> importance;  // [columns]

  explicit Rows(GoldenFile& golden) {
    const auto letters = golden.read<char>(golden.number());
    name.assign(letters.begin(), letters.end());
    rows = golden.number();
    columns = golden.number();
    values = golden.read<float>(size_t{rows} * columns);
    importance = golden.read<float>(columns);
  }

  std::span<const float> row(uint32_t r) const {
    return std::span(values).subspan(size_t{r} * columns, columns);
  }
};

Error::Code error_code(auto&& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.code();
  }
  FAIL("no error");
  return {};
}

}  // namespace

TEST_CASE("every type reads the same floats as the gguf package, bit for bit") {
  GoldenFile golden("dequantize.bin");
  std::set<DType> seen;
  while (!golden.at_end()) {
    const auto type = dtype_from_id(golden.number());
    REQUIRE(type);
    CAPTURE(std::string(info(*type).name));
    const uint32_t byte_count = golden.number();
    const uint32_t value_count = golden.number();
    REQUIRE(row_bytes(*type, value_count) == byte_count);
    const auto bytes = golden.read<std::byte>(byte_count);
    const auto expected = golden.read<float>(value_count);

    // One byte in, so that the row is aligned to nothing.
    std::vector<std::byte> misaligned(byte_count + 1);
    std::copy(bytes.begin(), bytes.end(), misaligned.begin() + 1);
    std::vector<float> actual(value_count);
    dequantize_row(*type, misaligned.data() + 1, actual.data(), value_count);
    CHECK(bits_of(actual) == bits_of(expected));
    seen.insert(*type);
  }
  for (const RowCodec& codec : row_codecs())
    if (codec.type != DType::f32) CHECK_MESSAGE(seen.contains(codec.type), info(codec.type).name);
}

TEST_CASE("quantised weights are nearer to the truth than ggml's") {
  GoldenFile golden("quantize.bin");
  std::set<std::string> seen;
  while (!golden.at_end()) {
    const Rows rows(golden);
    CAPTURE(rows.name);
    seen.insert(rows.name);
    for (const bool weighted : {false, true}) {
      CAPTURE(weighted);
      const auto importance =
          weighted ? std::span<const float>(rows.importance) : std::span<const float>();
      for (const DType type : kFitted) {
        CAPTURE(std::string(info(type).name));
        REQUIRE(golden.number() == static_cast<uint32_t>(type));
        const size_t blocks = rows.values.size() / info(type).block;
        const auto golden_errors = golden.read<float>(blocks);
        const std::vector<double> peer(golden_errors.begin(), golden_errors.end());
        std::vector<double> ours;
        for (uint32_t r = 0; r < rows.rows; ++r) {
          const auto errors = block_errors(type, rows.row(r), importance);
          ours.insert(ours.end(), errors.begin(), errors.end());
        }
        CHECK(root_of_sum(ours) <= root_of_sum(peer) * (1 + 1e-6));  // sums of floats
        // Without importance it searches for the scales of IQ4_NL and the K formats alone.
        // Elsewhere it takes the plain ones, which no block of ours may fall behind.
        if (weighted || type == DType::iq4_nl || is_k(type)) continue;
        for (size_t b = 0; b < blocks; ++b) CHECK(ours[b] <= peer[b] * (1 + 1e-6));
      }
    }
  }
  CHECK(seen.size() == 6);
}

TEST_CASE("values that lie on the levels come back as they were") {
  // A block whose codes are all different: 0..15 in its first half, 31..16 (or 15..0) in its
  // second.
  const auto rising_block = [](DType type) {
    std::vector<std::byte> block(info(type).bytes);
    const size_t qs = block.size() - (type == DType::q8_0 ? 32 : 16);
    for (int i = 0; i < 16; ++i) block[qs + i] = static_cast<std::byte>(i | (15 - i) << 4);
    if (type == DType::q5_0 || type == DType::q5_1) block[qs - 1] = block[qs - 2] = std::byte{0xff};
    if (type == DType::q8_0)
      for (int i = 0; i < 32; ++i) block[qs + i] = static_cast<std::byte>(8 * i - 127);
    const uint16_t d = f32_to_f16(0.0371f);
    const uint16_t m = f32_to_f16(-0.29f);
    std::memcpy(block.data(), &d, sizeof d);
    if (type == DType::q4_1 || type == DType::q5_1) std::memcpy(block.data() + 2, &m, sizeof m);
    return block;
  };
  for (const DType type : kFitted) {
    if (is_k(type)) continue;
    CAPTURE(std::string(info(type).name));
    const auto block = rising_block(type);
    const auto values = decode(type, block, 32);
    CHECK(bits_of(encode_and_decode(type, values)) == bits_of(values));
  }
}

TEST_CASE("Q5_1 holds what a file with Q4_1 says") {
  // A block whose codes span 0..15 in Q4_1: Q5_1 has the levels between, too.
  std::vector<float> values(32);
  for (const float m : {-0.543f, -0.29f, 0.11f}) {
    for (int i = 0; i < 32; ++i) {
      values[i] = f16_to_f32(f32_to_f16(0.0794f)) * static_cast<float>(7 * i % 16) +
                  f16_to_f32(f32_to_f16(m));
    }
    CHECK(encode_and_decode(DType::q5_1, values) == values);
  }
}

TEST_CASE("Q5_0 meets the steps of weights that had 4 bits") {
  const float step = f16_to_f32(f32_to_f16(0.0794f));
  for (int lowest = -15; lowest <= 0; ++lowest) {
    CAPTURE(lowest);
    std::vector<float> values(32);
    for (int i = 0; i < 32; ++i) values[i] = step * static_cast<float>(lowest + 7 * i % 16);
    CHECK(encode_and_decode(DType::q5_0, values) == values);
  }
}

TEST_CASE("a block of zeros is a scale of zero and the code of zero") {
  const auto bytes_of_zeros = [](DType type) {
    return encode(type, std::vector<float>(info(type).block));
  };
  const auto repeated = [](std::initializer_list<std::pair<int, int>> count_and_byte) {
    std::vector<std::byte> bytes;
    for (const auto& [count, byte] : count_and_byte)
      bytes.insert(bytes.end(), count, std::byte(byte));
    return bytes;
  };
  CHECK(bytes_of_zeros(DType::q4_0) == repeated({{2, 0}, {16, 0x88}}));
  CHECK(bytes_of_zeros(DType::iq4_nl) == repeated({{2, 0}, {16, 0x88}}));
  CHECK(bytes_of_zeros(DType::q5_0) == repeated({{2, 0}, {4, 0xff}, {16, 0}}));
  CHECK(bytes_of_zeros(DType::q4_1) == repeated({{20, 0}}));
  CHECK(bytes_of_zeros(DType::q5_1) == repeated({{24, 0}}));
  CHECK(bytes_of_zeros(DType::q8_0) == repeated({{34, 0}}));
  CHECK(bytes_of_zeros(DType::q2_k) == repeated({{84, 0}}));
  CHECK(bytes_of_zeros(DType::q3_k) ==  // scales of 32 - 32, codes of 4 - 4
        repeated({{32, 0xff}, {64, 0}, {8, 0}, {4, 0xaa}, {2, 0}}));
  CHECK(bytes_of_zeros(DType::q4_k) == repeated({{144, 0}}));
  CHECK(bytes_of_zeros(DType::q5_k) == repeated({{176, 0}}));
  CHECK(bytes_of_zeros(DType::q6_k) == repeated({{128, 0}, {64, 0xaa}, {16, 0}, {2, 0}}));
}

TEST_CASE("Q8_0 never writes -128, which kernels could not negate") {
  GoldenFile golden("quantize.bin");
  const auto bytes = encode(DType::q8_0, Rows(golden).values);
  for (size_t i = 0; i < bytes.size(); ++i)
    if (i % 34 >= 2) REQUIRE(bytes[i] != std::byte{0x80});
}

TEST_CASE("blocks at the ends of float stay finite") {
  for (const DType type : kFitted) {
    CAPTURE(std::string(info(type).name));
    for (const float size : {1e-45f, 1e-40f, 1e-30f, 1e-20f, 1e-9f, 1e-6f, 1e6f, 1e20f, 3e38f}) {
      CAPTURE(size);
      std::vector<float> block(256);
      for (int i = 0; i < 256; ++i) block[i] = size * static_cast<float>(i - 128) / 128.0f;
      const std::vector<float> ramp = block;
      for (int i = 0; i < 256; ++i) block[i] = i == 77 ? -size : 0.0f;
      for (const auto& values : {ramp, block, std::vector<float>(256, size)}) {
        for (const float value : encode_and_decode(type, values)) {
          CHECK(std::isfinite(value));
          CHECK(std::abs(value) <= std::max(1e-6f, 1.2f * size));
        }
      }
    }
  }
}

TEST_CASE("what is not a number is written as zero, and infinities as large numbers") {
  for (const DType type : kFitted) {
    CAPTURE(std::string(info(type).name));
    std::vector<float> values(256, 1.0f);
    values[3] = NAN;
    values[200] = -NAN;
    std::vector<float> zeros = values;
    zeros[3] = zeros[200] = 0.0f;
    CHECK(encode(type, values) == encode(type, zeros));
    values[7] = -INFINITY;
    values[9] = INFINITY;
    const auto read = encode_and_decode(type, values);
    for (const float value : read) CHECK(std::isfinite(value));
    CHECK(read[9] > 1000.0f);
  }
}

TEST_CASE("constants come back") {
  for (const DType type : kFitted) {
    CAPTURE(std::string(info(type).name));
    for (const float constant : {0.37f, -0.37f}) {
      for (const float value : encode_and_decode(type, std::vector<float>(256, constant)))
        CHECK(value == doctest::Approx(constant).epsilon(0.002));
    }
  }
}

TEST_CASE("importance counts relative to its block, and zeros throughout count as none") {
  GoldenFile golden("quantize.bin");
  const Rows rows(golden);
  for (const DType type : kFitted) {
    CAPTURE(std::string(info(type).name));
    const auto row = rows.row(0);
    const auto with = [&](auto&& importance_of) {
      std::vector<float> importance(rows.columns);
      for (size_t i = 0; i < importance.size(); ++i) importance[i] = importance_of(i);
      return encode(type, row, importance);
    };
    const auto plain = encode(type, row);
    CHECK(with([](size_t) { return 0.0f; }) == plain);
    CHECK(with([](size_t) { return 1e-44f; }) == plain);
    CHECK(with([](size_t) { return 3e38f; }) == plain);
    const auto weighted = encode(type, row, rows.importance);
    CHECK(weighted != plain);
    CHECK(with([&](size_t i) { return 0x1p100f * rows.importance[i]; }) == weighted);
    // Columns that count for nothing beside others still come out as what they are, roughly.
    const auto half =
        decode(type, with([](size_t i) { return i % 512 < 64 ? 1.0f : 0.0f; }), rows.columns);
    for (size_t i = 0; i < row.size(); ++i) CHECK(std::abs(half[i] - row[i]) < 0.1f);
  }
}

TEST_CASE("16-bit rows are rounded to nearest") {
  const std::vector<float> row = {1.0f, -0.1f, 65504.0f, 1e-7f};
  CHECK(encode_and_decode(DType::f16, row) ==
        std::vector<float>{1.0f, -0.0999755859375f, 65504.0f, 1.1920928955078125e-7f});
  CHECK(encode_and_decode(DType::bf16, row) ==
        std::vector<float>{1.0f, -0.10009765625f, 65536.0f, 0x1.aep-24f});
}

TEST_CASE("f32 rows are copied") {
  const std::vector<float> row = {1.5f, -0.0f, 3e38f};
  CHECK(bits_of(encode_and_decode(DType::f32, row)) == bits_of(row));
}

TEST_CASE("types without floating-point values and broken blocks are refused") {
  std::vector<std::byte> bytes(1024);
  std::vector<float> values(256);
  CHECK(error_code([&] { dequantize_row(DType::i32, bytes.data(), values.data(), 32); }) ==
        Error::Code::unsupported);
  CHECK(error_code([&] { quantize_row(DType::i8, values.data(), bytes.data(), 32); }) ==
        Error::Code::unsupported);
  CHECK(error_code([&] { dequantize_row(DType::q4_0, bytes.data(), values.data(), 33); }) ==
        Error::Code::argument);
  CHECK(error_code([&] { quantize_row(DType::f16, values.data(), bytes.data(), -1); }) ==
        Error::Code::argument);
  CHECK_THROWS_WITH(dequantize_row(DType::q6_k, bytes.data(), values.data(), 64),
                    "a row of type q6_k takes whole blocks of 256 values, not 64 values");
  const auto quantize_with = [&](std::vector<float> importance) {
    quantize_row(DType::q4_0, values.data(), bytes.data(), 32, importance);
  };
  CHECK_THROWS_WITH(quantize_with(std::vector<float>(31, 1.0f)),
                    "a row of 32 values takes an importance for each of them, not 31");
  for (const float bad : {-1.0f, NAN, INFINITY}) {
    std::vector<float> importance(32, 1.0f);
    importance[5] = bad;
    CHECK(error_code([&] { quantize_with(importance); }) == Error::Code::argument);
  }
}

}  // namespace heed
