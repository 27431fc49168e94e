#include "engine/decode/encoder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "engine/core/error.h"
#include "engine/kernels/kernels.h"
#include "tests/support/tiny_model.h"

namespace heed {
namespace {

std::vector<std::vector<Token>> some_sequences() {
  std::vector<std::vector<Token>> sequences;
  for (const int64_t length : {5, 1, 33, 16, 70, 17}) {
    auto& sequence = sequences.emplace_back(length);
    for (int64_t i = 0; i < length; ++i) sequence[i] = static_cast<Token>((i * i + length) % 90);
  }
  return sequences;
}

std::vector<float> embed(const TinyModel& model, std::span<const std::vector<Token>> sequences,
                         int threads, Pooling pooling = Pooling::model) {
  Encoder encoder(model.graph(), model.weights(), {.rows = 256, .threads = threads});
  std::vector<float> out(sequences.size() * encoder.width());
  encoder.run(sequences, out.data(), pooling);
  return out;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace

TEST_CASE("a batch equals each sequence alone, and any threads give the same bits") {
  const auto sequences = some_sequences();
  for (const Isa isa : machine_isas()) {
    CAPTURE(to_string(isa));
    for (const DType type : {DType::f32, DType::bf16, DType::q8_0}) {
      CAPTURE(info(type).name);
      const TinyModel model(tiny_encoder(), type, kernels(isa), false, /*many_rows=*/true);
      const std::vector<float> batch = embed(model, sequences, 2);
      CHECK(same_bits(batch, embed(model, sequences, 1)));
      CHECK(same_bits(batch, embed(model, sequences, 3)));
      for (size_t i = 0; i < sequences.size(); ++i) {
        CHECK(same_bits(embed(model, std::span(sequences).subspan(i, 1), 2),
                        std::span(batch).subspan(i * 64, 64)));
      }
    }
  }
}

TEST_CASE("matrices of different types read what each other wrote") {
  const auto sequences = some_sequences();
  for (const Isa isa : machine_isas()) {
    CAPTURE(to_string(isa));
    for (const char* floats : {"ffn_up", "ffn_down"}) {
      INFO("in f32: ", std::string(floats));
      const auto model = [&](bool exact) {
        return TinyModel(tiny_encoder(), DType::q8_0, kernels(isa), exact, /*many_rows=*/true,
                         floats);
      };
      const TinyModel mixed = model(false), exact = model(true);
      const std::vector<float> batch = embed(mixed, sequences, 2);
      CHECK(same_bits(batch, embed(mixed, sequences, 1)));
      CHECK(same_bits(batch, embed(mixed, sequences, 3)));
      const std::vector<float> expected = embed(exact, sequences, 2);
      for (size_t i = 0; i < batch.size(); ++i) {
        CHECK(std::abs(batch[i] - expected[i]) < 0x1p-5f);
      }
    }
  }
}

TEST_CASE(
    "many rows of floats: any threads give the same bits, and all is close to the exact ones") {
  const auto sequences = some_sequences();
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
    CAPTURE(info(type).name);
    const TinyModel exact(tiny_encoder(), type, kernels(preferred_isa()), /*exact=*/true);
    const TinyModel model(tiny_encoder(), type, kernels(preferred_isa()), false,
                          /*many_rows=*/true);
    const std::vector<float> expected = embed(exact, sequences, 2);
    const std::vector<float> batch = embed(model, sequences, 2);
    CHECK(same_bits(batch, embed(model, sequences, 1)));
    CHECK(same_bits(batch, embed(model, sequences, 3)));
    // 16-bit weights may be multiplied in bf16, which has 8 bits.
    const float tolerance = type == DType::f32 ? 1e-5f : 0x1p-5f;
    for (size_t i = 0; i < batch.size(); ++i) {
      CHECK(std::abs(batch[i] - expected[i]) < tolerance);
    }
  }
}

TEST_CASE("many sequences: threads that share them out give the bits of one that does not") {
  std::vector<std::vector<Token>> sequences;
  for (int64_t i = 0; i < 120; ++i) {
    sequences.emplace_back(static_cast<size_t>(1 + i * 37 % 70), static_cast<Token>(i % 90));
  }
  for (const DType type : {DType::f32, DType::bf16, DType::q8_0}) {
    CAPTURE(info(type).name);
    const TinyModel model(tiny_encoder(), type, kernels(preferred_isa()), false,
                          /*many_rows=*/true);
    const auto embed_all = [&](int threads) {
      Encoder encoder(model.graph(), model.weights(), {.threads = threads});
      std::vector<float> out(sequences.size() * encoder.width());
      std::vector<int64_t> done;
      encoder.run_all(sequences, out.data(),
                      {.progress = [&](int64_t count) { done.push_back(count); }});
      CHECK(std::ranges::is_sorted(done));
      CHECK(done.back() == std::ssize(sequences));
      return out;
    };
    const std::vector<float> expected = embed_all(1);
    CHECK(same_bits(embed_all(2), expected));
    CHECK(same_bits(embed_all(3), expected));
  }
}

TEST_CASE("many sequences: what ends one thread's work ends that of all") {
  const TinyModel model(tiny_encoder(), DType::f32, kernels(Isa::scalar));
  std::vector<std::vector<Token>> sequences(100, std::vector<Token>(70, 1));
  Encoder encoder(model.graph(), model.weights(), {.threads = 2});
  std::vector<float> out(sequences.size() * encoder.width());
  int calls = 0;
  const PassOptions stopping{.progress = [&](int64_t) {
    ++calls;
    throw std::runtime_error("enough");
  }};
  CHECK_THROWS_WITH_AS(encoder.run_all(sequences, out.data(), stopping), "enough",
                       std::runtime_error);
  CHECK(calls == 1);
  sequences[99] = {90};
  CHECK_THROWS_WITH_AS(encoder.run_all(sequences, out.data(), {}), "token 90: expected 0 to 89",
                       Error);
  const std::atomic<bool> cancelled = true;
  encoder.set_cancel(&cancelled);
  sequences[99] = {1};
  CHECK_THROWS_WITH_AS(encoder.run_all(sequences, out.data(), {}), "cancelled", Error);
}

TEST_CASE("pooling is the caller's to choose") {
  const TinyModel model(tiny_encoder(), DType::f32, kernels(Isa::scalar));
  const std::vector<std::vector<Token>> one = {{7}};
  const std::vector<std::vector<Token>> many = {{7, 8, 9}};
  CHECK(same_bits(embed(model, one, 1, Pooling::cls), embed(model, one, 1, Pooling::last)));
  CHECK(same_bits(embed(model, many, 1), embed(model, many, 1, Pooling::mean)));
  CHECK_FALSE(same_bits(embed(model, many, 1, Pooling::cls), embed(model, many, 1, Pooling::last)));
}

TEST_CASE("what cannot be embedded is refused") {
  const TinyModel model(tiny_encoder(), DType::f32, kernels(Isa::scalar));
  Encoder encoder(model.graph(), model.weights(), {.rows = 100});
  std::vector<float> out(64 * 8);
  const auto run = [&](const std::vector<std::vector<Token>>& s) { encoder.run(s, out.data()); };
  CHECK_THROWS_WITH_AS(run({std::vector<Token>(71)}), "a sequence of 71 tokens: the model takes 70",
                       Error);
  CHECK_THROWS_WITH_AS(run({{1}, {}}), "a sequence of no tokens: expected at least one", Error);
  CHECK_THROWS_WITH_AS(run({{1, 90}}), "token 90: expected 0 to 89", Error);
  CHECK_THROWS_WITH_AS(run({std::vector<Token>(70), std::vector<Token>(70)}),
                       "140 tokens in one pass: at most 100", Error);
  run({});
}

}  // namespace heed
