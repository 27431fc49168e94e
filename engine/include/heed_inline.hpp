// The longer functions of heed.hpp, which includes this at its end.
#pragma once

#include "heed.hpp"

namespace heed {
inline namespace v0 {
namespace detail {

inline heed_encode_params c_params(const EncodeOptions& options) {
  heed_encode_params params;
  heed_encode_params_init(&params);
  params.add_special = options.add_special;
  params.parse_special = options.parse_special;
  return params;
}

inline heed_session_params c_params(const SessionOptions& options) {
  heed_session_params params;
  heed_session_params_init(&params);
  params.context = options.context;
  params.ubatch = options.ubatch;
  params.threads = options.threads;
  params.kv_type = static_cast<int32_t>(options.kv_type);
  params.profile = options.profile;
  return params;
}

/// heed_generate_params and the arrays that they point to.
class GenerateParams {
 public:
  explicit GenerateParams(const GenerateOptions& options) : stop_(options.stop) {
    const Sampling& s = options.sampling;
    for (const auto& [token, bias] : s.logit_bias) bias_.push_back({token, bias});
    heed_generate_params_init(&params_);
    params_.max_tokens = options.max_tokens;
    params_.temperature = s.temperature;
    params_.top_k = s.top_k;
    params_.top_p = s.top_p;
    params_.min_p = s.min_p;
    params_.repeat_penalty = s.repeat_penalty;
    params_.presence_penalty = s.presence_penalty;
    params_.frequency_penalty = s.frequency_penalty;
    params_.repeat_last_n = s.repeat_last_n;
    params_.seed = s.seed;
    params_.logit_bias = bias_.data();
    params_.logit_bias_count = bias_.size();
    params_.stop = stop_.texts();
    params_.stop_count = stop_.size();
    params_.ignore_eos = options.ignore_eos;
  }
  GenerateParams(const GenerateParams&) = delete;

  heed_generate_params& get() { return params_; }

 private:
  TextList stop_;
  std::vector<heed_logit_bias> bias_;
  heed_generate_params params_;
};

inline heed_translate_params c_params(const TranslateOptions& options) {
  heed_translate_params params;
  heed_translate_params_init(&params);
  // -1 is how C writes "as the file says": as a value it is out of range, like any below.
  const auto number = [](const std::optional<int64_t>& value) {
    return value && *value < 0 ? std::numeric_limits<int64_t>::min() : value.value_or(-1);
  };
  params.beam_size = number(options.beam_size);
  params.hypotheses = options.hypotheses;
  if (options.length_penalty) params.length_penalty = *options.length_penalty;
  params.min_length = number(options.min_length);
  params.max_length = number(options.max_length);
  params.no_repeat_ngram = number(options.no_repeat_ngram);
  if (options.early_stopping) params.early_stopping = static_cast<int32_t>(*options.early_stopping);
  params.truncate = options.truncate;
  params.batch = options.batch;
  params.prefix = options.prefix.c_str();
  return params;
}

inline Translation translation_of(const heed_translation& from) {
  Translation translation{.source_tokens = from.source_tokens};
  for (size_t i = 0; i < from.count; ++i) {
    const heed_hypothesis& h = *from.hypotheses[i];
    translation.hypotheses.push_back({.text = std::string(h.text, h.length),
                                      .tokens = {h.tokens, h.tokens + h.token_count},
                                      .score = h.score});
  }
  return translation;
}

inline std::vector<heed_message> as_messages(std::span<const Message> messages) {
  std::vector<heed_message> result;
  for (const Message& m : messages) result.push_back({m.role.c_str(), m.content.c_str()});
  return result;
}

/// A heed_text_callback over a function of a std::string_view.
template <typename Function>
int receive_text(void* user, const char* text, size_t length) {
  return Callback<Function>::call(user, std::string_view(text, length));
}

}  // namespace detail

// ---- text --------------------------------------------------------------------------------------

inline std::vector<Token> Tokenizer::encode(std::string_view text,
                                            const EncodeOptions& options) const {
  const heed_encode_params params = detail::c_params(options);
  return detail::fetch<std::vector<Token>>(text.size() + 8, [&](Token* tokens, size_t* count) {
    return heed_encode(model_, text.data(), text.size(), &params, tokens, nullptr, count);
  });
}

inline std::vector<TokenSpan> Tokenizer::encode_spans(std::string_view text,
                                                      const EncodeOptions& options) const {
  const heed_encode_params params = detail::c_params(options);
  std::vector<int64_t> ranges;
  const auto tokens =
      detail::fetch<std::vector<Token>>(text.size() + 8, [&](Token* to, size_t* count) {
        ranges.resize(2 * *count);
        return heed_encode(model_, text.data(), text.size(), &params, to, ranges.data(), count);
      });
  std::vector<TokenSpan> spans;
  for (size_t i = 0; i < tokens.size(); ++i) {
    spans.push_back({tokens[i], ranges[2 * i], ranges[2 * i + 1]});
  }
  return spans;
}

inline std::string Tokenizer::decode(std::span<const Token> tokens, bool skip_special) const {
  return detail::fetch<std::string>(8 * tokens.size() + 16, [&](char* text, size_t* length) {
    return heed_decode(model_, tokens.data(), tokens.size(), skip_special, text, length);
  });
}

inline std::string Tokenizer::piece(Token id) const {
  return detail::fetch_text(
      [&](char* piece, size_t* length) { return heed_token_piece(model_, id, piece, length); });
}

inline std::string Tokenizer::source_piece(Token id) const {
  return detail::fetch_text([&](char* piece, size_t* length) {
    return heed_source_token_piece(model_, id, piece, length);
  });
}

inline bool Tokenizer::ends_generation(Token id) const {
  int32_t ends = 0;
  detail::check(heed_token_ends_generation(model_, id, &ends));
  return ends != 0;
}

// ---- models ------------------------------------------------------------------------------------

template <typename Load>
Model Model::load_with(const LoadOptions& options, const Load& load) {
  heed_load_params params;
  heed_load_params_init(&params);
  params.exact = options.exact;
  params.map = options.map;
  params.vocabulary_only = options.vocabulary_only;
  params.threads = options.threads;
  detail::Progress progress(options.progress);
  if (options.progress) params.progress = detail::report_progress;
  params.progress_user = progress.user();
  heed_model* handle = nullptr;
  progress.rethrow_or_check(load(params, handle));
  return Model(handle);
}

inline Model Model::load(const std::string& name_or_path, const LoadOptions& options) {
  return load_with(options, [&](const heed_load_params& params, heed_model*& handle) {
    return heed_model_load(name_or_path.c_str(), &params, &handle);
  });
}

inline Model Model::load_memory(std::span<const std::byte> bytes, const LoadOptions& options) {
  return load_with(options, [&](const heed_load_params& params, heed_model*& handle) {
    return heed_model_load_memory(bytes.data(), bytes.size(), &params, &handle);
  });
}

inline Model::Model(heed_model* handle) : handle_(handle) {
  heed_model_info info;
  heed_model_info_init(&info);
  detail::check(heed_model_get_info(handle, &info));
  info_ = {.path = info.path,
           .architecture = info.architecture,
           .name = info.name,
           .isa = info.isa,
           .kind = static_cast<ModelKind>(info.kind),
           .exact = info.exact != 0,
           .parameters = info.parameters,
           .file_bytes = info.file_bytes,
           .weight_bytes = info.weight_bytes,
           .width = info.width,
           .layers = info.layers,
           .vocab = info.vocab,
           .context = info.context,
           .load_seconds = info.load_seconds};
  tokenizer_.model_ = handle;
  tokenizer_.size_ = info.tokens;
  if (info.bos >= 0) tokenizer_.bos_ = info.bos;
  if (info.eos >= 0) tokenizer_.eos_ = info.eos;
  chat_template_ = detail::fetch_text(
      [&](char* source, size_t* length) { return heed_chat_template(handle, source, length); });
}

inline std::string Model::chat_prompt(std::span<const Message> messages,
                                      bool add_generation_prompt) const {
  const auto list = detail::as_messages(messages);
  size_t guess = 4096;
  for (const Message& m : messages) guess += 2 * m.content.size() + 64;
  return detail::fetch_text(
      [&](char* prompt, size_t* length) {
        return heed_chat_prompt(handle(), list.data(), list.size(), add_generation_prompt, prompt,
                                length);
      },
      guess);
}

inline std::string Model::chat_prompt_json(std::string_view json_object) const {
  return detail::fetch_text(
      [&](char* prompt, size_t* length) {
        return heed_chat_prompt_json(handle(), json_object.data(), json_object.size(), prompt,
                                     length);
      },
      4096 + 2 * json_object.size());
}

// ---- sessions ----------------------------------------------------------------------------------

inline Session::Session(const Model& model, const SessionOptions& options)
    : vocab_(static_cast<size_t>(model.info().vocab)),
      width_(static_cast<size_t>(model.info().width)) {
  const heed_session_params params = detail::c_params(options);
  heed_session* handle = nullptr;
  detail::check(heed_session_new(model.handle(), &params, &handle));
  handle_ = detail::Owner<heed_session, heed_session_free>(handle);
}

inline int64_t Session::memory_needed(const Model& model, const SessionOptions& options) {
  const heed_session_params params = detail::c_params(options);
  int64_t bytes = 0;
  detail::check(heed_session_memory(model.handle(), &params, &bytes));
  return bytes;
}

inline heed_session_info Session::info() const {
  heed_session_info info;
  heed_session_info_init(&info);
  detail::check(heed_session_get_info(handle(), &info));
  return info;
}

inline std::vector<Token> Session::tokens() const {
  return detail::fetch<std::vector<Token>>(0, [&](Token* tokens, size_t* count) {
    return heed_session_tokens(handle(), tokens, count);
  });
}

inline void Session::save(const std::filesystem::path& path) const {
  detail::check(heed_session_save(handle(), path.string().c_str()));
}

inline void Session::restore(const std::filesystem::path& path) {
  detail::check(heed_session_restore(handle(), path.string().c_str()));
}

inline void Session::append(std::span<const Token> tokens) {
  detail::check(heed_eval(handle(), tokens.data(), tokens.size(), nullptr, nullptr));
}

inline std::span<const float> Session::eval(std::span<const Token> tokens) {
  logits_.resize(vocab_);
  size_t count = vocab_;
  detail::check(heed_eval(handle(), tokens.data(), tokens.size(), logits_.data(), &count));
  return logits_;
}

inline void Session::eval_all(std::span<const Token> tokens, const LogitsCallback& logits) {
  using Rows = detail::Callback<LogitsCallback>;
  Rows rows(logits);
  rows.rethrow_or_check(heed_eval_all(
      handle(), tokens.data(), tokens.size(),
      [](void* user, int64_t row, const float* values, size_t vocab) {
        return Rows::call(user, row, std::span(values, vocab));
      },
      rows.user()));
}

template <typename Call>
Generation Session::answer_of(const GenerateOptions& options, const TextCallback& on_text,
                              const Call& call) {
  detail::GenerateParams params(options);
  detail::Callback<TextCallback> callback(on_text);
  if (on_text) params.get().on_text = detail::receive_text<TextCallback>;
  params.get().user = callback.user();
  callback.rethrow_or_check(call(params.get()));
  return answer();
}

inline Generation Session::generate(std::span<const Token> prompt, const GenerateOptions& options,
                                    const TextCallback& on_text) {
  return answer_of(options, on_text, [&](const heed_generate_params& params) {
    return heed_generate(handle(), prompt.data(), prompt.size(), &params, nullptr);
  });
}

inline Generation Session::chat(std::span<const Message> messages, const GenerateOptions& options,
                                const TextCallback& on_text) {
  return answer_of(options, on_text, [&](const heed_generate_params& params) {
    const auto list = detail::as_messages(messages);
    return heed_chat(handle(), list.data(), list.size(), &params, nullptr);
  });
}

inline TextStream Session::stream(std::span<const Token> prompt, const GenerateOptions& options) {
  detail::GenerateParams params(options);
  detail::check(heed_generate_start(handle(), prompt.data(), prompt.size(), &params.get()));
  return TextStream(handle());
}

inline Generation Session::answer() const {
  heed_generation from;
  heed_generation_init(&from);
  detail::check(heed_session_generation(handle(), &from));
  Generation result{.reason = static_cast<StopReason>(from.reason),
                    .prompt_tokens = from.prompt_tokens,
                    .cached_tokens = from.cached_tokens,
                    .prefill_seconds = from.prefill_seconds,
                    .decode_seconds = from.decode_seconds};
  const auto count = static_cast<size_t>(from.tokens);
  result.tokens = detail::fetch<std::vector<Token>>(count, [&](Token* tokens, size_t* n) {
    return heed_session_answer_tokens(handle(), tokens, n);
  });
  result.text = detail::fetch_text(
      [&](char* text, size_t* length) { return heed_session_answer(handle(), text, length); });
  return result;
}

inline std::vector<double> Session::score(std::span<const Token> tokens) {
  return detail::fetch<std::vector<double>>(tokens.size(), [&](double* logprobs, size_t* count) {
    return heed_score(handle(), tokens.data(), tokens.size(), logprobs, count);
  });
}

inline Work Session::work(int64_t position, int64_t tokens) const {
  heed_work work;
  heed_work_init(&work);
  detail::check(heed_session_work(handle(), position, tokens, &work));
  return {work.passes, work.bytes, work.f32_operations, work.bf16_operations, work.int8_operations};
}

inline std::string Session::take_profile() {
  std::string json;
  detail::check(heed_session_profile(handle(), detail::append_text, &json));
  return json;
}

inline Embeddings Session::embed(std::span<const std::string> texts, const EmbedOptions& options) {
  heed_embed_params params;
  heed_embed_params_init(&params);
  params.pooling = static_cast<int32_t>(options.pooling);
  params.normalize = options.normalize;
  params.truncate = options.truncate;
  params.batch_tokens = options.batch_tokens;
  detail::Progress progress(options.progress);
  if (options.progress) params.progress = detail::report_progress;
  params.user = progress.user();
  const detail::TextList list(texts);
  Embeddings result{.rows = std::ssize(texts), .width = static_cast<int64_t>(width_)};
  result.values.resize(texts.size() * width_);
  size_t count = result.values.size();
  progress.rethrow_or_check(heed_embed(handle(), list.texts(), list.lengths(), list.size(), &params,
                                       result.values.data(), &count));
  return result;
}

inline std::vector<Translation> Session::translate(std::span<const std::string> texts,
                                                   const TranslateOptions& options,
                                                   const TranslationCallback& on_translation) {
  const heed_translate_params params = detail::c_params(options);
  const detail::TextList list(texts);
  std::vector<Translation> all(texts.size());
  const auto receive = [&](size_t index, const heed_translation& translation) {
    all[index] = detail::translation_of(translation);
    return !on_translation || on_translation(index, all[index]);
  };
  using Receiver = detail::Callback<decltype(receive)>;
  Receiver receiver(receive);
  receiver.rethrow_or_check(heed_translate(
      handle(), list.texts(), list.lengths(), list.size(), &params,
      [](void* user, size_t index, const heed_translation* translation) {
        return Receiver::call(user, index, *translation);
      },
      receiver.user()));
  return all;
}

inline std::vector<PairScore> Session::score_pairs(std::span<const std::string> sources,
                                                   std::span<const std::string> targets) {
  if (sources.size() != targets.size()) {
    throw Error(Error::Code::argument, std::to_string(sources.size()) + " sources and " +
                                           std::to_string(targets.size()) + " targets");
  }
  const detail::TextList from(sources), to(targets);
  std::vector<PairScore> scores(sources.size());
  const auto receive = [&](size_t index, const Token* tokens, const double* logprobs,
                           size_t count) {
    scores[index] = {{tokens, tokens + count}, {logprobs, logprobs + count}};
  };
  using Receiver = detail::Callback<decltype(receive)>;
  Receiver receiver(receive);
  receiver.rethrow_or_check(heed_score_pairs(
      handle(), from.texts(), to.texts(), from.size(),
      [](void* user, size_t index, const Token* tokens, const double* logprobs, size_t count) {
        return Receiver::call(user, index, tokens, logprobs, count);
      },
      receiver.user()));
  return scores;
}

// ---- converting --------------------------------------------------------------------------------

inline std::string convert(const std::filesystem::path& source, const std::filesystem::path& out,
                           const ConvertOptions& options) {
  const std::string imatrix = options.imatrix.string();
  const auto tensor_types = detail::as_pairs(options.tensor_types);
  const auto metadata = detail::as_pairs(options.metadata);
  heed_convert_params params;
  heed_convert_params_init(&params);
  params.type = options.type.c_str();
  params.tensor_types = tensor_types.data();
  params.tensor_type_count = tensor_types.size();
  params.metadata = metadata.data();
  params.metadata_count = metadata.size();
  params.imatrix = imatrix.c_str();
  params.record = options.record;
  params.threads = options.threads;
  detail::Progress progress(options.progress);
  if (options.progress) params.progress = detail::report_progress;
  params.user = progress.user();
  std::string report;
  progress.rethrow_or_check(heed_convert(source.string().c_str(), out.string().c_str(), &params,
                                         detail::append_text, &report));
  return report;
}

inline std::string write_imatrix(const Model& model, std::string_view text,
                                 const std::filesystem::path& out, const ImatrixOptions& options) {
  heed_imatrix_params params;
  heed_imatrix_params_init(&params);
  params.context = options.context;
  params.threads = options.threads;
  params.dataset = options.dataset.c_str();
  detail::Progress progress(options.progress);
  if (options.progress) params.progress = detail::report_progress;
  params.user = progress.user();
  std::string report;
  progress.rethrow_or_check(heed_write_imatrix(model.handle(), text.data(), text.size(),
                                               out.string().c_str(), &params, detail::append_text,
                                               &report));
  return report;
}

inline std::string verify(const Model& model, const VerifyOptions& options) {
  heed_verify_params params;
  heed_verify_params_init(&params);
  params.threads = options.threads;
  detail::Progress progress(options.progress);
  if (options.progress) params.progress = detail::report_progress;
  params.user = progress.user();
  std::string report;
  progress.rethrow_or_check(heed_verify(model.handle(), &params, detail::append_text, &report));
  return report;
}

}  // namespace v0
}  // namespace heed
