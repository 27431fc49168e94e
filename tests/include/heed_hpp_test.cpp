// heed.hpp, which sees nothing of the engine: containers, exceptions, ranges.
#include "heed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <ranges>
#include <stdexcept>
#include <type_traits>

#include "tests/support/temporary_directory.h"

static_assert(!std::is_copy_constructible_v<heed::Model>);
static_assert(std::is_nothrow_move_constructible_v<heed::Session>);
static_assert(std::ranges::input_range<heed::TextStream>);

namespace {

const std::string kLlama = HEED_TEST_DIR "/models/goldens/tiny-llama.gguf";
const std::string kBert = HEED_TEST_DIR "/models/goldens/tiny-bert.gguf";
const std::string kMarian = HEED_TEST_DIR "/convert/goldens/tiny-marian";

heed::Error::Code code_of(const auto& call) {
  try {
    call();
  } catch (const heed::Error& error) {
    CHECK(std::string_view(error.what()) != "");
    return error.code();
  }
  FAIL("nothing was thrown");
  return heed::Error::Code::internal;
}

}  // namespace

TEST_CASE("hpp: a model, its numbers and its text") {
  heed::Model model = heed::Model::load(kLlama, {.threads = 1});
  CHECK(model.info().architecture == "llama");
  CHECK(model.info().kind == heed::ModelKind::decoder);
  CHECK(model.tokenizer().size() == model.info().vocab);
  const heed::Model moved = std::move(model);
  const auto tokens = moved.tokenizer().encode("a the b");
  CHECK(!tokens.empty());
  const auto spans = moved.tokenizer().encode_spans("a the b");
  REQUIRE(spans.size() == tokens.size());
  CHECK(spans.back().end == 7);
  CHECK(moved.tokenizer().decode(tokens) == "a the b");
  CHECK(moved.tokenizer().encode(std::string(5000, 'a')).size() > 100);
  CHECK(moved.tokenizer().encode("", {.add_special = false}).empty());
  CHECK(moved.chat_template().empty());
  CHECK(code_of([&] { moved.chat_prompt({}); }) == heed::Error::Code::unsupported);
  CHECK(code_of([] { heed::Model::load("/no/such/file"); }) == heed::Error::Code::io);
  CHECK(code_of([&] { moved.tokenizer().piece(-1); }) == heed::Error::Code::argument);
}

TEST_CASE("hpp: an answer at once, in pieces and as a range") {
  heed::Session session(heed::Model::load(kLlama), {.threads = 1});  // outlives its model
  const std::vector<heed::Token> prompt = {5, 6, 7};
  const heed::GenerateOptions options{.max_tokens = 10, .ignore_eos = true};
  std::string pieces;
  const heed::Generation whole = session.generate(prompt, options, [&](std::string_view text) {
    pieces += text;
    return true;
  });
  CHECK(whole.tokens.size() == 10);
  CHECK(whole.reason == heed::StopReason::max_tokens);
  CHECK(pieces == whole.text);
  std::string streamed;
  for (const std::string_view text : session.stream(prompt, options)) streamed += text;
  CHECK(streamed == whole.text);
  CHECK(session.answer().tokens == whole.tokens);
  int taken = 0;
  for (const std::string_view text : session.stream(prompt, options) | std::views::take(2)) {
    taken += !text.empty();
  }
  CHECK(taken == 2);
  CHECK(session.score({}).empty());
  CHECK(session.score(prompt).size() == 2);
  heed::Session again = std::move(session);
  CHECK(again.generate(prompt, options).text == whole.text);
}

TEST_CASE("hpp: a conversation is answered as its prompt is") {
  const heed::TemporaryDirectory directory;
  const std::string path = (directory.path() / "chat.gguf").string();
  heed::convert(kLlama, path,
                {.metadata = {{"tokenizer.chat_template",
                               "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}"}},
                 .record = false});
  const heed::Model model = heed::Model::load(path);
  heed::Session session(model, {.threads = 1}), other(model, {.threads = 1});
  const std::vector<heed::Message> messages = {{"system", "a b"}, {"user", "the"}};
  const heed::GenerateOptions options{.max_tokens = 8, .ignore_eos = true};
  std::string streamed;
  const heed::Generation answer = session.chat(messages, options, [&](std::string_view text) {
    streamed += text;
    return true;
  });
  const auto prompt = model.tokenizer().encode(model.chat_prompt(messages), {.add_special = false});
  CHECK(answer.tokens == other.generate(prompt, options).tokens);
  CHECK(answer.prompt_tokens == std::ssize(prompt));
  CHECK(streamed == answer.text);
  CHECK_THROWS_WITH_AS(
      session.chat(messages, options,
                   [](std::string_view) -> bool { throw std::runtime_error("no"); }),
      "no", std::runtime_error);
  heed::Session plain(heed::Model::load(kLlama), {.threads = 1});
  CHECK(code_of([&] { plain.chat(messages); }) == heed::Error::Code::unsupported);
  heed::Session encoder(heed::Model::load(kBert), {.threads = 1});
  CHECK(code_of([&] { encoder.chat(messages); }) == heed::Error::Code::unsupported);
}

