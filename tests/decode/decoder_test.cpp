#include "engine/decode/decoder.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "engine/core/error.h"
#include "engine/kernels/kernels.h"
#include "tests/support/tiny_model.h"

namespace heed {
namespace {

std::vector<Token> some_tokens(int64_t count, int64_t vocab) {
  std::vector<Token> tokens(count);
  for (int64_t i = 0; i < count; ++i) tokens[i] = static_cast<Token>((i * 37 + 11) % vocab);
  return tokens;
}

using Logits = std::vector<float>;

/// Logits of every token, evaluated `at_once` at a time.
std::vector<Logits> run(const TinyModel& model, std::span<const Token> tokens, int64_t at_once,
                        int threads, KvType kv_type, int64_t ubatch = 90) {
  Decoder decoder(model.graph(), model.weights(),
                  {.context = 100, .ubatch = ubatch, .threads = threads, .kv_type = kv_type});
  std::vector<Logits> all;
  for (size_t i = 0; i < tokens.size(); i += at_once) {
    const size_t count = std::min<size_t>(at_once, tokens.size() - i);
    decoder.eval_all(tokens.subspan(i, count), [&](int64_t, std::span<const float> logits) {
      all.emplace_back(logits.begin(), logits.end());
    });
  }
  return all;
}

bool same_bits(const std::vector<Logits>& a, const std::vector<Logits>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0) return false;
  }
  return true;
}

/// Largest difference over the largest value.
float distance(const std::vector<Logits>& a, const std::vector<Logits>& b) {
  float most = 0;
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a[i].size(); ++j) {
      most = std::max(most, std::abs(a[i][j] - b[i][j]));
      largest = std::max(largest, std::abs(b[i][j]));
    }
  }
  return most / largest;
}

}  // namespace

TEST_CASE("prefill equals steps and any threads give the same bits, on every ISA") {
  const std::vector<Token> tokens = some_tokens(90, 130);
  for (const Isa isa : machine_isas()) {
    CAPTURE(to_string(isa));
    for (const auto& types : {std::pair{DType::f32, KvType::bf16},
                              {DType::q4_1, KvType::bf16},
                              {DType::q8_0, KvType::bf16},
                              {DType::f32, KvType::q8},
                              {DType::q4_1, KvType::q8}}) {
      const DType type = types.first;
      const KvType kv = types.second;
      CAPTURE(info(type).name);
      CAPTURE(static_cast<int>(kv));
      const TinyModel model(tiny_decoder(), type, kernels(isa));
      const auto whole = run(model, tokens, 90, 1, kv);
      CHECK(same_bits(whole, run(model, tokens, 90, 2, kv)));
      CHECK(same_bits(whole, run(model, tokens, 90, 3, kv)));
      CHECK(same_bits(whole, run(model, tokens, 90, 2, kv, /*ubatch=*/30)));
      const auto steps = run(model, tokens, 1, 2, kv);
      CHECK(same_bits(steps, run(model, tokens, 7, 1, kv)));
      // Tiles of bf16 take many rows where there are such; what is left is that type's rounding.
      const bool one_form = model.weights().kernels().matmul_input(type, 256, 1) ==
                            model.weights().kernels().matmul_input(type, 256, kManyRows);
      if (one_form) {
        CHECK(same_bits(whole, steps));
        CHECK(same_bits(whole, run(model, tokens, 90, 2, kv, /*ubatch=*/64)));
      } else {
        CHECK(distance(whole, steps) < 0.05f);
      }
    }
  }
}

TEST_CASE("a long past is shared by keys: close to prefill, any threads give the same bits") {
  Graph graph = tiny_decoder();
  graph.dims.context = 1200;
  const std::vector<Token> tokens = some_tokens(1100, 130);
  for (const Isa isa : machine_isas()) {
    CAPTURE(to_string(isa));
    const TinyModel model(graph, DType::f32, kernels(isa));
    const auto last_rows = [&](int threads, int64_t at_once, KvType kv_type) {
      Decoder decoder(model.graph(), model.weights(),
                      {.context = 1200, .threads = threads, .kv_type = kv_type});
      decoder.eval(std::span(tokens).first(1000));  // two parts are whole, one is not
      std::vector<Logits> rows;
      for (size_t i = 1000; i < tokens.size(); i += static_cast<size_t>(at_once)) {
        const size_t count = std::min<size_t>(static_cast<size_t>(at_once), tokens.size() - i);
        decoder.eval_all(std::span(tokens).subspan(i, count),
                         [&](int64_t, std::span<const float> logits) {
                           rows.emplace_back(logits.begin(), logits.end());
                         });
      }
      return rows;
    };
    for (const KvType kv : {KvType::bf16, KvType::q8}) {
      CAPTURE(static_cast<int>(kv));
      const auto steps = last_rows(1, 1, kv);
      CHECK(same_bits(steps, last_rows(2, 1, kv)));
      CHECK(same_bits(steps, last_rows(3, 1, kv)));
      CHECK(same_bits(steps, last_rows(2, 3, kv)));
      CHECK(distance(steps, last_rows(2, 100, kv)) < 2e-3f);  // weights of values are rounded
    }
    CHECK(same_bits(last_rows(2, 1, KvType::f32), last_rows(2, 100, KvType::f32)));
  }
}

