// heed.h: sessions, generation, scores.
#include "engine/c_api/support.h"

namespace heed::c_api {
namespace {

SessionOptions session_options(const heed_session_params* given) {
  const auto params = take(given, heed_session_params_init, "heed_session_params");
  // The engine counts its types in the same order.
  static_assert(static_cast<int>(KvType::bf16) == HEED_KV_BF16);
  static_assert(static_cast<int>(KvType::f16) == HEED_KV_F16);
  static_assert(static_cast<int>(KvType::q8) == HEED_KV_Q8);
  if (params.context < 0 || params.ubatch < 1) {
    refuse(HEED_INVALID_ARGUMENT, "heed_session_params has context ", params.context,
           " and ubatch ", params.ubatch, ": expected 0 or more, and 1 or more");
  }
  return {.context = params.context,
          .threads = params.threads,
          .ubatch = params.ubatch,
          .kv_type = enum_of(params.kv_type, KvType::q8, "heed_session_params.kv_type"),
          .profile = params.profile != 0};
}

GenerateOptions generate_options(const heed_generate_params& params) {
  GenerateOptions options{.max_tokens = params.max_tokens,
                          .sampling = {.temperature = params.temperature,
                                       .top_k = params.top_k,
                                       .top_p = params.top_p,
                                       .min_p = params.min_p,
                                       .repeat_penalty = params.repeat_penalty,
                                       .presence_penalty = params.presence_penalty,
                                       .frequency_penalty = params.frequency_penalty,
                                       .repeat_last_n = params.repeat_last_n,
                                       .seed = params.seed},
                          .stop = texts_of(params.stop, nullptr, params.stop_count, "stop"),
                          .ignore_eos = params.ignore_eos != 0};
  for (const heed_logit_bias& entry :
       span_of(params.logit_bias, params.logit_bias_count, "logit_bias")) {
    options.sampling.logit_bias.emplace_back(entry.token, entry.bias);
  }
  return options;
}

void give_generation(heed_generation* to, const Generation& answer) {
  give(to,
       {.reason = static_cast<int32_t>(answer.reason),
        .tokens = std::ssize(answer.tokens),
        .prompt_tokens = answer.prompt_tokens,
        .cached_tokens = answer.cached_tokens,
        .prefill_seconds = answer.prefill_seconds,
        .decode_seconds = answer.decode_seconds},
       "heed_generation");
}

/// The session's answer, which `generate(options, on_text)` makes.
template <typename Generate>
void answer(const Session& session, const heed_generate_params* given, heed_generation* result,
            const Generate& generate) {
  if (result) check_size(*result, "heed_generation");
  const auto params = take(given, heed_generate_params_init, "heed_generate_params");
  const auto on_text = [&](std::string_view text) {
    return params.on_text(params.user, text.data(), text.size()) != 0;
  };
  generate(generate_options(params), params.on_text ? TextCallback(on_text) : TextCallback());
  if (result) give_generation(result, session.answer());
}

}  // namespace
}  // namespace heed::c_api

using namespace heed::c_api;

