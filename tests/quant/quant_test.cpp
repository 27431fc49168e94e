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

std::vector<float> encode_and_decode(DType type, const std::vector<float>& values) {
  const auto n = static_cast<int64_t>(values.size());
  std::vector<std::byte> bytes(row_bytes(type, n));
  quantize_row(type, values.data(), bytes.data(), n);
  return decode(type, bytes, n);
}

/// The squared error of each block.
std::vector<double> block_errors(DType type, const std::vector<float>& expected,
                                 const std::vector<float>& actual) {
  const size_t block = info(type).block;
  std::vector<double> errors(expected.size() / block);
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = static_cast<double>(expected[i]) - actual[i];
    errors[i / block] += error * error;
  }
  return errors;
}

double root_of_sum(const std::vector<double>& block_errors) {
  return std::sqrt(std::accumulate(block_errors.begin(), block_errors.end(), 0.0));
}

/// The types whose scales the quantisers choose.
constexpr std::array kFitted = {DType::q4_0, DType::q4_1, DType::q5_0,
                                DType::q5_1, DType::q8_0, DType::iq4_nl};

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
  struct Distribution {
    const char* name;
    double bar;  // ours over ggml's; ggml searches for the scales of IQ4_NL too
  };
  for (const Distribution& distribution :
       {Distribution{"normal", 0.95}, Distribution{"uniform", 0.97}, Distribution{"outliers", 1.0},
        Distribution{"around one", 1.0}, Distribution{"tiny", 1.0}}) {
    CAPTURE(std::string(distribution.name));
    const uint32_t n = golden.number();
    const auto values = golden.read<float>(n);
    for (const DType type : kFitted) {
      CAPTURE(std::string(info(type).name));
      REQUIRE(golden.number() == static_cast<uint32_t>(type));
      const auto peer_bytes = golden.read<std::byte>(golden.number());
      const auto peer = block_errors(type, values, decode(type, peer_bytes, n));
      const auto ours = block_errors(type, values, encode_and_decode(type, values));
      CHECK(root_of_sum(ours) <= distribution.bar * root_of_sum(peer));
      // Of the others it takes the plain scale, which no block of ours may fall behind.
      if (type == DType::iq4_nl) continue;
      for (size_t b = 0; b < ours.size(); ++b) CHECK(ours[b] <= peer[b] * (1 + 1e-6));
    }
  }
  CHECK(golden.at_end());
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
    CAPTURE(std::string(info(type).name));
    const auto block = rising_block(type);
    const auto values = decode(type, block, 32);
    CHECK(bits_of(encode_and_decode(type, values)) == bits_of(values));
  }
}

TEST_CASE("a block of zeros is a scale of zero and the code of zero") {
  const auto bytes_of_zeros = [](DType type) {
    std::vector<std::byte> bytes(info(type).bytes);
    quantize_row(type, std::vector<float>(32, 0.0f).data(), bytes.data(), 32);
    return bytes;
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
}

TEST_CASE("Q8_0 never writes -128, which kernels could not negate") {
  GoldenFile golden("quantize.bin");
  const uint32_t n = golden.number();
  const auto values = golden.read<float>(n);
  std::vector<std::byte> bytes(row_bytes(DType::q8_0, n));
  quantize_row(DType::q8_0, values.data(), bytes.data(), n);
  for (size_t i = 0; i < bytes.size(); ++i)
    if (i % 34 >= 2) REQUIRE(bytes[i] != std::byte{0x80});
}

TEST_CASE("blocks at the ends of float stay finite") {
  for (const DType type : kFitted) {
    CAPTURE(std::string(info(type).name));
    for (const float size : {1e-45f, 1e-9f, 1e-6f, 1e6f, 3e38f}) {
      CAPTURE(size);
      std::vector<float> block(32);
      for (int i = 0; i < 32; ++i) block[i] = size * static_cast<float>(i - 16) / 16.0f;
      for (const float value : encode_and_decode(type, block)) {
        CHECK(std::isfinite(value));
        CHECK(std::abs(value) <= std::max(1e-6f, 1.2f * size));
      }
    }
    // Not numbers: any block will do, but no undefined behaviour (the sanitizers watch).
    std::vector<float> broken(32, 1.0f);
    broken[3] = NAN;
    broken[7] = -INFINITY;
    CHECK(encode_and_decode(type, broken).size() == 32);
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
  CHECK(error_code([&] { quantize_row(DType::q2_k, values.data(), bytes.data(), 256); }) ==
        Error::Code::unsupported);
  CHECK(error_code([&] { dequantize_row(DType::q4_0, bytes.data(), values.data(), 33); }) ==
        Error::Code::argument);
  CHECK(error_code([&] { quantize_row(DType::f16, values.data(), bytes.data(), -1); }) ==
        Error::Code::argument);
  CHECK_THROWS_WITH(dequantize_row(DType::q6_k, bytes.data(), values.data(), 64),
                    "a row of type q6_k takes whole blocks of 256 values, not 64 values");
}

}  // namespace heed
