// Programs that use heed.h wrongly get a status and a sentence.
#include <cstring>

#include "engine/api/library.h"
#include "tests/c_api/c_api_test.h"

namespace heed {

TEST_CASE("handles that are null, freed or of the other kind") {
  heed_model* model = nullptr;
  REQUIRE(heed_model_load(tiny_path("tiny-llama.gguf").c_str(), nullptr, &model) == HEED_OK);
  heed_session* session = nullptr;
  REQUIRE(heed_session_new(model, nullptr, &session) == HEED_OK);
  size_t count = 0;
  CHECK(heed_encode(nullptr, "a", 1, nullptr, nullptr, nullptr, &count) == HEED_INVALID_HANDLE);
  CHECK(last_error() == "the model is null");
  auto* const as_model = reinterpret_cast<heed_model*>(reinterpret_cast<uintptr_t>(session) + 16);
  CHECK(heed_encode(as_model, "a", 1, nullptr, nullptr, nullptr, &count) == HEED_INVALID_HANDLE);
  CHECK(last_error() == "the model was freed, or never made");
  CHECK(heed_rewind(nullptr, 0) == HEED_INVALID_HANDLE);
  CHECK(last_error() == "the session is null");

  heed_model_free(model);  // the session keeps what it needs
  CHECK(answer(session).size() == 12);
  CHECK(heed_session_new(model, nullptr, &session) == HEED_INVALID_HANDLE);
  CHECK(session == nullptr);
  heed_model_free(model);
  heed_model_free(nullptr);
  heed_session_free(nullptr);
}

TEST_CASE("a freed session is known as such, whatever is made after it") {
  const TestModel model;
  heed_session* session = nullptr;
  REQUIRE(heed_session_new(model, nullptr, &session) == HEED_OK);
  heed_session_free(session);
  const TestSession other(model);
  CHECK(heed_rewind(session, 0) == HEED_INVALID_HANDLE);
  CHECK(heed_session_cancel(session) == HEED_INVALID_HANDLE);
  CHECK(heed_generate(session, kPrompt.data(), 4, nullptr, nullptr) == HEED_INVALID_HANDLE);
  heed_session_free(session);
}

TEST_CASE("structs of a wrong size") {
  const TestModel model;
  heed_session* session = nullptr;
  heed_session_params params;
  heed_session_params_init(&params);
  for (const size_t size : {size_t{0}, size_t{7}, sizeof params - 8, size_t{1} << 40}) {
    params.size = size;
    CHECK(heed_session_new(model, &params, &session) == HEED_INVALID_ARGUMENT);
    CHECK(last_error().starts_with("heed_session_params.size is " + std::to_string(size)));
  }
  heed_model_info info;
  std::memset(&info, 0xff, sizeof info);
  CHECK(heed_model_get_info(model, &info) == HEED_INVALID_ARGUMENT);
  CHECK(heed_model_get_info(model, nullptr) == HEED_INVALID_ARGUMENT);

  // A program that is newer than the library may leave what the library lacks at zero.
  struct {
    heed_session_params params;
    int64_t later;
  } newer = {};
  heed_session_params_init(&newer.params);
  newer.params.size = sizeof newer;
  newer.params.context = 32;
  CHECK(heed_session_new(model, &newer.params, &session) == HEED_OK);
  heed_session_free(session);
  newer.later = 1;
  CHECK(heed_session_new(model, &newer.params, &session) == HEED_UNSUPPORTED);
}

TEST_CASE("buffers: how much is needed, and no more is written than fits") {
  const TestModel model;
  std::vector<heed_token> tokens(8, -7);
  size_t count = 0;
  CHECK(heed_encode(model, "a b c", HEED_TERMINATED, nullptr, nullptr, nullptr, &count) ==
        HEED_BUFFER_TOO_SMALL);
  const size_t needed = count;
  REQUIRE(needed > 1);
  count = needed - 1;
  CHECK(heed_encode(model, "a b c", HEED_TERMINATED, nullptr, tokens.data(), nullptr, &count) ==
        HEED_BUFFER_TOO_SMALL);
  CHECK(count == needed);
  CHECK(tokens == std::vector<heed_token>(8, -7));
  CHECK(heed_encode(model, "a b c", 5, nullptr, tokens.data(), nullptr, &count) == HEED_OK);
  CHECK(tokens[needed] == -7);
  CHECK(heed_encode(model, "a", 1, nullptr, tokens.data(), nullptr, nullptr) ==
        HEED_INVALID_ARGUMENT);

  char text[64];
  std::memset(text, 'x', sizeof text);
  size_t length = sizeof text;
  REQUIRE(heed_decode(model, tokens.data(), needed, 1, text, &length) == HEED_OK);
  CHECK(text[length] == '\0');  // there was room
  const size_t exact = length;
  std::memset(text, 'x', sizeof text);
  REQUIRE(heed_decode(model, tokens.data(), needed, 1, text, &length) == HEED_OK);
  CHECK(text[exact] == 'x');
}

TEST_CASE("what is too small is said before any work") {
  const TestModel model;
  const TestSession session(model);
  std::vector<float> logits(8);
  size_t count = logits.size();
  CHECK(heed_eval(session, kPrompt.data(), 4, logits.data(), &count) == HEED_BUFFER_TOO_SMALL);
  CHECK(count == 96);
  heed_session_info info;
  heed_session_info_init(&info);
  REQUIRE(heed_session_get_info(session, &info) == HEED_OK);
  CHECK(info.position == 0);
  CHECK(info.threads == 1);
  CHECK(heed_score(session, kPrompt.data(), 4, nullptr, &count) == HEED_BUFFER_TOO_SMALL);
  CHECK(count == 3);
}

TEST_CASE("null pointers and numbers out of range") {
  const TestModel model;
  const TestSession session(model, 1, 64);
  heed_model* none = nullptr;
  CHECK(heed_model_load(nullptr, nullptr, &none) == HEED_INVALID_ARGUMENT);
  CHECK(last_error() == "name_or_path is null");
  CHECK(heed_model_load("x", nullptr, nullptr) == HEED_INVALID_ARGUMENT);
  CHECK(heed_eval(session, nullptr, 4, nullptr, nullptr) == HEED_INVALID_ARGUMENT);
  CHECK(heed_eval(session, kPrompt.data(), 0, nullptr, nullptr) == HEED_INVALID_ARGUMENT);
  CHECK(heed_eval_all(session, kPrompt.data(), 4, nullptr, nullptr) == HEED_INVALID_ARGUMENT);
  CHECK(heed_rewind(session, 3) == HEED_INVALID_ARGUMENT);
  const std::vector<heed_token> many(65, 1);
  CHECK(heed_eval(session, many.data(), many.size(), nullptr, nullptr) == HEED_LIMIT);
  const heed_token outside = 96;
  CHECK(heed_eval(session, &outside, 1, nullptr, nullptr) == HEED_INVALID_ARGUMENT);
  CHECK(last_error() == "token 96: expected 0 to 95");
  char piece[8];
  size_t length = sizeof piece;
  CHECK(heed_token_piece(model, -1, piece, &length) == HEED_INVALID_ARGUMENT);
  CHECK(heed_source_token_piece(model, 96, piece, &length) == HEED_INVALID_ARGUMENT);
  heed_session_params params;
  heed_session_params_init(&params);
  params.kv_type = 4;
  heed_session* made = nullptr;
  CHECK(heed_session_new(model, &params, &made) == HEED_INVALID_ARGUMENT);
  CHECK(last_error() == "heed_session_params.kv_type is 4: expected 0 to 3");
  const char* texts[] = {"a", nullptr};
  float embeddings[512];
  length = 512;
  CHECK(heed_embed(session, texts, nullptr, 2, nullptr, embeddings, &length) ==
        HEED_INVALID_ARGUMENT);
  CHECK(last_error() == "texts[1] is null");
  CHECK(heed_embed(session, texts, nullptr, 1, nullptr, embeddings, &length) == HEED_UNSUPPORTED);
  const heed_message messages[] = {{"user", nullptr}};
  CHECK(heed_chat_prompt(model, messages, 1, 1, nullptr, &length) == HEED_INVALID_ARGUMENT);
  CHECK(heed_chat(session, messages, 1, nullptr, nullptr) == HEED_INVALID_ARGUMENT);
  CHECK(last_error() == "a message's content is null");
  CHECK(heed_chat(session, nullptr, 1, nullptr, nullptr) == HEED_INVALID_ARGUMENT);
  CHECK(heed_chat(nullptr, nullptr, 0, nullptr, nullptr) == HEED_INVALID_HANDLE);
  CHECK(heed_chat(session, nullptr, 0, nullptr, nullptr) == HEED_UNSUPPORTED);  // no template
  heed_generation generation;
  generation.size = 1;
  CHECK(heed_chat(session, nullptr, 0, nullptr, &generation) == HEED_INVALID_ARGUMENT);
  heed_verify_params verify;
  heed_verify_params_init(&verify);
  verify.size = 8;
  CHECK(heed_verify(model, &verify, nullptr, nullptr) == HEED_INVALID_ARGUMENT);
  CHECK(last_error().starts_with("heed_verify_params.size is 8: expected "));
  CHECK(heed_verify(nullptr, nullptr, nullptr, nullptr) == HEED_INVALID_HANDLE);
}

TEST_CASE("every status has a name") {
  for (int status = HEED_OK; status <= HEED_INTERNAL; ++status) {
    CHECK(std::string_view(heed_status_name(status)).starts_with("HEED_"));
  }
  CHECK(std::string_view(heed_status_name(99)) == "unknown");
  CHECK(heed_version() == version());
}

TEST_CASE("callbacks that return 0 end the work") {
  const TestModel model;
  const TestSession session(model);
  int rows = 0;
  const auto stop = [](void* user, int64_t, const float*, size_t) {
    *static_cast<int*>(user) += 1;
    return 0;
  };
  CHECK(heed_eval_all(session, kPrompt.data(), 4, stop, &rows) == HEED_CANCELLED);
  CHECK(rows == 1);
  heed_load_params params;
  heed_load_params_init(&params);
  params.progress = [](void*, int64_t, int64_t) { return 0; };
  heed_model* none = nullptr;
  CHECK(heed_model_load(tiny_path("tiny-llama.gguf").c_str(), &params, &none) == HEED_CANCELLED);
  CHECK(none == nullptr);
}

}  // namespace heed
