// heed.h does what heed.hpp does; many sessions, saved ones, and what is left behind.
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/api/library.h"
#include "engine/core/mapped_file.h"
#include "tests/c_api/c_api_test.h"
#include "tests/support/bytes.h"
#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("answers, scores and text are those of heed.hpp") {
  const TestModel model;
  const TestSession session(model);
  const Model same = Model::load(tiny_path("tiny-llama.gguf"));
  Session other(same, {.threads = 1});
  const Generation expected = other.generate(kPrompt, {.max_tokens = 12, .ignore_eos = true});
  CHECK(answer(session) == expected.tokens);
  char text[256];
  size_t length = sizeof text;
  REQUIRE(heed_session_answer(session, text, &length) == HEED_OK);
  CHECK(std::string(text, length) == expected.text);

  std::vector<double> logprobs(3);
  size_t count = logprobs.size();
  REQUIRE(heed_score(session, kPrompt.data(), 4, logprobs.data(), &count) == HEED_OK);
  CHECK(logprobs == other.score(kPrompt));

  heed_token tokens[16];
  int64_t ranges[32];
  count = 16;
  REQUIRE(heed_encode(model, "a the b", HEED_TERMINATED, nullptr, tokens, ranges, &count) ==
          HEED_OK);
  const std::vector<TokenSpan> spans = same.tokenizer().encode_spans("a the b");
  REQUIRE(count == spans.size());
  for (size_t i = 0; i < count; ++i) {
    CHECK(tokens[i] == spans[i].id);
    CHECK(ranges[2 * i] == spans[i].begin);
    CHECK(ranges[2 * i + 1] == spans[i].end);
  }
}

TEST_CASE("an answer a piece at a time is the answer at once") {
  const TestModel model;
  const TestSession session(model), other(model);
  const std::vector<heed_token> expected = answer(other);
  char text[256];
  size_t expected_length = sizeof text;
  REQUIRE(heed_session_answer(other, text, &expected_length) == HEED_OK);
  heed_generate_params params;
  heed_generate_params_init(&params);
  params.max_tokens = 12;
  params.ignore_eos = 1;
  const char* piece = nullptr;
  size_t length = 0;
  int32_t more = 1;
  CHECK(heed_generate_next(session, &piece, &length, &more) == HEED_INVALID_ARGUMENT);
  REQUIRE(heed_generate_start(session, kPrompt.data(), 4, &params) == HEED_OK);
  std::string pieces;
  for (more = 1; more != 0;) {
    REQUIRE(heed_generate_next(session, &piece, &length, &more) == HEED_OK);
    pieces.append(piece, length);
  }
  CHECK(pieces == std::string(text, expected_length));
  heed_generation result;
  heed_generation_init(&result);
  REQUIRE(heed_session_generation(session, &result) == HEED_OK);
  CHECK(result.tokens == 12);
  CHECK(result.reason == HEED_STOP_MAX_TOKENS);
  std::vector<heed_token> tokens(12);
  size_t count = 12;
  REQUIRE(heed_session_answer_tokens(session, tokens.data(), &count) == HEED_OK);
  CHECK(tokens == expected);

  // Another call ends what is being made; the answer stays as it was.
  REQUIRE(heed_generate_start(session, kPrompt.data(), 4, &params) == HEED_OK);
  REQUIRE(heed_generate_next(session, &piece, &length, &more) == HEED_OK);
  REQUIRE(heed_rewind(session, 0) == HEED_OK);
  CHECK(heed_generate_next(session, &piece, &length, &more) == HEED_INVALID_ARGUMENT);
  REQUIRE(heed_session_generation(session, &result) == HEED_OK);
  CHECK(result.tokens == 1);
}

