#include "engine/layers/attention.h"

#include <cmath>
#include <cstring>

#include "engine/decode/kv_cache.h"
#include "tests/layers/step_bench.h"

namespace heed {
namespace {

constexpr int64_t kHeads = 4, kKvHeads = 2, kHeadDim = 2;
constexpr int64_t kWidth = (kHeads + 2 * kKvHeads) * kHeadDim;

/// Rows of queries and keys of zero: every key that is seen weighs the same. The values of row r of
/// kv head h are (r, 100 h).
std::vector<float> equal_rows(int64_t rows) {
  std::vector<float> qkv(static_cast<size_t>(rows * kWidth));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t h = 0; h < kKvHeads; ++h) {
      float* value = &qkv[r * kWidth + (kHeads + kKvHeads + h) * kHeadDim];
      value[0] = static_cast<float>(r);
      value[1] = static_cast<float>(100 * h);
    }
  }
  return qkv;
}

AttentionStep make_step(StepBench& bench, const std::vector<float>& qkv, Mask mask) {
  return {.heads = kHeads,
          .kv_heads = kKvHeads,
          .head_dim = kHeadDim,
          .mask = mask,
          .qkv = bench.buffer(kWidth, qkv),
          .out = bench.buffer(kHeads * kHeadDim)};
}

void run(StepBench& bench, const AttentionStep& step) {
  bench.run(step, step.scratch_bytes(kernels(Isa::scalar), bench.pass.kv_type, bench.pass.rows()));
}

/// Row `row` of the output is the mean of the values of rows [first, last), of each query's kv
/// head.
void check_mean(const std::vector<float>& out, int64_t row, int64_t first, int64_t last) {
  CAPTURE(row);
  for (int64_t h = 0; h < kHeads; ++h) {
    const float* found = &out[(row * kHeads + h) * kHeadDim];
    CHECK(found[0] == doctest::Approx(0.5 * static_cast<double>(first + last - 1)));
    CHECK(found[1] == doctest::Approx(h < 2 ? 0.0 : 100.0));  // two query heads share a kv head
  }
}

}  // namespace

TEST_CASE("a causal query sees itself and what came before, within its own sequence") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::f16, KvType::q8}) {
    StepBench bench(40);
    bench.pass.kv_type = type;
    bench.set_sequences({37, 1, 2});
    const AttentionStep step = make_step(bench, equal_rows(40), Mask::causal);
    run(bench, step);
    const std::vector<float> out = bench.values(step.out);
    for (int64_t r = 0; r < 37; ++r) check_mean(out, r, 0, r + 1);
    check_mean(out, 37, 37, 38);
    check_mean(out, 38, 38, 39);
    check_mean(out, 39, 38, 40);
  }
}

TEST_CASE("without a mask a query sees the whole sequence") {
  StepBench bench(36);
  bench.pass.kv_type = KvType::f32;
  bench.set_sequences({33, 3});
  const AttentionStep step = make_step(bench, equal_rows(36), Mask::none);
  run(bench, step);
  const std::vector<float> out = bench.values(step.out);
  for (int64_t r = 0; r < 36; ++r) r < 33 ? check_mean(out, r, 0, 33) : check_mean(out, r, 33, 36);
}

TEST_CASE("a query takes the value whose key it matches") {
  StepBench bench(3);
  bench.pass.kv_type = KvType::f32;
  std::vector<float> qkv = equal_rows(3);
  for (int64_t r = 0; r < 3; ++r) {
    float* row = &qkv[r * kWidth];
    row[0] = r == 2 ? 1.f : 0.f;  // head 0 looks for (1, 0): kv head 0 has it in row 1
    row[kHeads * kHeadDim] = r == 1 ? 1.f : 0.f;
  }
  AttentionStep step = make_step(bench, qkv, Mask::none);
  step.scale = 200;
  run(bench, step);
  const std::vector<float> out = bench.values(step.out);
  CHECK(out[2 * kHeads * kHeadDim] == doctest::Approx(1));        // row 2, head 0: row 1's value
  CHECK(out[(2 * kHeads + 1) * kHeadDim] == doctest::Approx(1));  // head 1: the mean of 0, 1, 2
  CHECK(out[0] == doctest::Approx(1));
}

TEST_CASE("rotary positions: scores depend on the distance alone, values are not turned") {
  StepBench bench(3);
  bench.pass.kv_type = KvType::f32;
  std::vector<float> qkv = equal_rows(3);
  for (int64_t r = 0; r < 3; ++r) {
    for (int64_t h = 0; h < kHeads + kKvHeads; ++h) qkv[r * kWidth + h * kHeadDim] = 1;
  }
  AttentionStep step = make_step(bench, qkv, Mask::causal);
  step.rope = std::make_shared<const std::vector<float>>(rope_table({.dims = 2}, 3, {}));
  step.rope_dims = 2;
  run(bench, step);
  const std::vector<float> out = bench.values(step.out);
  const double w0 = std::exp(std::cos(2.0)), w1 = std::exp(std::cos(1.0)), w2 = std::exp(1.0);
  for (int64_t h = 0; h < kHeads; ++h) {
    CHECK(out[(2 * kHeads + h) * kHeadDim] == doctest::Approx((w1 + 2 * w2) / (w0 + w1 + w2)));
  }
}

