// Translation against transformers: a tiny model of random weights under many settings
// (goldens/make_tiny_marian.py), and a real one in ../shared with transformers' own translations.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "engine/api/library.h"
#include "engine/api/model_impl.h"
#include "engine/decode/seq2seq.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

using Json = nlohmann::json;

/// The tiny model, converted.
class TinyMarian {
 public:
  explicit TinyMarian(const std::string& type = "f32") : file_(directory_ / "tiny.gguf") {
    convert(test_dir() / "convert/goldens/tiny-marian", file_, {.type = type});
  }
  Model load(bool exact = false) const { return Model::load(file_, {.exact = exact}); }

 private:
  TemporaryDirectory directory_;
  std::string file_;
};

Json tiny_golden() {
  return Json::parse(read_file(test_dir() / "models/goldens/tiny-marian.json"));
}

std::vector<std::string> tiny_sources(const Json& golden) {
  std::vector<std::string> sources;
  for (const Json& test : golden["cases"]) sources.push_back(test["source"]);
  return sources;
}

SearchOptions tiny_search(const Json& options) {
  SearchOptions search{.beams = options.value("num_beams", 4),
                       .min_length = options.value("min_length", 0),
                       .max_length = options.value("max_length", 28),
                       .length_penalty = options.value("length_penalty", 1.0),
                       .no_repeat_ngram = options.value("no_repeat_ngram_size", 0),
                       .eos = 0,
                       .forced_eos = 0,
                       .forbidden = {112},
                       .renormalize = options.value("renormalize_logits", false)};
  if (options.contains("early_stopping")) {
    const bool never = options["early_stopping"] == "never";
    search.early_stopping = never ? EarlyStopping::never : EarlyStopping::yes;
  }
  if (options.contains("forced_bos_token_id")) search.forced_bos = options["forced_bos_token_id"];
  return search;
}

using Found = std::vector<std::vector<BeamSearch::Result>>;

Found search_all(const Model& model, const Json& golden, const Json& options, int64_t batch,
                 int threads) {
  const LoadedModel& loaded = model.impl().loaded;
  Seq2Seq seq2seq(loaded.graph, *loaded.weights, *loaded.memory_weights,
                  {.batch = batch, .threads = threads, .search = tiny_search(options)});
  std::vector<std::vector<Token>> sources;
  for (const Json& test : golden["cases"]) sources.push_back(test["ids"]);
  std::vector<Token> prompt = {112};
  for (const Json& token : options.value("prefix", Json::array())) prompt.push_back(token);
  Found found(sources.size());
  seq2seq.translate(sources, prompt, [&](size_t i, std::vector<BeamSearch::Result> results) {
    found[i] = std::move(results);
    return true;
  });
  return found;
}