extern "C" {

void heed_session_params_init(heed_session_params* params) {
  if (params) *params = {.size = sizeof *params, .ubatch = 512, .kv_type = HEED_KV_BF16};
}

heed_status heed_session_new(heed_model* model, const heed_session_params* params,
                             heed_session** session) {
  return guarded([&] {
    need(session, "session") = nullptr;
    const auto object = models().find(model);
    heed::Session made(object->model, session_options(params));
    *session = as_handle(std::make_shared<SessionObject>(std::move(made)));
  });
}

void heed_session_free(heed_session* session) {
  sessions().remove(session);
}

heed_status heed_session_memory(heed_model* model, const heed_session_params* params,
                                int64_t* bytes) {
  return guarded([&] {
    const auto object = models().find(model);
    need(bytes, "bytes") = heed::Session::memory_needed(object->model, session_options(params));
  });
}

void heed_session_info_init(heed_session_info* info) {
  if (info) *info = {.size = sizeof *info};
}

heed_status heed_session_get_info(heed_session* session, heed_session_info* info) {
  return within_session(session, [&](SessionObject& object) {
    give(info,
         {.context = object.session.context(),
          .position = object.session.position(),
          .memory_bytes = object.session.memory_bytes(),
          .threads = object.session.threads()},
         "heed_session_info");
  });
}

heed_status heed_session_cancel(heed_session* session) {
  return guarded([&] { sessions().find(session)->session.cancel(); });
}

heed_status heed_eval(heed_session* session, const heed_token* tokens, size_t token_count,
                      float* logits, size_t* count) {
  return with_session(session, [&](SessionObject& object) {
    const auto vocab = static_cast<size_t>(object.session.model().info().vocab);
    if (logits) check_room(vocab, logits, count, "count");
    const auto found = object.session.eval(span_of(tokens, token_count, "tokens"));
    if (logits) give(found, logits, count, "count");
  });
}

heed_status heed_eval_all(heed_session* session, const heed_token* tokens, size_t count,
                          heed_logits_callback callback, void* user) {
  return with_session(session, [&](SessionObject& object) {
    need(callback, "callback");
    object.session.eval_all(span_of(tokens, count, "tokens"),
                            [&](int64_t row, std::span<const float> logits) {
                              if (callback(user, row, logits.data(), logits.size()) != 0) return;
                              refuse(HEED_CANCELLED, "cancelled by a callback");
                            });
  });
}

heed_status heed_rewind(heed_session* session, int64_t position) {
  return with_session(session, [&](SessionObject& object) { object.session.rewind(position); });
}

heed_status heed_session_tokens(heed_session* session, heed_token* tokens, size_t* count) {
  return within_session(session, [&](SessionObject& object) {
    give(object.session.tokens(), tokens, count, "count");
  });
}

heed_status heed_session_save(heed_session* session, const char* path) {
  return with_session(session,
                      [&](SessionObject& object) { object.session.save(text_of(path, "path")); });
}

heed_status heed_session_restore(heed_session* session, const char* path) {
  return with_session(
      session, [&](SessionObject& object) { object.session.restore(text_of(path, "path")); });
}

void heed_generate_params_init(heed_generate_params* params) {
  if (!params) return;
  const heed::Sampling sampling;
  *params = {.size = sizeof *params,
             .max_tokens = -1,
             .temperature = sampling.temperature,
             .top_k = sampling.top_k,
             .top_p = sampling.top_p,
             .min_p = sampling.min_p,
             .repeat_penalty = sampling.repeat_penalty,
             .presence_penalty = sampling.presence_penalty,
             .frequency_penalty = sampling.frequency_penalty,
             .repeat_last_n = sampling.repeat_last_n,
             .seed = sampling.seed};
}

void heed_generation_init(heed_generation* generation) {
  if (generation) *generation = {.size = sizeof *generation};
}

heed_status heed_generate(heed_session* session, const heed_token* prompt, size_t count,
                          const heed_generate_params* params, heed_generation* result) {
  return with_session(session, [&](SessionObject& object) {
    answer(object.session, params, result, [&](const auto& options, const auto& on_text) {
      object.session.generate(span_of(prompt, count, "prompt"), options, on_text);
    });
  });
}

heed_status heed_generate_start(heed_session* session, const heed_token* prompt, size_t count,
                                const heed_generate_params* given) {
  return with_session(session, [&](SessionObject& object) {
    const auto params = take(given, heed_generate_params_init, "heed_generate_params");
    object.session.start(span_of(prompt, count, "prompt"), generate_options(params));
  });
}

heed_status heed_generate_next(heed_session* session, const char** text, size_t* length,
                               int32_t* more) {
  return within_session(session, [&](SessionObject& object) {
    need(text, "text") = "";
    need(length, "length") = 0;
    need(more, "more") = 0;
    const std::optional<std::string_view> piece = object.session.next();
    if (!piece) return;
    *text = piece->data() ? piece->data() : "";
    *length = piece->size();
    *more = 1;
  });
}

heed_status heed_chat(heed_session* session, const heed_message* messages, size_t count,
                      const heed_generate_params* params, heed_generation* result) {
  return with_session(session, [&](SessionObject& object) {
    answer(object.session, params, result, [&](const auto& options, const auto& on_text) {
      object.session.chat(messages_of(messages, count), options, on_text);
    });
  });
}

heed_status heed_session_generation(heed_session* session, heed_generation* generation) {
  return within_session(session, [&](SessionObject& object) {
    give_generation(generation, object.session.answer());
  });
}

heed_status heed_session_answer(heed_session* session, char* text, size_t* length) {
  return within_session(session, [&](SessionObject& object) {
    give_text(object.session.answer().text, text, length);
  });
}

heed_status heed_session_answer_tokens(heed_session* session, heed_token* tokens, size_t* count) {
  return within_session(session, [&](SessionObject& object) {
    give(std::span<const heed_token>(object.session.answer().tokens), tokens, count, "count");
  });
}

heed_status heed_score(heed_session* session, const heed_token* tokens, size_t token_count,
                       double* logprobs, size_t* count) {
  return with_session(session, [&](SessionObject& object) {
    const auto given = span_of(tokens, token_count, "tokens");
    check_room(given.empty() ? 0 : given.size() - 1, logprobs, count, "count");
    const std::vector<double> found = object.session.score(given);
    give(std::span<const double>(found), logprobs, count, "count");
  });
}

}  // extern "C"