TEST_CASE("to a memory: every row sees all of its own sequence's tokens, whatever its position") {
  const KvShape shape{.layers = 2, .kv_heads = kKvHeads, .head_dim = kHeadDim};
  const KvCache first(shape, KvType::f32, 48), second(shape, KvType::f32, 48);
  {
    StepBench bench(40);
    bench.set_sequences({37, 3});
    bench.set_memory({&first.view(), &second.view()}, {0, 0});
    const std::vector<float> rows = equal_rows(40);  // k | v are its last columns
    std::vector<float> kv;
    for (int64_t r = 0; r < 40; ++r) {
      kv.insert(kv.end(), rows.begin() + r * kWidth + kHeads * kHeadDim,
                rows.begin() + (r + 1) * kWidth);
    }
    const Buffer made = bench.buffer(2 * kKvHeads * kHeadDim, kv);
    bench.run(MemoryStep{.kv_heads = kKvHeads, .head_dim = kHeadDim, .cache_layer = 1, .kv = made},
              0);
  }
  StepBench bench(35);
  bench.set_sequences({1, 34}, nullptr, 5);
  bench.set_memory({&second.view(), &first.view()}, {3, 37});
  const AttentionStep step{.heads = kHeads,
                           .kv_heads = kKvHeads,
                           .head_dim = kHeadDim,
                           .memory = true,
                           .cache_layer = 1,
                           .qkv = bench.buffer(kHeads * kHeadDim, 0),
                           .out = bench.buffer(kHeads * kHeadDim)};
  run(bench, step);
  const std::vector<float> out = bench.values(step.out);
  check_mean(out, 0, 37, 40);
  for (int64_t r = 1; r < 35; ++r) check_mean(out, r, 0, 37);
}

TEST_CASE("rows of one sequence that part ways: each sees its own past in the cache they share") {
  const KvCache cache({.layers = 1, .kv_heads = kKvHeads, .head_dim = kHeadDim}, KvType::f32, 48);
  const auto check = [&](const std::vector<int32_t>& cells, const std::vector<float>& values,
                         const std::vector<std::vector<uint16_t>>& masks, int64_t used,
                         const std::vector<double>& means) {
    const auto rows = static_cast<int64_t>(cells.size());
    StepBench bench(rows);
    bench.set_sequences({rows}, &cache.view());
    std::vector<const uint16_t*> visible;
    for (const std::vector<uint16_t>& mask : masks) visible.push_back(mask.data());
    bench.set_cells(cells, visible, used);
    bench.pass.kv_type = KvType::f32;
    std::vector<float> qkv = equal_rows(rows);
    for (int64_t r = 0; r < rows; ++r) {
      qkv[r * kWidth + (kHeads + kKvHeads) * kHeadDim] = values[r];  // of kv head 0
    }
    const AttentionStep step = make_step(bench, qkv, Mask::causal);
    run(bench, step);
    const std::vector<float> out = bench.values(step.out);
    for (int64_t r = 0; r < rows; ++r) {
      CHECK(out[r * kHeads * kHeadDim] == doctest::Approx(means[r]));
    }
  };
  // One token; two that go on from it; three, of which two go on from the second; last one whose
  // cell, taken again, lies below its parent's.
  check({0}, {8}, {{0b1}}, 1, {8});
  check({1, 2}, {2, 4}, {{0b011}, {0b101}}, 3, {5, 6});
  check({3, 17, 18}, {6, 0, 3}, {{0b1101, 0}, {0b0101, 0b10}, {0b0011, 0b100}}, 19,
        {6, 4, 13.0 / 3});
  check({2}, {100}, {{0b0111, 0b100}}, 19, {113.0 / 4});
}

TEST_CASE("with a cache: many rows at once, then one by one, in the layer's own place") {
  KvCache cache({.layers = 2, .kv_heads = kKvHeads, .head_dim = kHeadDim}, KvType::f32, 48);
  const std::vector<float> all = equal_rows(40);
  for (const int64_t layer : {1, 0}) {
    for (int64_t begin = 0, count = 37; begin < 40; begin += count, count = 1) {
      StepBench bench(count);
      bench.set_sequences({count}, &cache.view(), static_cast<int32_t>(begin));
      AttentionStep step =
          make_step(bench, {all.begin() + begin * kWidth, all.begin() + (begin + count) * kWidth},
                    Mask::causal);
      step.cache_layer = layer;
      bench.pass.kv_type = KvType::f32;
      run(bench, step);
      const std::vector<float> out = bench.values(step.out);
      std::vector<float> placed(static_cast<size_t>(begin * kHeads * kHeadDim));
      placed.insert(placed.end(), out.begin(), out.end());
      for (int64_t r = begin; r < begin + count; ++r) check_mean(placed, r, 0, r + 1);
    }
  }
}

