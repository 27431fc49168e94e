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

  explicit OneTensor(Shape s, const std::vector<float>& values) : shape(std::move(s)) {
    const std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * 4);
    write_safetensors(directory / "model.safetensors", {{"source", {"F32", shape, bytes}}});
  }

  std::vector<float> as(DType type, int threads) const {
    const Checkpoint weights = Checkpoint::open(directory / "model.safetensors");
    const PlannedTensor tensor = {weights.find("source"), {"target", type, shape}};
    GgufWriter writer(directory / "out.gguf", Metadata(), std::span(&tensor.target, 1));
    ThreadTeam team(threads);
    write_weights(std::span(&tensor, 1), weights, team, writer, {});
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