TEST_CASE("a model in memory is the model in its file") {
  const std::string path = tiny_path("tiny-llama.gguf");
  const MappedFile file = MappedFile::open(path);
  heed_model* model = nullptr;
  REQUIRE(heed_model_load_memory(file.bytes().data(), file.bytes().size(), nullptr, &model) ==
          HEED_OK);
  {
    const TestModel same;
    const TestSession a(model), b(same);
    CHECK(answer(a) == answer(b));
  }
  heed_model_free(model);
  CHECK(heed_model_load_memory(file.bytes().data() + 1, 100, nullptr, &model) ==
        HEED_INVALID_ARGUMENT);
  CHECK(heed_model_load_memory(file.bytes().data(), 100, nullptr, &model) == HEED_FORMAT);
}

TEST_CASE("the memory a session needs is what it then has") {
  for (const char* name : {"tiny-llama.gguf", "tiny-bert.gguf"}) {
    const TestModel model(tiny_path(name));
    heed_session_params params;
    heed_session_params_init(&params);
    params.threads = 2;
    int64_t bytes = 0;
    REQUIRE(heed_session_memory(model, &params, &bytes) == HEED_OK);
    const TestSession session(model, 2);
    heed_session_info info;
    heed_session_info_init(&info);
    REQUIRE(heed_session_get_info(session, &info) == HEED_OK);
    CHECK(bytes == info.memory_bytes);
    CHECK(bytes > 0);
  }
}

TEST_CASE("10,000 sessions, opened and closed") {
  const TestModel model;
  for (int i = 0; i < 10'000; ++i) {
    const TestSession session(model, 1, 16);
    if (i % 1000 == 0) CHECK(answer(session, 4).size() == 4);
  }
}

TEST_CASE("1,000 bad files are refused, each with a sentence") {
  const std::string good = file_text(tiny_path("tiny-llama.gguf"));
  std::vector<std::byte> bytes(good.size());
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    std::memcpy(bytes.data(), good.data(), good.size());
    size_t length = bytes.size();
    if (i % 2 == 0) {
      length = good.size() * static_cast<size_t>(i) / 1000;  // cut short
    } else {
      const size_t at = static_cast<size_t>(i) * 7 % 4000;  // a byte of the header
      bytes[at] ^= std::byte{0x5a};
    }
    heed_model* model = nullptr;
    const heed_status status = heed_model_load_memory(bytes.data(), length, nullptr, &model);
    if (status == HEED_OK) {
      heed_model_free(model);  // a letter of a name
    } else {
      ++refused;
      CHECK(model == nullptr);
      CHECK(last_error() != "");
    }
  }
  CHECK(refused > 800);
}

TEST_CASE("a saved session goes on in another process with the same tokens") {
  const TemporaryDirectory directory;
  const std::string state = directory / "state.gguf";
  const TestModel model;
  std::vector<float> expected;
  {
    const TestSession session(model, 1, 64);
    logits_after(session, kPrompt);
    REQUIRE(heed_session_save(session, state.c_str()) == HEED_OK);
    expected = logits_after(session, std::vector<heed_token>{9});
  }
  const TestSession restored(model, 2, 32);
  logits_after(restored, std::vector<heed_token>{1, 2});
  REQUIRE(heed_session_restore(restored, state.c_str()) == HEED_OK);
  heed_token tokens[8];
  size_t count = 8;
  REQUIRE(heed_session_tokens(restored, tokens, &count) == HEED_OK);
  CHECK(std::vector<heed_token>(tokens, tokens + count) == kPrompt);
  CHECK(logits_after(restored, std::vector<heed_token>{9}) == expected);
}

TEST_CASE("an empty session is saved too, and a longer one needs its context") {
  const TemporaryDirectory directory;
  const std::string state = directory / "state.gguf";
  const TestModel model;
  const TestSession session(model, 1, 64);
  REQUIRE(heed_session_save(session, state.c_str()) == HEED_OK);
  REQUIRE(heed_session_restore(session, state.c_str()) == HEED_OK);
  logits_after(session, std::vector<heed_token>(40, 3));
  REQUIRE(heed_session_save(session, state.c_str()) == HEED_OK);
  const TestSession small(model, 1, 32);
  CHECK(heed_session_restore(small, state.c_str()) == HEED_LIMIT);
}