TEST_CASE("hpp: what callbacks throw comes out") {
  heed::Session session(heed::Model::load(kLlama), {.threads = 1});
  const std::vector<heed::Token> prompt = {5, 6, 7};
  CHECK_THROWS_WITH_AS(
      session.generate(prompt, {.max_tokens = 5},
                       [](std::string_view) -> bool { throw std::runtime_error("enough"); }),
      "enough", std::runtime_error);
  CHECK_THROWS_AS(session.eval_all(prompt, [](int64_t, auto) { throw 7; }), int);
  CHECK_THROWS_AS(heed::Model::load(kLlama, {.progress = [](int64_t, int64_t) { throw 7; }}), int);
  const heed::Generation stopped =
      session.generate(prompt, {.max_tokens = 5}, [](std::string_view) { return false; });
  CHECK(stopped.reason == heed::StopReason::callback);
}

TEST_CASE("hpp: logits, saved sessions, memory") {
  const heed::Model model = heed::Model::load(kLlama);
  heed::Session session(model, {.context = 64, .threads = 1});
  CHECK(session.memory_bytes() ==
        heed::Session::memory_needed(model, {.context = 64, .threads = 1}));
  const std::vector<heed::Token> prompt = {5, 6, 7};
  session.append(prompt);
  const heed::TemporaryDirectory directory;
  session.save(directory.path() / "state.gguf");
  const auto logits = session.eval(std::vector<heed::Token>{9});
  const std::vector<float> expected(logits.begin(), logits.end());
  heed::Session other(model, {.threads = 2});
  other.restore(directory.path() / "state.gguf");
  CHECK(other.tokens() == prompt);
  CHECK(std::ranges::equal(other.eval(std::vector<heed::Token>{9}), expected));
  CHECK(other.position() == 4);
  CHECK(session.work(0, 4).operations() > 0);
  CHECK(code_of([&] { session.take_profile(); }) == heed::Error::Code::argument);
}

TEST_CASE("hpp: embeddings, translations, scores of pairs, conversion") {
  heed::Session embedder(heed::Model::load(kBert), {.threads = 1});
  const std::vector<std::string> texts = {"a b", ""};
  const heed::Embeddings embeddings = embedder.embed(texts);
  CHECK(embeddings.rows == 2);
  CHECK(embeddings.values.size() == static_cast<size_t>(2 * embeddings.width));
  CHECK(embedder.embed({}).values.empty());

  const heed::TemporaryDirectory directory;
  int64_t last = 0, all = 1;
  const std::string report =
      heed::convert(kMarian, directory.path() / "marian.gguf",
                    {.type = "f32", .progress = [&](int64_t done, int64_t of) {
                       last = done;
                       all = of;
                     }});
  CHECK(report.starts_with("{\"quantized\":"));
  CHECK(last == all);
  const heed::Model model = heed::Model::load((directory.path() / "marian.gguf").string());
  heed::Session session(model, {.threads = 1});
  const auto translations = session.translate(texts, {.beam_size = 2, .hypotheses = 2});
  REQUIRE(translations.size() == 2);
  CHECK(translations[0].hypotheses.size() == 2);
  CHECK(translations[0].source_tokens > 0);
  CHECK(translations[1].text().empty());
  const std::vector<std::string> sources = {"a b"}, targets = {"b"};
  const auto scores = session.score_pairs(sources, targets);
  REQUIRE(scores.size() == 1);
  CHECK(scores[0].tokens.size() == scores[0].logprobs.size());
  CHECK(code_of([&] { session.score_pairs(sources, {}); }) == heed::Error::Code::argument);
  CHECK(code_of([&] { session.translate(texts, {.beam_size = 0}); }) ==
        heed::Error::Code::argument);
  last = 0;
  const auto progress = [&](int64_t done, int64_t of) {
    last = done;
    all = of;
  };
  CHECK(heed::verify(model, {.threads = 1, .progress = progress}).find("\"layers\"") !=
        std::string::npos);
  CHECK(last == all);
  CHECK_THROWS_AS(heed::verify(model, {.progress = [](int64_t, int64_t) { throw 7; }}), int);
  CHECK(heed::inspect(kBert).find("\"tensors\"") != std::string::npos);
}
