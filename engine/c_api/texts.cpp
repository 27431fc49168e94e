// heed.h: embeddings and translations.
#include <cmath>
#include <limits>

#include "engine/c_api/support.h"

namespace heed::c_api {
namespace {

/// -1: as the file says.
std::optional<int64_t> number_or_file(int64_t value) {
  return value == -1 ? std::nullopt : std::optional(value);
}

TranslateOptions translate_options(const heed_translate_params* given) {
  const auto params = take(given, heed_translate_params_init, "heed_translate_params");
  static_assert(static_cast<int>(EarlyStopping::never) == HEED_EARLY_NEVER);
  TranslateOptions options{.beam_size = number_or_file(params.beam_size),
                           .hypotheses = params.hypotheses,
                           .min_length = number_or_file(params.min_length),
                           .max_length = number_or_file(params.max_length),
                           .no_repeat_ngram = number_or_file(params.no_repeat_ngram),
                           .prefix = optional_text(params.prefix),
                           .batch = params.batch,
                           .truncate = params.truncate != 0};
  if (!std::isnan(params.length_penalty)) options.length_penalty = params.length_penalty;
  if (params.early_stopping != -1) {
    options.early_stopping = enum_of(params.early_stopping, EarlyStopping::never,
                                     "heed_translate_params.early_stopping");
  }
  return options;
}

/// Lends a translation to the caller's callback.
bool hand_out(heed_translation_callback callback, void* user, size_t index,
              const Translation& translation) {
  std::vector<heed_hypothesis> hypotheses;
  hypotheses.reserve(translation.hypotheses.size());
  for (const Hypothesis& h : translation.hypotheses) {
    hypotheses.push_back({.text = h.text.c_str(),
                          .length = h.text.size(),
                          .tokens = h.tokens.data(),
                          .token_count = h.tokens.size(),
                          .score = h.score});
  }
  std::vector<const heed_hypothesis*> pointers;
  pointers.reserve(hypotheses.size());
  for (const heed_hypothesis& h : hypotheses) pointers.push_back(&h);
  const heed_translation lent{.hypotheses = pointers.data(),
                              .count = pointers.size(),
                              .source_tokens = translation.source_tokens};
  return callback(user, index, &lent) != 0;
}

}  // namespace
}  // namespace heed::c_api

using namespace heed::c_api;

extern "C" {

void heed_embed_params_init(heed_embed_params* params) {
  if (params) *params = {.size = sizeof *params, .normalize = 1, .batch_tokens = 512};
}

heed_status heed_embed(heed_session* session, const char* const* texts, const size_t* lengths,
                       size_t text_count, const heed_embed_params* given, float* embeddings,
                       size_t* count) {
  return with_session(session, [&](SessionObject& object) {
    const auto params = take(given, heed_embed_params_init, "heed_embed_params");
    static_assert(static_cast<int>(heed::Pooling::last) == HEED_POOLING_LAST);
    const auto width = static_cast<size_t>(object.session.model().info().width);
    check_room(text_count * width, embeddings, count, "count");
    const heed::Embeddings found = object.session.embed(
        texts_of(texts, lengths, text_count, "texts"),
        {.pooling = enum_of(params.pooling, heed::Pooling::last, "heed_embed_params.pooling"),
         .normalize = params.normalize != 0,
         .truncate = params.truncate != 0,
         .batch_tokens = params.batch_tokens,
         .progress = progress_of(params.progress, params.user)});
    give(std::span<const float>(found.values), embeddings, count, "count");
  });
}

void heed_translate_params_init(heed_translate_params* params) {
  if (!params) return;
  *params = {.size = sizeof *params,
             .beam_size = -1,
             .hypotheses = 1,
             .length_penalty = std::numeric_limits<double>::quiet_NaN(),
             .min_length = -1,
             .max_length = -1,
             .no_repeat_ngram = -1,
             .early_stopping = -1,
             .batch = 32};
}

heed_status heed_translate(heed_session* session, const char* const* texts, const size_t* lengths,
                           size_t text_count, const heed_translate_params* params,
                           heed_translation_callback callback, void* user) {
  return with_session(session, [&](SessionObject& object) {
    need(callback, "callback");
    bool goes_on = true;
    object.session.translate(texts_of(texts, lengths, text_count, "texts"),
                             translate_options(params),
                             [&](size_t index, const heed::Translation& translation) {
                               goes_on = hand_out(callback, user, index, translation);
                               return goes_on;
                             });
    if (!goes_on) refuse(HEED_CANCELLED, "cancelled by a callback");
  });
}

heed_status heed_score_pairs(heed_session* session, const char* const* sources,
                             const char* const* targets, size_t count, heed_pair_callback callback,
                             void* user) {
  return with_session(session, [&](SessionObject& object) {
    need(callback, "callback");
    const auto scores = object.session.score_pairs(texts_of(sources, nullptr, count, "sources"),
                                                   texts_of(targets, nullptr, count, "targets"));
    for (size_t i = 0; i < scores.size(); ++i) {
      const heed::PairScore& score = scores[i];
      if (callback(user, i, score.tokens.data(), score.logprobs.data(), score.tokens.size()) == 0) {
        refuse(HEED_CANCELLED, "cancelled by a callback");
      }
    }
  });
}

}  // extern "C"