TEST_CASE("states of other models, types and versions, and damaged ones, are refused by name") {
  const TemporaryDirectory directory;
  const std::string state = directory / "state.gguf";
  const TestModel model;
  const TestSession session(model, 1, 64);
  logits_after(session, kPrompt);
  REQUIRE(heed_session_save(session, state.c_str()) == HEED_OK);
  CHECK(run_heed({"show", state}).exit_code == 0);  // it is a GGUF file

  const std::string copy = directory / "other.gguf";
  convert(tiny_path("tiny-llama.gguf"), copy, {.metadata = {{"general.name", "another"}}});
  const TestModel other(copy);
  const TestSession of_other(other, 1, 64);
  CHECK(heed_session_restore(of_other, state.c_str()) == HEED_UNSUPPORTED);
  CHECK(last_error().find("a session of another model") != std::string::npos);

  heed_session_params params;
  heed_session_params_init(&params);
  params.kv_type = HEED_KV_F16;
  heed_session* f16 = nullptr;
  REQUIRE(heed_session_new(model, &params, &f16) == HEED_OK);
  CHECK(heed_session_restore(f16, state.c_str()) == HEED_UNSUPPORTED);
  CHECK(last_error().find("of another type") != std::string::npos);
  heed_session_free(f16);

  CHECK(heed_session_restore(session, tiny_path("tiny-llama.gguf").c_str()) == HEED_FORMAT);
  CHECK(last_error().find("is no saved session") != std::string::npos);
  std::string text = file_text(state);
  text.back() ^= 1;
  write_text(state, text);
  CHECK(heed_session_restore(session, state.c_str()) == HEED_FORMAT);
  CHECK(last_error().find("is damaged") != std::string::npos);
  size_t count = 0;
  CHECK(heed_session_tokens(session, nullptr, &count) == HEED_OK);
  CHECK(count == 0);
}

TEST_CASE("encoders embed, encoder-decoders translate and score") {
  const TestModel bert(tiny_path("tiny-bert.gguf"));
  const TestSession embedder(bert);
  const Model same = Model::load(tiny_path("tiny-bert.gguf"));
  const std::vector<std::string> texts = {"a b", "the"};
  const Embeddings expected = Session(same, {.threads = 1}).embed(texts);
  const char* given[] = {"a b", "then"};
  const size_t lengths[] = {3, 3};
  std::vector<float> values(expected.values.size());
  size_t count = values.size();
  REQUIRE(heed_embed(embedder, given, lengths, 2, nullptr, values.data(), &count) == HEED_OK);
  CHECK(values == expected.values);

  const TemporaryDirectory directory;
  const std::string path = directory / "marian.gguf";
  convert(test_dir() / "convert/goldens/tiny-marian", path, {.type = "f32"});
  const TestModel marian(path);
  const TestSession translator(marian);
  const Model same_marian = Model::load(path);
  Session session(same_marian, {.threads = 1});
  const std::vector<std::string> sources = {"a b c", "b"};
  const auto translations = session.translate(sources, {.beam_size = 3, .hypotheses = 2});
  struct Found {
    std::vector<std::string> texts;
    std::vector<double> scores;
  } found;
  heed_translate_params params;
  heed_translate_params_init(&params);
  params.beam_size = 3;
  params.hypotheses = 2;
  const char* source_texts[] = {"a b c", "b"};
  REQUIRE(heed_translate(
              translator, source_texts, nullptr, 2, &params,
              [](void* user, size_t, const heed_translation* translation) {
                for (size_t i = 0; i < translation->count; ++i) {
                  const heed_hypothesis& hypothesis = *translation->hypotheses[i];
                  static_cast<Found*>(user)->texts.emplace_back(hypothesis.text);
                  static_cast<Found*>(user)->scores.push_back(hypothesis.score);
                }
                return 1;
              },
              &found) == HEED_OK);
  size_t at = 0;
  for (const Translation& translation : translations) {
    for (const Hypothesis& h : translation.hypotheses) {
      REQUIRE(at < found.texts.size());
      CHECK(found.texts[at] == h.text);
      CHECK(found.scores[at] == h.score);
      ++at;
    }
  }
  CHECK(at == found.texts.size());
}

}  // namespace heed
