// Two graphs at work together: the encoder's pass leaves keys and values in each sentence's memory,
// the decoder's passes attend to them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <numeric>

#include "engine/decode/kv_cache.h"
#include "engine/graph/plan.h"
#include "engine/kernels/kernels.h"
#include "tests/support/tiny_model.h"

namespace heed {
namespace {

using Tokens = std::vector<Token>;
using Logits = std::vector<float>;  // [tokens, vocab]

Tokens some_tokens(int64_t count, int64_t seed) {
  Tokens tokens(count);
  for (int64_t i = 0; i < count; ++i) tokens[i] = static_cast<Token>((i * 37 + seed) % 90);
  return tokens;
}

/// A sentence at work: what the encoder made of it, and what the decoder has said so far.
struct Sentence {
  KvCache memory, cache;
  int64_t source_tokens = 0, target_tokens = 0;

  Sentence(const Graph& decoder, KvType type)
      : memory(memory_shape(decoder), type, 70), cache(kv_shape(decoder), type, 70) {}
};

class Translator {
 public:
  Translator(const TinyModel& model, int threads, KvType type)
      : model_(model),
        team_(threads),
        type_(type),
        encoder_(model.memory_weights(), {.rows = kRows,
                                          .wanted = 0,
                                          .positions = 70,
                                          .kv_type = type,
                                          .attended_by = &model.weights()}),
        decoder_(model.weights(),
                 {.rows = kRows, .wanted = kRows, .positions = 70, .kv_type = type}),
        encoder_memory_(encoder_.make_workspace(threads)),
        decoder_memory_(decoder_.make_workspace(threads)) {}

  /// Encodes sources in one pass; the sentences are numbered on.
  void encode(const std::vector<Tokens>& sources) {
    std::vector<int64_t> which;
    for (const Tokens& source : sources) {
      which.push_back(static_cast<int64_t>(sentences_.size()));
      sentences_.emplace_back(model_.graph(), type_).source_tokens =
          static_cast<int64_t>(source.size());
    }
    begin(sources, which, /*encode=*/true);
    encoder_.run(pass_, team_, encoder_memory_);
  }

  /// Appends tokens to the targets of some sentences in one pass; logits of all of them, in order.
  Logits decode(const std::vector<Tokens>& targets, const std::vector<int64_t>& which) {
    begin(targets, which, /*encode=*/false);
    Logits logits(tokens_.size() * 90);
    pass_.out = logits.data();
    decoder_.run(pass_, team_, decoder_memory_);
    return logits;
  }

  const Plan& encoder() const { return encoder_; }
  const Plan& decoder() const { return decoder_; }

 private:
  static constexpr int64_t kRows = 128;

  void begin(const std::vector<Tokens>& texts, const std::vector<int64_t>& which, bool encode) {
    tokens_.clear();
    positions_.clear();
    rows_.clear();
    for (size_t i = 0; i < texts.size(); ++i) {
      Sentence& sentence = sentences_[which[i]];
      SequenceRows rows{.first_row = static_cast<int64_t>(tokens_.size()),
                        .rows = static_cast<int64_t>(texts[i].size()),
                        .memory = &sentence.memory.view(),
                        .memory_tokens = sentence.source_tokens};
      if (!encode) rows.cache = &sentence.cache.view();
      rows_.push_back(rows);
      for (int64_t t = 0; t < rows.rows; ++t) {
        tokens_.push_back(texts[i][t]);
        positions_.push_back(static_cast<int32_t>(encode ? t : sentence.target_tokens++));
      }
    }
    wanted_.resize(encode ? 0 : tokens_.size());
    std::iota(wanted_.begin(), wanted_.end(), 0);
    pass_ = {.tokens = tokens_,
             .positions = positions_,
             .sequences = rows_,
             .wanted = wanted_,
             .kv_type = type_};
  }

