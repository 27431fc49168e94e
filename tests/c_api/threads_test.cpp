// Threads that share a model, and threads that meddle with each other's sessions. Also built by
// itself for ThreadSanitizer (scripts/sanitize-threads).
#include <atomic>
#include <thread>

#include "tests/c_api/c_api_test.h"

namespace heed {

TEST_CASE("eight threads with a session each have the bits of one alone") {
  const TestModel model;
  const TestSession alone(model);
  const std::vector<float> expected = logits_after(alone, kPrompt);
  const std::vector<heed_token> tokens = answer(alone);
  std::vector<std::thread> threads;
  std::vector<int> wrong(8);
  for (size_t i = 0; i < wrong.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        const TestSession session(model, 1 + static_cast<int>(i % 2));
        wrong[i] += logits_after(session, kPrompt) != expected;
        wrong[i] += answer(session) != tokens;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(8));
}

TEST_CASE("a session serves one call at a time; any thread may cancel it") {
  const TestModel model;
  const TestSession session(model);
  struct Watch {
    heed_session* session;
    std::atomic<int> calls{0};
    std::atomic<bool> go{false};
  } watch{.session = session};
  heed_generate_params params;
  heed_generate_params_init(&params);
  params.ignore_eos = 1;
  params.user = &watch;
  params.on_text = [](void* user, const char*, size_t) {
    auto& w = *static_cast<Watch*>(user);
    w.calls += 1;
    if (w.calls == 1) {  // a call from within a call is one too many
      CHECK(heed_rewind(w.session, 0) == HEED_BUSY);
      w.go = true;
    }
    while (w.go) std::this_thread::yield();  // until the other thread has cancelled
    return 1;
  };
  std::thread other([&] {
    while (!watch.go) std::this_thread::yield();
    CHECK(heed_rewind(session, 0) == HEED_BUSY);
    CHECK(heed_session_cancel(session) == HEED_OK);
    watch.go = false;
  });
  CHECK(heed_generate(session, kPrompt.data(), 4, &params, nullptr) == HEED_CANCELLED);
  other.join();
  CHECK(watch.calls <= 2);              // within a token
  CHECK(answer(session).size() == 12);  // it is as good as before
}

TEST_CASE("a call is cancelled from its first moment on") {
  const TestModel model(tiny_path("tiny-bert.gguf"));
  const TestSession session(model);
  const std::vector<const char*> texts(20'000, "a b c");
  std::vector<float> embeddings(texts.size() * 64);
  std::atomic<bool> ended = false;
  std::thread other([&] {
    heed_session_info info;
    heed_session_info_init(&info);
    while (!ended && heed_session_get_info(session, &info) != HEED_BUSY) std::this_thread::yield();
    CHECK(heed_session_cancel(session) == HEED_OK);
  });
  heed_status status = HEED_BUSY;  // as long as the other thread looks
  while (status == HEED_BUSY) {
    size_t count = embeddings.size();
    status = heed_embed(session, texts.data(), nullptr, texts.size(), nullptr, embeddings.data(),
                        &count);
  }
  ended = true;
  other.join();
  CHECK(status == HEED_CANCELLED);
}

TEST_CASE("an answer is cancelled between two of its pieces as well") {
  const TestModel model;
  const TestSession session(model);
  heed_generate_params params;
  heed_generate_params_init(&params);
  params.ignore_eos = 1;
  const char* text = nullptr;
  size_t length = 0;
  int32_t more = 0;
  const auto next = [&] { return heed_generate_next(session, &text, &length, &more); };
  REQUIRE(heed_generate_start(session, kPrompt.data(), 4, &params) == HEED_OK);
  REQUIRE(next() == HEED_OK);
  std::thread([&] { CHECK(heed_session_cancel(session) == HEED_OK); }).join();
  char said[1024];
  length = sizeof said;
  CHECK(heed_session_answer(session, said, &length) == HEED_OK);  // a question changes nothing
  CHECK(next() == HEED_CANCELLED);
  CHECK(answer(session).size() == 12);  // another answer begins anew
}

TEST_CASE("models and sessions are opened, used and freed by many threads at once") {
  const TestModel shared;
  std::vector<std::thread> threads;
  std::atomic<int> answers{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const TestModel own;
        const TestSession a(shared), b(own);
        answers += answer(a, 3) == answer(b, 3);
        heed_model* none = nullptr;
        CHECK(heed_model_load("/no/such/file", nullptr, &none) == HEED_IO);
        CHECK(last_error().find("/no/such/file") != std::string::npos);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(answers == 160);
}

TEST_CASE("a session that is freed while it works goes on to its end") {
  const TestModel model;
  heed_session* session = nullptr;
  REQUIRE(heed_session_new(model, nullptr, &session) == HEED_OK);
  std::atomic<bool> started{false}, freed{false};
  heed_generate_params params;
  heed_generate_params_init(&params);
  params.max_tokens = 20;
  params.ignore_eos = 1;
  std::pair flags(&started, &freed);
  params.user = &flags;
  params.on_text = [](void* user, const char*, size_t) {
    const auto& [begun, gone] = *static_cast<decltype(flags)*>(user);
    *begun = true;
    while (!*gone) std::this_thread::yield();
    return 1;
  };
  std::thread other([&] {
    while (!started) std::this_thread::yield();
    heed_session_free(session);
    CHECK(heed_rewind(session, 0) == HEED_INVALID_HANDLE);
    freed = true;
  });
  CHECK(heed_generate(session, kPrompt.data(), 4, &params, nullptr) == HEED_OK);
  other.join();
}

}  // namespace heed
