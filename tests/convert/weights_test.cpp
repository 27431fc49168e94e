#include "engine/convert/weights.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/quant/quant.h"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

/// A checkpoint with one tensor, and what becomes of it.
struct OneTensor {
  TemporaryDirectory directory;
  Shape shape;

  template <typename T>
  OneTensor(Shape s, const std::vector<T>& values) : shape(std::move(s)) {
    const char* dtype = sizeof(T) == 8 ? "F64" : sizeof(T) == 4 ? "F32" : "F16";
    const std::string bytes(reinterpret_cast<const char*>(values.data()),
                            values.size() * sizeof(T));
    write_safetensors(directory / "model.safetensors", {{"source", {dtype, shape, bytes}}});
  }

  std::vector<float> as(DType type, int threads, std::span<const float> importance = {}) const {
    const Checkpoint weights = Checkpoint::open(directory / "model.safetensors");
    const PlannedTensor tensor = {.source = weights.find("source"),
                                  .target = {"target", type, shape},
                                  .importance = importance};
    GgufWriter writer(directory / "out.gguf", Metadata(), std::span(&tensor.target, 1));
    ThreadTeam team(threads);
    const auto read = [&](const TensorView& source, int64_t offset, std::span<std::byte> out) {
      weights.copy(source, offset, out);
    };
    write_weights(std::span(&tensor, 1), read, team, writer, {});
    writer.commit();
    const GgufFile file = GgufFile::open(directory / "out.gguf");
    std::vector<float> values(static_cast<size_t>(element_count(shape)));
    dequantize_row(type, file.require("target").data.data(), values.data(), std::ssize(values));
    return values;
  }
};

std::vector<float> some_values(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i)) * 3;
  return values;
}

}  // namespace

TEST_CASE("tensors of many pieces, with a rest") {
  // Two threads take 16 pieces of 65,536 values each between two writes.
  constexpr int64_t kRows = 1100;
  constexpr int64_t kWidth = 2080;
  const std::vector<float> values = some_values(kRows * kWidth);
  const OneTensor tensor({kRows, kWidth}, values);
  CHECK(tensor.as(DType::f32, 2) == values);
  std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(DType::q8_0, std::ssize(values))));
  quantize_row(DType::q8_0, values.data(), bytes.data(), std::ssize(values));
  std::vector<float> expected(values.size());
  dequantize_row(DType::q8_0, bytes.data(), expected.data(), std::ssize(expected));
  CHECK(tensor.as(DType::q8_0, 2) == expected);
  CHECK(tensor.as(DType::q8_0, 3) == expected);
}

TEST_CASE("every row is weighed by the importance of the columns") {
  constexpr int64_t kRows = 50;
  constexpr int64_t kWidth = 4096;  // 16 rows a piece
  const std::vector<float> values = some_values(kRows * kWidth);
  std::vector<float> importance(kWidth);
  for (size_t i = 0; i < importance.size(); ++i) importance[i] = static_cast<float>(i % 7);
  std::vector<float> expected(values.size());
  std::vector<std::byte> row(static_cast<size_t>(row_bytes(DType::q4_k, kWidth)));
  for (int64_t at = 0; at < kRows * kWidth; at += kWidth) {
    quantize_row(DType::q4_k, values.data() + at, row.data(), kWidth, importance);
    dequantize_row(DType::q4_k, row.data(), expected.data() + at, kWidth);
  }
  const OneTensor tensor({kRows, kWidth}, values);
  CHECK(tensor.as(DType::q4_k, 2, importance) == expected);
  CHECK(tensor.as(DType::q4_k, 2) != expected);
}

TEST_CASE("rows longer than a piece, and vectors") {
  const std::vector<float> values = some_values(3 * 100'000);
  CHECK(OneTensor({3, 100'000}, values).as(DType::f32, 2) == values);
  CHECK(OneTensor({300'000}, values).as(DType::f32, 2) == values);
}

TEST_CASE("F64 is rounded to F32 first") {
  const std::vector<double> values = {1.0 / 3, -1e30, 65504.0, 0x1.fffffffp10};
  CHECK(OneTensor({2, 2}, values).as(DType::f32, 1) ==
        std::vector<float>{1.0f / 3, -1e30f, 65504, 0x1p11f});
  CHECK(OneTensor({2, 2}, values).as(DType::bf16, 1)[3] == 2048);
}

TEST_CASE("what keeps its type is copied, whatever it holds") {
  const std::vector<uint16_t> halves = {0x7c00, 0x7e01, 0x3c00, 0xfc00};  // infinities, a NaN
  const OneTensor tensor({2, 2}, halves);
  const std::vector<float> values = tensor.as(DType::f16, 2);
  CHECK(values[0] == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(values[1]));
  const std::string file = read_text(tensor.directory / "out.gguf");
  const auto* data = reinterpret_cast<const char*>(halves.data());
  CHECK(file.find(std::string(data, 8)) != file.npos);
}

TEST_CASE("a source that is cut short meanwhile is named") {
  const OneTensor tensor({1000, 1000}, some_values(1'000'000));
  const auto path = tensor.directory / "model.safetensors";
  const Checkpoint weights = Checkpoint::open(path);
  std::filesystem::resize_file(path, 2'000'000);
  const PlannedTensor planned = {weights.find("source"), {"target", DType::f16, {1000, 1000}}};
  const auto read = [&](const TensorView& source, int64_t offset, std::span<std::byte> out) {
    weights.copy(source, offset, out);
  };
  GgufWriter writer(tensor.directory / "out.gguf", Metadata(), std::span(&planned.target, 1));
  ThreadTeam team(2);
  CHECK_THROWS_WITH(write_weights(std::span(&planned, 1), read, team, writer, {}),
                    doctest::Contains("model.safetensors' shrank while it was read: expected at"));
}

TEST_CASE("values that a type cannot hold are named with their place") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  struct Misfit {
    float value;
    const char* text;
    std::vector<DType> types;
  };
  const Misfit misfits[] = {
      {std::nanf(""), "nan", {DType::f16, DType::bf16, DType::q8_0, DType::q4_0}},
      {-kInfinity, "-inf", {DType::f16, DType::bf16, DType::q8_0, DType::q4_0}},
      {65520, "65520", {DType::f16}},
      {std::numeric_limits<float>::max(), "3.40282e+38", {DType::f16, DType::bf16}}};
  for (const Misfit& misfit : misfits) {
    std::vector<float> values = some_values(3 * 64);
    values[64 + 7] = misfit.value;
    const OneTensor tensor({3, 64}, values);
    for (const DType type : misfit.types) {
      const std::string sentence = cat("tensor 'source': the value ", misfit.text,
                                       " at [1, 7] does not fit into type ", info(type).name);
      CHECK_THROWS_WITH_AS(tensor.as(type, 2), sentence.c_str(), Error);
    }
    const std::vector<float> same = tensor.as(DType::f32, 2);
    CHECK(std::memcmp(same.data(), values.data(), values.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("the largest values that do fit") {
  std::vector<float> values = some_values(64);
  values[3] = std::nextafter(65520.0f, 0.0f);
  CHECK(OneTensor({2, 32}, values).as(DType::f16, 1)[3] == 65504);
  values[3] = 0x1.fep127f;
  CHECK(OneTensor({2, 32}, values).as(DType::bf16, 1)[3] == 0x1.fep127f);
}

}  // namespace heed