TEST_CASE("without a cache: a sequence's bits depend on no other, be it short or long") {
  constexpr int64_t kThree = 3, kWide = 32, kIn = 3 * kThree * kWide, kOut = kThree * kWide;
  const std::vector<int64_t> lengths = {1, 17, 129, 33, 128, 2};
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    const auto outputs = [&](const std::vector<int64_t>& sequences, const std::vector<float>& qkv) {
      const auto rows = static_cast<int64_t>(qkv.size()) / kIn;
      StepBench bench(rows, k);
      bench.set_sequences(sequences);
      const AttentionStep step{.heads = kThree,
                               .kv_heads = kThree,
                               .head_dim = kWide,
                               .mask = Mask::none,
                               .scale = 0.2F,
                               .qkv = bench.buffer(kIn, qkv),
                               .out = bench.buffer(kOut)};
      bench.run(step, step.scratch_bytes(k, bench.pass.kv_type, rows));
      return bench.values(step.out);
    };
    std::vector<float> all, alone;
    for (const int64_t length : lengths) {
      const std::vector<float> qkv = random_values(length * kIn, static_cast<uint32_t>(length));
      const std::vector<float> out = outputs({length}, qkv);
      all.insert(all.end(), qkv.begin(), qkv.end());
      alone.insert(alone.end(), out.begin(), out.end());
    }
    CHECK(outputs(lengths, all) == alone);
  }
}

TEST_CASE("what one matrix alone reads is written in its form, rounded") {
  constexpr int64_t kTwoHeads = 2, kWide = 32, kOut = kTwoHeads * kWide, kRows = 40;
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    const Matrix w(k, DType::bf16, 16, kOut, 5);
    const LinearPart reader{.panels = w.panels};
    const auto outputs = [&](std::optional<LinearPart> part, Buffer& out) {
      StepBench bench(kRows, k);
      bench.set_sequences({3, 21, 16});
      const Buffer qkv = bench.buffer(3 * kOut, random_values(kRows * 3 * kOut, 6));
      const AttentionStep step{.heads = kTwoHeads,
                               .kv_heads = kTwoHeads,
                               .head_dim = kWide,
                               .mask = Mask::none,
                               .scale = 0.2F,
                               .qkv = qkv,
                               .out = out = bench.buffer(kOut, std::vector<float>(48 * kOut)),
                               .reader = part};
      bench.run(step, step.scratch_bytes(k, bench.pass.kv_type, kRows));
      return bench.values(out, 48);
    };
    Buffer out;
    const std::vector<float> plain = outputs(std::nullopt, out), rounded = outputs(reader, out);
    const InputForm form = reader.input_form(k, kRows);
    const auto* halves = reinterpret_cast<const uint16_t*>(rounded.data());
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < kOut; ++c) {
        const int64_t at = r * kOut + c;
        const float found = form == InputForm::bf16_tiles
                                ? bf16_to_f32(halves[at_in_tiles(r, c, kOut)])
                            : form == InputForm::bf16 ? bf16_to_f32(halves[at])
                                                      : rounded[at];
        const float plainly = plain[static_cast<size_t>(at)];
        CHECK(found == (form == InputForm::f32 ? plainly : bf16_to_f32(f32_to_bf16(plainly))));
      }
    }
  }
}

TEST_CASE("queries, keys and values that were rounded before are those that kernels would round") {
  constexpr int64_t kWide = 32, kIn = 3 * kWide, kRows = 40;
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    if (!k.rounds_queries) continue;
    CAPTURE(k.name);
    std::vector<float> floats = random_values(kRows * kIn, 7);
    std::vector<uint16_t> halves;
    for (const float x : floats) halves.push_back(f32_to_bf16(x));
    const auto outputs = [&](bool rounded) {
      StepBench bench(kRows, k);
      bench.set_sequences({3, 21, 16});
      std::vector<float> rows = floats;
      if (rounded) std::memcpy(rows.data(), halves.data(), halves.size() * sizeof halves[0]);
      const AttentionStep step{.heads = 1,
                               .kv_heads = 1,
                               .head_dim = kWide,
                               .mask = Mask::none,
                               .scale = 0.2F,
                               .qkv = bench.buffer(kIn, rows),
                               .rounded = rounded,
                               .out = bench.buffer(kWide)};
      bench.run(step, step.scratch_bytes(k, bench.pass.kv_type, kRows));
      return bench.values(step.out);
    };
    CHECK(outputs(true) == outputs(false));
  }
}

}  // namespace heed