TEST_CASE("exact: the same bits in any grouping, and close to the scalar kernels on every ISA") {
  const std::vector<Token> tokens = some_tokens(40, 130);
  const TinyModel reference(tiny_decoder(), DType::q4_0, kernels(Isa::scalar), /*exact=*/true);
  const auto expected = run(reference, tokens, 40, 1, KvType::f32);
  for (const Isa isa : machine_isas()) {
    CAPTURE(to_string(isa));
    const TinyModel model(tiny_decoder(), DType::q4_0, kernels(isa), /*exact=*/true);
    const auto whole = run(model, tokens, 40, 2, KvType::f32);
    CHECK(same_bits(whole, run(model, tokens, 1, 1, KvType::f32)));
    CHECK(distance(whole, expected) < 1e-5f);
    const TinyModel fast(tiny_decoder(), DType::q4_0, kernels(isa));
    CHECK(distance(run(fast, tokens, 40, 2, KvType::bf16), expected) < 0.05f);
    CHECK(distance(run(fast, tokens, 40, 2, KvType::q8), expected) < 0.05f);
  }
}

TEST_CASE("eval gives the last row of eval_all, and rewinding forgets") {
  // F32: one row gets the bits that it gets among many, with any table.
  const TinyModel model(tiny_decoder(), DType::f32, kernels(preferred_isa()));
  const std::vector<Token> tokens = some_tokens(20, 130);
  const auto all = run(model, tokens, 20, 1, KvType::f16);
  Decoder decoder(model.graph(), model.weights(), {.context = 30, .kv_type = KvType::f16});
  const auto last = [&](std::span<const Token> more) {
    const auto logits = decoder.eval(more);
    return std::vector<Logits>{{logits.begin(), logits.end()}};
  };
  CHECK(same_bits(last(tokens), {all.back()}));
  decoder.rewind(5);
  CHECK(decoder.position() == 5);
  const std::vector<Token> other(10, 3);
  decoder.eval(other);
  decoder.rewind(5);
  CHECK(same_bits(last(std::span(tokens).subspan(5)), {all.back()}));
}

TEST_CASE("several decoders share one model's weights") {
  const TinyModel model(tiny_decoder(), DType::q4_1, kernels(preferred_isa()));
  const std::vector<Token> a = some_tokens(12, 130);
  const std::vector<Token> b(12, 5);
  Decoder first(model.graph(), model.weights(), {.context = 50});
  Decoder second(model.graph(), model.weights(), {.context = 50});
  for (size_t i = 0; i < a.size(); ++i) {
    first.eval(std::span(a).subspan(i, 1));
    second.eval(std::span(b).subspan(i, 1));
  }
  const auto alone = run(model, a, 12, 1, KvType::bf16);
  first.rewind(11);
  const auto logits = first.eval(std::span(a).last(1));
  CHECK(std::memcmp(logits.data(), alone.back().data(), logits.size_bytes()) == 0);
}

TEST_CASE("what cannot be evaluated is refused before any work, with both numbers") {
  const TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar));
  Decoder decoder(model.graph(), model.weights(), {.context = 10});
  const std::vector<Token> five = some_tokens(5, 130);
  decoder.eval(five);
  CHECK_THROWS_WITH_AS(decoder.eval(some_tokens(6, 130)),
                       "11 tokens (5 in the cache, 6 new) do not fit into a context of 10", Error);
  CHECK(decoder.position() == 5);
  CHECK_THROWS_WITH_AS(decoder.eval(std::vector<Token>{130}), "token 130: expected 0 to 129",
                       Error);
  CHECK_THROWS_AS(decoder.eval({}), Error);
  CHECK_THROWS_AS(decoder.rewind(6), Error);
  CHECK_THROWS_WITH_AS(Decoder(model.graph(), model.weights(), {.context = 129}),
                       "context of 129 tokens: the model was made for 128", Error);
}

TEST_CASE("every step is traced by name") {
  const TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar));
  Decoder decoder(model.graph(), model.weights(), {.context = 10, .threads = 2});
  std::vector<std::string> names;
  const auto look = [&](std::string_view name, const float* values, int64_t) {
    names.emplace_back(name);
    if (!name.empty()) CHECK(std::isfinite(values[0]));  // before the first step there are none
  };
  decoder.set_trace({.call = look});
  decoder.eval(some_tokens(2, 130));
  CHECK(names == std::vector<std::string>{
                     "", "token_embd", "blk.0.attn_qkv", "blk.0.attn", "blk.0.attn_output",
                     "blk.0.ffn_gate_up", "blk.0.ffn_down", "blk.1.attn_qkv", "blk.1.attn",
                     "blk.1.attn_output", "blk.1.ffn_gate_up", "blk.1.ffn_down", "output"});
}

TEST_CASE("a trace that wants no values changes none") {
  const TinyModel model(tiny_decoder(), DType::q8_0, kernels(preferred_isa()));
  const std::vector<Token> tokens = some_tokens(60, 130);
  const auto logits_of = [&](const Trace& trace) {
    Decoder decoder(model.graph(), model.weights(), {.context = 60});
    decoder.set_trace(trace);
    const std::span<const float> logits = decoder.eval(tokens);
    return std::vector<float>(logits.begin(), logits.end());
  };
  size_t calls = 0;
  const auto count = [&](std::string_view, const float* values, int64_t) {
    CHECK(!values);
    ++calls;
  };
  CHECK(logits_of({.call = count, .values = false}) == logits_of({}));
  CHECK(calls == 13);
}

}  // namespace heed
