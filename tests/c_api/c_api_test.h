// What the tests of heed.h share: tiny models behind handles that free themselves.
#pragma once

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "heed.h"
#include "tests/support/paths.h"

namespace heed {

inline std::string tiny_path(const std::string& name) {
  return (test_dir() / "models/goldens" / name).string();
}

class TestModel {
 public:
  explicit TestModel(const std::string& path = tiny_path("tiny-llama.gguf")) {
    REQUIRE(heed_model_load(path.c_str(), nullptr, &model_) == HEED_OK);
  }
  ~TestModel() { heed_model_free(model_); }
  TestModel(const TestModel&) = delete;
  operator heed_model*() const { return model_; }  // NOLINT: stands for it

 private:
  heed_model* model_ = nullptr;
};

class TestSession {
 public:
  explicit TestSession(heed_model* model, int threads = 1, int64_t context = 0) {
    heed_session_params params;
    heed_session_params_init(&params);
    params.threads = threads;
    params.context = context;
    REQUIRE(heed_session_new(model, &params, &session_) == HEED_OK);
  }
  ~TestSession() { heed_session_free(session_); }
  TestSession(const TestSession&) = delete;
  operator heed_session*() const { return session_; }  // NOLINT: stands for it

 private:
  heed_session* session_ = nullptr;
};

inline const std::vector<heed_token> kPrompt = {5, 6, 7, 8};

/// The greedy answer to a prompt.
inline std::vector<heed_token> answer(heed_session* session, int64_t most = 12) {
  heed_generate_params params;
  heed_generate_params_init(&params);
  params.max_tokens = most;
  params.ignore_eos = 1;
  REQUIRE(heed_generate(session, kPrompt.data(), kPrompt.size(), &params, nullptr) == HEED_OK);
  std::vector<heed_token> tokens(static_cast<size_t>(most));
  size_t count = tokens.size();
  REQUIRE(heed_session_answer_tokens(session, tokens.data(), &count) == HEED_OK);
  tokens.resize(count);
  return tokens;
}

/// The logits after some more tokens.
inline std::vector<float> logits_after(heed_session* session, std::span<const heed_token> tokens) {
  std::vector<float> logits(96);
  size_t count = logits.size();
  REQUIRE(heed_eval(session, tokens.data(), tokens.size(), logits.data(), &count) == HEED_OK);
  return logits;
}

inline std::string last_error() {
  return heed_last_error();
}

}  // namespace heed
