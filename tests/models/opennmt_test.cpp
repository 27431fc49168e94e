// Translation against CTranslate2: models as OpenNMT-py trains them, with norms before the layers,
// converted from CTranslate2's directories (tests/convert/goldens/make_tiny_opennmt_ct2.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/api/library.h"
#include "engine/api/model_impl.h"
#include "engine/decode/seq2seq.h"
#include "engine/format/gguf.h"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

/// A directory that CTranslate2 made, converted, and what CTranslate2 makes of some texts.
class OpenNmt {
 public:
  explicit OpenNmt(const std::string& name, const std::string& type = "f32") : directory_(name) {
    for (const char* file : {"source.spm", "target.spm"}) {
      std::filesystem::copy(ModelDirectory::golden("tiny-marian") / file, directory_.path());
    }
    golden_ = Json::parse(read_text(directory_ / "translations.json"));
    directory_.remove("translations.json");
    convert(directory_.path(), directory_.out(), {.type = type});
  }

  Model load(bool exact = false) const { return Model::load(directory_.out(), {.exact = exact}); }
  GgufFile file() const { return GgufFile::open(directory_.out()); }
  const Json& golden() const { return golden_; }

  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const Json& test : golden_["cases"]) texts.push_back(test["text"]);
    return texts;
  }

  /// The ids of pieces in the vocabulary of a side ("source").
  std::vector<Token> ids(const std::string& side, const Json& pieces) const {
    const bool shared = std::filesystem::exists(directory_ / "shared_vocabulary.json");
    const Json list =
        Json::parse(read_text(directory_ / ((shared ? "shared" : side) + "_vocabulary.json")));
    const Json unknown = "<unk>";
    std::vector<Token> ids;
    for (const Json& piece : pieces) {
      auto it = std::ranges::find(list, piece);
      if (it == list.end()) it = std::ranges::find(list, unknown);
      ids.push_back(static_cast<Token>(it - list.begin()));
    }
    return ids;
  }

 private:
  ModelDirectory directory_;
  Json golden_;
};

constexpr const char* kDirectories[] = {"tiny-opennmt-ct2", "tiny-argos-ct2"};

/// CTranslate2 ends a search when there are as many hypotheses as beams, and does not count the
/// token that a translation begins with.
TranslateOptions options_of(const OpenNmt& model, const Json& search) {
  return {.beam_size = search["beam_size"],
          .hypotheses = search["num_hypotheses"],
          .length_penalty = search.value("length_penalty", 1.0),
          .max_length = model.golden()["max_length"].get<int64_t>() + 1,
          .early_stopping = EarlyStopping::yes};
}

}  // namespace

TEST_CASE("OpenNMT's models: texts become CTranslate2's tokens") {
  for (const char* name : kDirectories) {
    CAPTURE(name);
    const OpenNmt tiny(name);
    const Model model = tiny.load();
    for (const Json& test : tiny.golden()["cases"]) {
      const std::string text = test["text"];
      CAPTURE(text);
      CHECK(model.tokenizer().encode(text) == tiny.ids("source", test["pieces"]));
    }
  }
}

TEST_CASE("OpenNMT's models: searches find what CTranslate2's do, with its scores") {
  for (const char* name : kDirectories) {
    CAPTURE(name);
    const OpenNmt tiny(name);
    for (const bool exact : {false, true}) {
      Session session(tiny.load(exact));
      for (const Json& search : tiny.golden()["searches"]) {
        CAPTURE(search["options"]);
        const auto found = session.translate(tiny.texts(), options_of(tiny, search["options"]));
        for (size_t i = 0; i < found.size(); ++i) {
          CAPTURE(i);
          const Json& expected = search["results"][i];
          REQUIRE(found[i].hypotheses.size() == expected.size());
          for (size_t h = 0; h < expected.size(); ++h) {
            std::vector<Token> tokens = tiny.ids("target", expected[h][1]);
            if (expected[h][1].back() == "</s>") tokens.pop_back();
            CHECK(found[i].hypotheses[h].tokens == tokens);
            CHECK(found[i].hypotheses[h].score ==
                  doctest::Approx(expected[h][0].get<double>()).epsilon(1e-4));
          }
        }
      }
    }
  }
}

TEST_CASE("OpenNMT's models: given translations are scored as CTranslate2 does") {
  for (const char* name : kDirectories) {
    CAPTURE(name);
    const OpenNmt tiny(name);
    const Model model = tiny.load();
    const LoadedModel& loaded = model.impl().loaded;
    SearchOptions search;
    search.max_length = 32;
    search.eos = *model.tokenizer().eos();
    Seq2Seq seq2seq(loaded.graph, *loaded.weights, *loaded.memory_weights, {.search = search});
    for (const Json& test : tiny.golden()["cases"]) {
      Json target = test["target"];
      target.insert(target.begin(), "<s>");
      target.push_back("</s>");
      const std::vector<std::vector<Token>> sources = {tiny.ids("source", test["pieces"])};
      const std::vector<std::vector<Token>> targets = {tiny.ids("target", target)};
      const std::vector<double> scores = seq2seq.score(sources, targets)[0];
      REQUIRE(scores.size() == test["log_probs"].size());
      for (size_t i = 0; i < scores.size(); ++i) {
        CHECK(scores[i] == doctest::Approx(test["log_probs"][i].get<double>()).epsilon(1e-4));
      }
    }
    Session session(model);
    const auto pairs =
        session.score_pairs(std::vector<std::string>{"a"}, std::vector<std::string>{"Ein Mann"});
    CHECK(pairs[0].tokens.back() == model.tokenizer().eos());  // which a source does not have
  }
}

TEST_CASE("OpenNMT's models: what their files say") {
  const GgufFile separate = OpenNmt("tiny-opennmt-ct2").file();
  const Metadata& metadata = separate.metadata();
  CHECK(metadata.require<std::string>("marian.normalization") == "before");
  CHECK(metadata.require<std::string>("marian.positions") == "interleaved");
  CHECK(metadata.require<std::string>("marian.embeddings") == "separate");
  CHECK(metadata.require<uint32_t>("marian.decoder_start_token_id") == 2);
  CHECK(metadata.require<bool>("tokenizer.ggml.add_eos_token") == false);
  const auto& sources = metadata.require<std::vector<std::string>>("tokenizer.heed.source_tokens");
  const auto& targets = metadata.require<std::vector<std::string>>("tokenizer.ggml.tokens");
  CHECK(sources.size() != targets.size());
  CHECK(separate.require("enc.token_embd.weight").shape.front() == std::ssize(sources));
  CHECK(separate.require("token_embd.weight").shape.front() == std::ssize(targets));
  CHECK(separate.require("output.weight").shape.front() == std::ssize(targets));

  const GgufFile shared = OpenNmt("tiny-argos-ct2").file();
  CHECK(shared.metadata().require<std::string>("marian.embeddings") == "shared");
  CHECK(!shared.metadata().contains("tokenizer.heed.source_tokens"));
  CHECK(shared.find("enc.token_embd.weight") == nullptr);
  CHECK(shared.find("output.weight") == nullptr);
}

TEST_CASE("OpenNMT's models with rounded weights still translate") {
  for (const char* name : kDirectories) {
    Session session(OpenNmt(name, "q8_0").load());
    const auto found = session.translate(std::vector<std::string>{"A man.", "a"});
    CHECK(!found[0].hypotheses.empty());
  }
}

}  // namespace heed