  const TinyModel& model_;
  ThreadTeam team_;
  KvType type_;
  Plan encoder_, decoder_;
  Workspace encoder_memory_, decoder_memory_;
  std::deque<Sentence> sentences_;
  Tokens tokens_;
  std::vector<int32_t> positions_;
  std::vector<SequenceRows> rows_;
  std::vector<int64_t> wanted_;
  Pass pass_;
};

const std::vector<Tokens> kSources = {some_tokens(19, 3), some_tokens(1, 8), some_tokens(40, 5)};
const std::vector<Tokens> kTargets = {some_tokens(11, 60), some_tokens(37, 1), some_tokens(2, 44)};

bool same_bits(const Logits& a, const Logits& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Teacher-forced logits of every target, all sentences in one pass.
Logits together(const TinyModel& model, int threads, KvType type) {
  Translator translator(model, threads, type);
  translator.encode(kSources);
  return translator.decode(kTargets, {0, 1, 2});
}

/// The same, a sentence at a time, a token at a time.
Logits alone_by_steps(const TinyModel& model, KvType type) {
  Translator translator(model, 1, type);
  Logits all;
  for (int64_t i = 0; i < 3; ++i) {
    translator.encode({kSources[i]});
    for (const Token token : kTargets[i]) {
      const Logits logits = translator.decode({{token}}, {i});
      all.insert(all.end(), logits.begin(), logits.end());
    }
  }
  return all;
}

}  // namespace

TEST_CASE("exact: steps equal teacher forcing, a batch equals each alone, threads change nothing") {
  for (const Isa isa : machine_isas()) {
    CAPTURE(kernels(isa).name);
    const TinyModel model(tiny_encoder_decoder(), DType::q8_0, kernels(isa), /*exact=*/true);
    const Logits expected = together(model, 1, KvType::f32);
    CHECK(same_bits(expected, together(model, 2, KvType::f32)));
    CHECK(same_bits(expected, together(model, 3, KvType::f32)));
    CHECK(same_bits(expected, alone_by_steps(model, KvType::f32)));
  }
}

TEST_CASE("the fast path: any threads give the same bits, close to the exact ones") {
  const TinyModel reference(tiny_encoder_decoder(), DType::q8_0, kernels(Isa::scalar), true);
  const Logits exact = together(reference, 1, KvType::f32);
  for (const Isa isa : machine_isas()) {
    CAPTURE(kernels(isa).name);
    const TinyModel model(tiny_encoder_decoder(), DType::q8_0, kernels(isa));
    const Logits found = together(model, 1, KvType::bf16);
    CHECK(same_bits(found, together(model, 2, KvType::bf16)));
    CHECK(same_bits(found, together(model, 3, KvType::bf16)));
    float most = 0, largest = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
      most = std::max(most, std::abs(found[i] - exact[i]));
      largest = std::max(largest, std::abs(exact[i]));
    }
    CHECK(most < 0.05f * largest);
  }
}

TEST_CASE("the encoder ends with a product and a step that stores for each layer that attends") {
  const TinyModel model(tiny_encoder_decoder(), DType::f32, kernels(preferred_isa()));
  const Translator translator(model, 1, KvType::f32);
  const auto& steps = translator.encoder().steps();
  REQUIRE(steps.size() >= 4);
  const char* expected[] = {"dec.blk.0.cross_attn_kv", "dec.blk.0.cross_attn_memory",
                            "dec.blk.1.cross_attn_kv", "dec.blk.1.cross_attn_memory"};
  for (size_t i = 0; i < 4; ++i) CHECK(steps[steps.size() - 4 + i].name == expected[i]);
  CHECK(steps[steps.size() - 5].name == "enc.blk.1.layer_output_norm");
  const auto has = [&](std::string_view name) {
    return std::ranges::count(translator.decoder().steps(), name, &Step::name) == 1;
  };
  CHECK(has("dec.blk.1.cross_attn_q"));
  CHECK(has("dec.blk.1.attn_qkv"));
}

}  // namespace heed
