#include "engine/quant/quant.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "engine/core/error.h"

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
    CAPTURE(info(*type).name);
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

TEST_CASE("f32 rows are copied") {
  const std::vector<float> row = {1.5f, -0.0f, 3e38f};
  std::vector<std::byte> bytes(row_bytes(DType::f32, 3));
  std::vector<float> back(3);
  quantize_row(DType::f32, row.data(), bytes.data(), 3);
  dequantize_row(DType::f32, bytes.data(), back.data(), 3);
  CHECK(bits_of(back) == bits_of(row));
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
