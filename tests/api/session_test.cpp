// Sessions at the edges of what they take: nothing half done, nothing read past its end.
#include <doctest/doctest.h>

#include "engine/api/library.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

Model tiny_llama() {
  return Model::load((test_dir() / "models/goldens/tiny-llama.gguf").string());
}

using Tokens = std::vector<Token>;

}  // namespace

TEST_CASE("score refuses ids outside the vocabulary, the last of all as well") {
  Session session(tiny_llama());
  CHECK(session.score(Tokens{1, 2, 3}).size() == 2);
  CHECK_THROWS_WITH_AS(session.score(Tokens{1, 2, 96}), "token 96: expected 0 to 95", Error);
  CHECK_THROWS_WITH_AS(session.score(Tokens{1, -1}), "token -1: expected 0 to 95", Error);
  CHECK(session.position() == 0);
}

TEST_CASE("the end of one window is scored by the next") {
  Session windows(tiny_llama(), {.context = 4});
  Session whole(tiny_llama());
  const Tokens tokens = {5, 6, 7, 8, 9, 10, 11};
  const std::vector<double> scores = windows.score(tokens);
  REQUIRE(scores.size() == 6);
  const std::vector<double> first = whole.score(Tokens(tokens.begin(), tokens.begin() + 5));
  const std::vector<double> second = whole.score(Tokens(tokens.begin() + 4, tokens.end()));
  for (size_t i = 0; i < 4; ++i) CHECK(scores[i] == doctest::Approx(first[i]).epsilon(1e-3));
  for (size_t i = 0; i < 2; ++i) CHECK(scores[4 + i] == doctest::Approx(second[i]).epsilon(1e-3));
}

TEST_CASE("a prompt that is refused leaves the cache as it was") {
  Session session(tiny_llama(), {.context = 8});
  session.eval(Tokens{1, 2, 3});
  CHECK_THROWS_AS(session.generate(Tokens{1, 96}), Error);
  CHECK_THROWS_AS(session.generate(Tokens(8, 1)), Error);
  CHECK_THROWS_AS(session.generate(Tokens{}), Error);
  CHECK_THROWS_AS(session.eval(Tokens{4, 96}), Error);
  CHECK_THROWS_AS(session.eval(Tokens(6, 1)), Error);
  CHECK(session.position() == 3);
}

TEST_CASE("a caller who wants no more text gets no more") {
  const Model model = tiny_llama();
  Session session(model);
  const Tokens the = model.tokenizer().encode(" the", {.add_special = false});
  REQUIRE(the.size() == 1);
  int calls = 0;
  // The "e" is held back, since a stop text may begin with it.
  const Generation answer = session.generate(
      Tokens{5}, {.max_tokens = 4, .sampling = {.logit_bias = {{the[0], 1e6f}}}, .stop = {"eX"}},
      [&](std::string_view) { return ++calls < 1; });
  CHECK(answer.reason == StopReason::callback);
  CHECK(answer.text == " th");
  CHECK(calls == 1);
}

TEST_CASE("sessions on one model do not disturb each other") {
  const Model model = tiny_llama();
  Session a(model), b(model);
  const Tokens x = {1, 2, 3, 4}, y = {9, 8, 7};
  const std::span<const float> logits = a.eval(x);
  const std::vector<float> alone(logits.begin(), logits.end());
  a.rewind(2);
  b.eval(y);
  const std::span<const float> again = a.eval(std::span(x).subspan(2));
  for (size_t i = 0; i < alone.size(); ++i) {
    CHECK(again[i] == doctest::Approx(alone[i]).epsilon(0.02));
  }
  CHECK(b.position() == 3);
}

TEST_CASE("work is that of the passes which eval makes") {
  Session session(tiny_llama(), {.context = 64, .ubatch = 8});
  const Work all = session.work(4, 20);
  Work parts = session.work(4, 8);
  parts += session.work(12, 8);
  parts += session.work(20, 4);
  CHECK(all.passes == 3);
  // The parts made one by one go through the head each: the same work for each row of it.
  Work head = session.work(0, 1);
  head += session.work(0, 1);
  CHECK(parts.passes == 3);
  CHECK(all.operations() < parts.operations());
  CHECK(all.operations() > parts.operations() - head.operations());
  CHECK(all.bytes < parts.bytes);
  CHECK(session.work(0, 0).passes == 0);
  CHECK(session.position() == 0);
}

TEST_CASE("work of an encoder is that of one text; that of a translation is not known before") {
  const Session encoder(Model::load((test_dir() / "models/goldens/tiny-bert.gguf").string()));
  const Work one = encoder.work(0, 7);
  CHECK(one.passes == 1);
  CHECK(one.bytes > 0);
  // Matrices take as much for each token, attention more for each of a longer text.
  CHECK(encoder.work(0, 14).operations() > 2 * one.operations());
  const TemporaryDirectory directory;
  const std::string marian = directory / "marian.gguf";
  convert(test_dir() / "convert/goldens/tiny-marian", marian);
  const Session translator(Model::load(marian));
  CHECK_THROWS_WITH_AS(translator.work(0, 7),
                       doctest::Contains("work needs a decoder or an encoder"), Error);
}

}  // namespace heed
