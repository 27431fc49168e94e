// Small models of random weights against what transformers computes for them (goldens/make_*.py).
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/api/library.h"
#include "tests/convert/model_directory.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

nlohmann::json golden(const std::string& name) {
  return nlohmann::json::parse(read_file(test_dir() / "models/goldens" / name));
}

std::string model(const std::string& name) {
  return (test_dir() / "models/goldens" / name).string();
}

/// Largest difference over the largest expected value.
class Distance {
 public:
  void add(float found, float expected) {
    most_ = std::max(most_, std::abs(found - expected));
    largest_ = std::max(largest_, std::abs(expected));
  }
  float value() const { return most_ / largest_; }

 private:
  float most_ = 0;
  float largest_ = 0;
};

/// How a model runs, and by how much its logits may differ.
struct Cache {
  bool exact;
  KvType kv_type;
  float tolerance;
};
/// F32 rounding; then what keys, values and queries of 11 and of 8 bits come to in two layers.
constexpr std::array kAllCaches = {
    Cache{true, KvType::f32, 1e-5f}, Cache{false, KvType::f32, 1e-5f},
    Cache{false, KvType::f16, 0x1p-9f}, Cache{false, KvType::bf16, 0x1p-6f}};

void check_logits(const std::string& file, const std::string& name, std::span<const Cache> caches) {
  CAPTURE(file);
  CAPTURE(name);
  const auto expected = golden(name + ".json");
  const std::vector<Token> ids = expected["ids"];
  const std::string bytes = read_file(model(name + ".bin"));
  const auto* logits = reinterpret_cast<const float*>(bytes.data());  // [tokens, vocab]
  REQUIRE(bytes.size() == ids.size() * expected["vocab"].get<size_t>() * sizeof(float));
  for (const Cache& c : caches) {
    Session session(Model::load(file, {.exact = c.exact}), {.kv_type = c.kv_type});
    Distance distance;
    session.eval_all(ids, [&](int64_t row, std::span<const float> found) {
      for (size_t k = 0; k < found.size(); ++k) {
        distance.add(found[k], logits[row * found.size() + k]);
      }
    });
    CHECK(distance.value() < c.tolerance);
  }
}

}  // namespace

TEST_CASE("tiny decoders: logits of every token are transformers'") {
  // From llama.cpp's converter; then what ours makes of directories.
  check_logits(model("tiny-llama.gguf"), "tiny-llama", kAllCaches);
  const TemporaryDirectory directory;
  const std::string file = directory / "model.gguf";
  for (const std::string name : {"tiny-llama", "tiny-gpt2", "tiny-qwen2"}) {
    convert(ModelDirectory::golden(name), file, {.type = "f32"});
    check_logits(file, name, kAllCaches);
  }
}

TEST_CASE("positions scaled as Llama 3.1 does, by the names that older checkpoints have") {
  const ModelDirectory source("tiny-llama");
  source.edit_json("config.json", [](nlohmann::json& config) {
    config.erase("rope_parameters");
    config["rope_theta"] = 10000.0;
    config["rope_scaling"] = {{"rope_type", "llama3"},
                              {"factor", 8.0},
                              {"low_freq_factor", 1.0},
                              {"high_freq_factor", 4.0},
                              {"original_max_position_embeddings", 32}};
  });
  convert(source.path(), source.out(), {.type = "f32"});
  check_logits(source.out().string(), "tiny-llama3", std::span(kAllCaches).first(2));
}

TEST_CASE("tiny-bert: ids and pooled vectors are transformers'") {
  const auto expected = golden("tiny-bert.json");
  for (const bool exact : {true, false}) {
    const Model bert = Model::load(model("tiny-bert.gguf"), {.exact = exact});
    CHECK(bert.info().kind == ModelKind::encoder);
    Session session(bert);
    std::vector<std::string> texts;
    for (const auto& c : expected["cases"]) {
      CHECK(bert.tokenizer().encode(c["text"].get<std::string>()) ==
            c["ids"].get<std::vector<Token>>());
      texts.push_back(c["text"]);
    }
    const Embeddings found = session.embed(texts, {.normalize = false});
    REQUIRE(found.width == expected["width"].get<int64_t>());
    Distance distance;
    for (int64_t r = 0; r < found.rows; ++r) {
      const auto& pooled = expected["cases"][r]["pooled"];
      for (int64_t i = 0; i < found.width; ++i) {
        distance.add(found.values[r * found.width + i], pooled[i]);
      }
    }
    CHECK(distance.value() < 1e-5f);
  }
}

TEST_CASE("many texts are cut by all threads: the same vectors, and the first error of all") {
  const Model bert = Model::load(model("tiny-bert.gguf"));
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) {
    std::string& text = texts.emplace_back("the");
    for (int word = 0; word < i % 7; ++word) text += word % 2 != 0 ? " a" : " b";
  }
  const Embeddings alone = Session(bert, {.threads = 1}).embed(texts);
  for (const int threads : {2, 3}) {
    Session session(bert, {.threads = threads});
    CHECK(session.embed(texts).values == alone.values);
    std::vector<std::string> refused = texts;
    for (const size_t place : {14, 49}) {
      for (int i = 0; i < 1000; ++i) refused[place] += " a";
    }
    CHECK_THROWS_WITH_AS(session.embed(refused), doctest::Contains("text 15: "), Error);
    CHECK(session.embed(refused, {.truncate = true}).rows == 50);
  }
}

TEST_CASE("a decoder does not embed, an encoder does not generate") {
  Session decoder(Model::load(model("tiny-llama.gguf")));
  Session encoder(Model::load(model("tiny-bert.gguf")));
  CHECK_THROWS_AS(decoder.embed(std::vector<std::string>{"a"}), Error);
  CHECK_THROWS_AS(encoder.eval(std::vector<Token>{1}), Error);
  CHECK_THROWS_AS(Session(Model::load(model("tiny-bert.gguf"), {.vocabulary_only = true})), Error);
}

TEST_CASE("a conversation that goes on keeps what the cache holds") {
  const Model llama = Model::load(model("tiny-llama.gguf"));
  Session session(llama);
  std::vector<Token> prompt(golden("tiny-llama.json")["ids"]);
  const GenerateOptions options{.max_tokens = 6, .ignore_eos = true};
  const Generation first = session.generate(prompt, options);
  CHECK(first.tokens.size() == 6);
  CHECK(first.cached_tokens == 0);
  CHECK(first.reason == StopReason::max_tokens);
  prompt.insert(prompt.end(), first.tokens.begin(), first.tokens.end());
  prompt.push_back(5);
  const Generation second = session.generate(prompt, options);
  CHECK(second.cached_tokens == static_cast<int64_t>(prompt.size()) - 2);
  Session fresh(llama);
  CHECK(fresh.generate(prompt, options).tokens == second.tokens);
}

TEST_CASE("an answer ends with the context, and a prompt that fills it is refused") {
  Session session(Model::load(model("tiny-llama.gguf")), {.context = 16});
  const std::vector<Token> prompt(10, 7);
  const Generation answer = session.generate(prompt, {.ignore_eos = true});
  CHECK(answer.reason == StopReason::context_full);
  CHECK(answer.tokens.size() == 7);
  CHECK_THROWS_WITH_AS(session.generate(std::vector<Token>(16, 7)),
                       "a prompt of 16 tokens leaves no room for an answer in a context of 16",
                       Error);
}

}  // namespace heed
