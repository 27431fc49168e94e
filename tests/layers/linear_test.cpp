#include "engine/layers/linear.h"

#include <array>
#include <cmath>

#include "engine/kernels/pack.h"
#include "engine/quant/quant.h"
#include "tests/layers/step_bench.h"

namespace heed {
namespace {

/// A matrix of given rows, packed for the scalar table.
struct Packed {
  AlignedBytes bytes;
  Panels panels;

  Packed(DType type, int64_t columns, const std::vector<float>& values, bool in_parts = false)
      : bytes(1 << 18),
        panels{.type = type,
               .rows = static_cast<int64_t>(values.size()) / columns,
               .columns = columns,
               .panel_bytes = in_parts ? panel_bytes_in_parts(columns)
                                       : kernels(Isa::scalar).panel_bytes(type, columns),
               .data = bytes.data(),
               .in_parts = in_parts} {
    REQUIRE(panels.count() * panels.panel_bytes <= 1 << 18);
    std::vector<std::byte> file(static_cast<size_t>(panels.rows * row_bytes(type, columns)));
    quantize_row(type, values.data(), file.data(), static_cast<int64_t>(values.size()));
    for (int64_t p = 0; p < panels.count(); ++p) {
      const int64_t first = p * kPanelRows;
      const int64_t count = std::min<int64_t>(kPanelRows, panels.rows - first);
      const std::byte* rows = file.data() + first * row_bytes(type, columns);
      std::byte* panel = bytes.data() + p * panels.panel_bytes;
      in_parts ? pack_parts(rows, count, columns, panel)
               : kernels(Isa::scalar).pack(type, rows, count, columns, panel);
    }
  }
};

/// Runs a step whose shared input lies in the arena, as the plan would have it.
void run(StepBench& bench, LinearStep step, int threads = 2) {
  const int64_t rows = bench.pass.rows();
  step.shared_input = bench.take(step.input_bytes(rows));
  bench.run(step, step.scratch_bytes(kernels(Isa::scalar), rows), threads);
}

}  // namespace

TEST_CASE("rows times a matrix, with bias, activation and sum") {
  const Packed w(DType::f32, 2, {1, 2, 3, 4, 5, 6});
  const std::vector<float> bias = {0, -50, 0.5f};
  StepBench bench(2);
  const Buffer x = bench.buffer(2, {1, 10, -1, 0});
  const Buffer y = bench.buffer(3, 1000);
  run(bench, {.in = x, .parts = {{.panels = w.panels}}, .out = y});
  CHECK(bench.values(y) == std::vector<float>{21, 43, 65, -1, -3, -5});
  run(bench, {.in = x,
              .parts = {{.panels = w.panels, .bias = bias.data()}},
              .epilogue = {.activation = Activation::relu, .accumulate = true},
              .out = y});
  CHECK(bench.values(y) == std::vector<float>{42, 43, 130.5f, -1, -3, -5});
}

TEST_CASE("parts write their columns side by side") {
  const Packed q(DType::f32, 2, {1, 0, 0, 1}), k(DType::f32, 2, {10, 0}), v(DType::f32, 2, {0, 7});
  const std::vector<float> bias = {0.5f};
  StepBench bench(2);
  const Buffer x = bench.buffer(2, {1, 2, 3, 4});
  const Buffer y = bench.buffer(4);
  run(bench, {.in = x,
              .parts = {{.panels = q.panels},
                        {.panels = k.panels, .bias = bias.data()},
                        {.panels = v.panels}},
              .out = y});
  CHECK(bench.values(y) == std::vector<float>{1, 2, 10.5f, 14, 3, 4, 30.5f, 28});
}

TEST_CASE("gated: panels of gate and up alternate, the output has half as many columns") {
  std::vector<float> rows(64);  // 4 panels of one column: gate 0-15, up 0-15, gate 16-31, up 16-31
  for (int i = 0; i < 64; ++i) rows[i] = i / 16 % 2 == 0 ? static_cast<float>(i % 16) : 2.0f;
  const Packed w(DType::f32, 1, rows);
  StepBench bench(2);
  const Buffer x = bench.buffer(1, {3, -3});
  const Buffer y = bench.buffer(32);
  run(bench, {.in = x,
              .parts = {{.panels = w.panels}},
              .epilogue = {.activation = Activation::relu, .gated = true},
              .out = y});
  const std::vector<float> found = bench.values(y);
  for (int i = 0; i < 32; ++i) {
    CHECK(found[i] == static_cast<float>(3 * (i % 16) * 6));  // relu(3 gate) * (3 * 2)
    CHECK(found[32 + i] == 0);  // relu is 0 where the input is negative
  }
}

TEST_CASE("the norm in front is applied to each row, whatever the number of rows") {
  const Packed w(DType::f32, 2, {1, 0, 0, 1});
  const std::vector<float> weight = {1, 10};
  const BoundNorm norm{.kind = Norm::Kind::rms, .weight = weight.data()};
  for (const int64_t rows : {1, 4, 5, 40}) {  // prepared by each thread for itself, then together
    CAPTURE(rows);
    StepBench bench(rows);
    std::vector<float> values, expected;
    for (int64_t r = 0; r < rows; ++r) {
      const float scale = static_cast<float>(r + 1);
      values.insert(values.end(), {scale, -7 * scale});
      expected.insert(expected.end(), {0.2f, -14});
    }
    const Buffer x = bench.buffer(2, values);
    const Buffer y = bench.buffer(2);
    run(bench, {.in = x, .norm = norm, .parts = {{.panels = w.panels}}, .out = y});
    const std::vector<float> found = bench.values(y);
    for (size_t i = 0; i < found.size(); ++i) CHECK(found[i] == doctest::Approx(expected[i]));
    CHECK(bench.values(x) == values);
  }
}

TEST_CASE("only the wanted rows, gathered") {
  const Packed w(DType::f32, 2, {1, 1});
  for (const std::vector<int64_t>& wanted :
       {std::vector<int64_t>{}, {4}, {0, 2}, {0, 1, 2, 3, 4, 5}}) {
    StepBench bench(6);
    const Buffer x = bench.buffer(2, {1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0});
    bench.set_wanted(wanted);
    std::vector<float> out(7, -77);
    bench.pass.out = out.data();
    run(bench, {.in = x,
                .wanted_only = true,
                .parts = {{.panels = w.panels}},
                .out = {.offset = -1, .width = 1}});
    for (size_t i = 0; i < out.size(); ++i) {
      CHECK(out[i] == (i < wanted.size() ? static_cast<float>(wanted[i] + 1) : -77));
    }
  }
}

TEST_CASE("a wider input than the matrix is read to the matrix's columns") {
  const Packed w(DType::f32, 2, {1, 1});
  StepBench bench(2);
  const Buffer x = bench.buffer(3, {1, 2, 1e9f, 3, 4, 1e9f});
  const Buffer y = bench.buffer(1);
  run(bench, {.in = x, .parts = {{.panels = w.panels}}, .out = y});
  CHECK(bench.values(y) == std::vector<float>{3, 7});
}

TEST_CASE("fine: what rounding the input loses is multiplied as well") {
  constexpr int64_t kColumns = 64, kRows = 1100;  // more columns of output than are made at a time
  const std::vector<float> weights = random_values(kRows * kColumns, 1);
  const Packed w(DType::q8_0, kColumns, weights);
  std::vector<std::byte> file(static_cast<size_t>(kRows * row_bytes(DType::q8_0, kColumns)));
  quantize_row(DType::q8_0, weights.data(), file.data(), kRows * kColumns);
  std::vector<float> exact(weights.size());
  dequantize_row(DType::q8_0, file.data(), exact.data(), kRows * kColumns);
  const std::vector<float> bias = random_values(kRows, 3);
  for (const int64_t rows : {1, 3, 9}) {
    CAPTURE(rows);
    const std::vector<float> values = random_values(rows * kColumns, 2);
    double worst[2] = {};
    for (const bool fine : {false, true}) {
      StepBench bench(rows);
      const Buffer x = bench.buffer(kColumns, values);
      const Buffer y = bench.buffer(kRows);
      run(bench,
          {.in = x, .fine = fine, .parts = {{.panels = w.panels, .bias = bias.data()}}, .out = y});
      const std::vector<float> found = bench.values(y);
      for (int64_t i = 0; i < rows * kRows; ++i) {
        double sum = bias[i % kRows];
        for (int64_t k = 0; k < kColumns; ++k) {
          sum += double{values[i / kRows * kColumns + k]} * exact[i % kRows * kColumns + k];
        }
        worst[fine] = std::max(worst[fine], std::abs(sum - found[i]));
      }
    }
    // The second rounding has steps of 1 / 248 of the first's or less: half a step, over 124.
    CHECK(worst[true] < worst[false] / 100);
  }
}

TEST_CASE("one thread and three make the same bits") {
  const Packed w(DType::q4_0, 64, random_values(83 * 64, 1));
  std::vector<float> one;
  for (const int threads : {1, 2, 3}) {
    StepBench bench(13);
    const Buffer x = bench.buffer(64, random_values(13 * 64, 2));
    const Buffer y = bench.buffer(83);
    run(bench, {.in = x, .parts = {{.panels = w.panels}}, .out = y}, threads);
    if (threads == 1) one = bench.values(y);
    CHECK(bench.values(y) == one);
  }
}

TEST_CASE("rows in tiles are multiplied with the panels made for them, others not") {
  const Packed few(DType::q8_0, 64, random_values(48 * 64, 5));
  const Packed many(DType::bf16, 64, random_values(48 * 64, 6));
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    for (const int64_t rows : {4, 40}) {
      const auto product = [&](const LinearPart& part) {
        StepBench bench(rows, k);
        const Buffer x = bench.buffer(64, random_values(rows * 64, 7));
        const Buffer y = bench.buffer(48);
        LinearStep step{.in = x, .parts = {part}, .out = y};
        step.shared_input = bench.take(step.input_bytes(rows));
        bench.run(step, step.scratch_bytes(k, rows), 2);
        return bench.values(y);
      };
      const bool tiles = k.matmul_input(DType::q8_0, 64, rows) == InputForm::bf16_tiles;
      CHECK(product({.panels = few.panels, .for_tiles = many.panels}) ==
            product({.panels = tiles ? many.panels : few.panels}));
    }
  }
}

TEST_CASE("threads that share a tile of rows make the same bits") {
  const Packed halves(DType::bf16, 64, random_values(83 * 64, 3));
  const Packed parts(DType::f32, 64, random_values(83 * 64, 3), /*in_parts=*/true);
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    for (int i = 0; i < (k.has_tiles ? 8 : 4); ++i) {
      const int64_t rows = std::array{1, 9, 35, 150}[i % 4];
      const Packed& w = i < 4 ? halves : parts;
      std::vector<float> one;
      for (const int threads : {1, 2, 3}) {
        StepBench bench(rows, k);
        const Buffer x = bench.buffer(64, random_values(rows * 64, 4));
        const Buffer y = bench.buffer(83);
        LinearStep step{.in = x, .parts = {{.panels = w.panels, .many_rows = true}}, .out = y};
        step.shared_input = bench.take(step.input_bytes(rows));
        bench.run(step, step.scratch_bytes(k, rows), threads);
        if (threads == 1) one = bench.values(y);
        CHECK(bench.values(y) == one);
      }
    }
  }
}

}  // namespace heed