/// The encoder's output and the decoder's logits of the first cases, one after the other.
std::vector<float> tiny_floats() {
  const std::string bytes = read_file(test_dir() / "models/goldens/tiny-marian.bin");
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

/// Within 1e-4 of what is expected, scaled to the largest of it. Returns its end.
const float* check_close(const std::vector<float>& found, const float* expected) {
  REQUIRE(!found.empty());
  float largest = 0;
  float worst = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    largest = std::max(largest, std::fabs(expected[i]));
    worst = std::max(worst, std::fabs(found[i] - expected[i]));
  }
  CHECK(worst <= 1e-4F * largest);
  return expected + found.size();
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::istringstream text(read_file(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("a tiny model: searches find what transformers' do, under every setting") {
  const Json golden = tiny_golden();
  const TinyMarian tiny;
  for (const bool exact : {false, true}) {
    const Model model = tiny.load(exact);
    for (const Json& search : golden["searches"]) {
      CAPTURE(search["name"]);
      const Found found = search_all(model, golden, search["options"], 3, 2);
      for (size_t i = 0; i < found.size(); ++i) {
        CAPTURE(i);
        const Json& expected = search["results"][i];
        REQUIRE(found[i].size() >= expected.size());
        for (size_t h = 0; h < expected.size(); ++h) {
          const std::vector<Token>& tokens = found[i][h].tokens;
          CHECK(std::vector<Token>(tokens.begin() + 1, tokens.end()) ==
                expected[h][1].get<std::vector<Token>>());
          if (expected.size() == 1) continue;  // greedy: transformers has no score of this kind
          CHECK(found[i][h].score == doctest::Approx(expected[h][0].get<double>()).epsilon(1e-4));
        }
      }
    }
  }
}

TEST_CASE("a tiny model: threads and neighbours in the batch change no bit") {
  const Json golden = tiny_golden();
  const TinyMarian tiny;
  for (const bool exact : {true, false}) {
    const Model model = tiny.load(exact);
    const Found alone = search_all(model, golden, Json::object(), 1, 1);
    for (const int64_t batch : {1, 3, 32}) {
      for (const int threads : {1, 2}) {
        CAPTURE(batch);
        CAPTURE(threads);
        const Found found = search_all(model, golden, Json::object(), batch, threads);
        for (size_t i = 0; i < alone.size(); ++i) {
          REQUIRE(found[i].size() == alone[i].size());
          for (size_t h = 0; h < alone[i].size(); ++h) {
            CHECK(found[i][h].tokens == alone[i][h].tokens);
            if (exact) CHECK(found[i][h].score == alone[i][h].score);
          }
        }
      }
    }
  }
}

TEST_CASE("a tiny model: translations of texts, in order, with their scores") {
  const Json golden = tiny_golden();
  const TinyMarian tiny;
  Session session(tiny.load());
  std::vector<std::string> sources = tiny_sources(golden);
  sources.insert(sources.begin() + 2, {"", " "});
  std::vector<size_t> order;
  const auto all = session.translate(sources, {.hypotheses = 3, .batch = 2},
                                     [&](size_t index, const Translation& translation) {
                                       order.push_back(index);
                                       CHECK(!translation.hypotheses.empty());
                                       return true;
                                     });
  REQUIRE(all.size() == sources.size());
  for (size_t i = 0; i < order.size(); ++i) CHECK(order[i] == i);
  CHECK(order.size() == sources.size());
  CHECK(all[2].text() == "");
  CHECK(all[3].text() == "");
  const Json& expected = golden["searches"][1]["results"][0];  // the file says beam 4
  REQUIRE(all[0].hypotheses.size() == 3);
  for (size_t h = 0; h < 3; ++h) {
    std::vector<Token> tokens = expected[h][1];
    tokens.pop_back();  // its end
    CHECK(all[0].hypotheses[h].tokens == tokens);
    CHECK(all[0].hypotheses[h].text == session.model().tokenizer().decode(tokens));
  }

  size_t seen = 0;
  session.translate(sources, {}, [&](size_t, const Translation&) { return ++seen < 2; });
  CHECK(seen == 2);
  const auto prefixed = session.translate(sources, {.prefix = "Eine Frau"});
  CHECK(prefixed[0].text().starts_with("Eine Frau"));
  CHECK(session.translate(sources)[0].text() == all[0].text());  // nothing of it stays
}

TEST_CASE("a tiny model: the encoder's output and the decoder's logits are transformers'") {
  const Json golden = tiny_golden();
  const std::vector<float> expected = tiny_floats();
  const TinyMarian tiny;
  for (const bool exact : {false, true}) {
    const Model model = tiny.load(exact);
    const LoadedModel& loaded = model.impl().loaded;
    Seq2Seq seq2seq(loaded.graph, *loaded.weights, *loaded.memory_weights,
                    {.search = tiny_search(Json::object())});
    const float* at = expected.data();
    for (size_t i = 0; i < golden["dense"].get<size_t>(); ++i) {
      const Json& test = golden["cases"][i];
      const std::vector<std::vector<Token>> source = {test["ids"]};
      std::vector<std::vector<Token>> target = {test["labels"]};
      target[0].insert(target[0].begin(), 112);
      std::vector<float> encoded, logits;
      const auto look = [&](std::string_view name, const float* values, int64_t width) {
        const auto stride = static_cast<size_t>(width);
        if (name == "enc.blk.1.layer_output_norm") {
          encoded.assign(values, values + source[0].size() * stride);
        }
        if (name == "output") logits.assign(values, values + (target[0].size() - 1) * stride);
      };
      seq2seq.set_trace({.call = look});
      seq2seq.score(source, target);
      at = check_close(encoded, at);
      at = check_close(logits, at);
    }
    CHECK(at == expected.data() + expected.size());
  }
}

TEST_CASE("a tiny model: given translations are scored as transformers' logits say") {
  const Json golden = tiny_golden();
  const TinyMarian tiny;
  const std::vector<float> floats = tiny_floats();
  for (const bool exact : {false, true}) {
    Session session(tiny.load(exact));
    std::vector<std::string> targets;
    for (const Json& test : golden["cases"]) targets.push_back(test["target"]);
    const auto scores = session.score_pairs(tiny_sources(golden), targets);
    const size_t width = golden["width"];
    const size_t vocab = golden["vocab"];
    const float* at = floats.data();
    for (size_t i = 0; i < golden["dense"].get<size_t>(); ++i) {
      at += golden["cases"][i]["ids"].size() * width;  // the encoder's output
      CHECK(scores[i].tokens == golden["cases"][i]["labels"].get<std::vector<Token>>());
      for (size_t t = 0; t < scores[i].tokens.size(); ++t, at += vocab) {
        double sum = 0;
        for (size_t v = 0; v < vocab; ++v) sum += std::exp(static_cast<double>(at[v]));
        const double expected = at[scores[i].tokens[t]] - std::log(sum);
        CHECK(scores[i].logprobs[t] == doctest::Approx(expected).epsilon(1e-4));
      }
    }
    CHECK(at == floats.data() + floats.size());
  }
}

TEST_CASE("a tiny model: what cannot be translated is refused by its number") {
  const TinyMarian tiny;
  Session session(tiny.load());
  std::string longest;
  for (int i = 0; i < 80; ++i) longest += "dog ";
  const std::vector<std::string> texts = {"A man.", longest};
  try {
    session.translate(texts);
    FAIL("translated");
  } catch (const Error& error) {
    CHECK(error.code() == Error::Code::limit);
    CHECK(std::string(error.what()).starts_with("text 2: "));
    CHECK(std::string(error.what()).ends_with(" tokens, the model takes 64"));
  }
  CHECK(session.translate(texts, {.truncate = true}).size() == 2);
  CHECK_THROWS_WITH_AS(session.translate(texts, {.hypotheses = 5}),
                       "5 hypotheses: expected 1 to 4, the beam size", Error);
  CHECK_THROWS_AS(session.translate(texts, {.beam_size = 0}), Error);
  CHECK_THROWS_WITH_AS(session.translate({}, {.max_length = 65}),
                       "max_length of 65 tokens: the model was made for 64", Error);
  CHECK_THROWS_AS(
      session.translate(std::span(texts).first(1), {.max_length = 3, .prefix = "Ein M"}), Error);
  CHECK_THROWS_AS(session.score_pairs(texts, std::span(texts).first(1)), Error);
  CHECK_THROWS_WITH_AS(session.score_pairs(std::span(texts).first(1), std::span(texts).last(1)),
                       doctest::Contains("target 1: "), Error);
  CHECK_THROWS_AS(session.embed(texts), Error);
  CHECK_THROWS_AS(session.eval(std::vector<Token>{1}), Error);
  Session decoder(Model::load(test_dir() / "models/goldens/tiny-llama.gguf"));
  CHECK_THROWS_AS(decoder.translate(texts), Error);
  CHECK_THROWS_AS(decoder.score_pairs(texts, texts), Error);
}

TEST_CASE("the real model translates 1,000 captions as transformers does") {
  const auto source = test_dir() / "../../shared/models/marian-multi30k-en-de";
  const auto captions = shared_data("multi30k-test2016.en");
  if (!captions) return;
  const char* isa = std::getenv("HEED_ISA");
  if (!std::filesystem::exists(source) || (isa && std::string(isa) == "scalar")) {
    MESSAGE("skipped: no " << source.string() << ", or the scalar kernels");
    return;
  }
  const std::vector<std::string> lines = lines_of(*captions);
  const TemporaryDirectory directory;
  const std::string file = directory / "marian.gguf";
  convert(source, file, {.type = "f32"});
  Session session(Model::load(file));
  for (const int beams : {1, 4}) {
    const auto reference =
        lines_of(source / (beams == 1 ? "reference.greedy.de" : "reference.beam4.de"));
    REQUIRE(reference.size() == lines.size());
    const auto found = session.translate(lines, {.beam_size = beams});
    int equal = 0;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (found[i].text() == reference[i]) {
        ++equal;
        continue;
      }
      const auto scores = session.score_pairs(std::vector<std::string>{lines[i], lines[i]},
                                              std::vector{found[i].text(), reference[i]});
      double means[2] = {0, 0};
      for (size_t side = 0; side < 2; ++side) {
        for (const double p : scores[side].logprobs) means[side] += p;
        means[side] /= static_cast<double>(scores[side].logprobs.size());
      }
      MESSAGE("beam " << beams << ", line " << i + 1 << ": " << means[0] << " " << found[i].text()
                      << "\n  reference: " << means[1] << " " << reference[i]);
    }
    MESSAGE("beam " << beams << ": " << equal << " of " << lines.size() << " lines equal");
    CHECK(equal >= 990);
  }
}

}  // namespace heed
