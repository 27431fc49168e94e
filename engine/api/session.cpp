// heed::Session: a decoder or an encoder at work on a shared model.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/api/library.h"
#include "engine/api/session_impl.h"
#include "engine/decode/generate.h"
#include "engine/decode/session_state.h"
#include "engine/graph/work.h"

namespace heed {

KvType rounded_kv_type(const LoadedModel& model, KvType asked) {
  const auto is_f32 = [](const TensorView& tensor) { return tensor.type == DType::f32; };
  const bool plain = model.weights->exact() || std::ranges::all_of(model.file.tensors(), is_f32);
  return plain ? KvType::f32 : asked;
}

namespace {

/// Context of a session that names none: a longer one is a choice, since its cache is memory.
constexpr int64_t kDefaultContext = 4096;

int threads_of(const SessionOptions& options) {
  return options.threads > 0 ? options.threads : default_threads();
}

DecoderOptions decoder_options(const LoadedModel& loaded, const SessionOptions& options) {
  const int64_t most = std::min(kDefaultContext, loaded.graph.main.dims.context);
  return {.context = options.context > 0 ? options.context : most,
          .ubatch = std::max<int64_t>(1, options.ubatch),
          .threads = threads_of(options),
          .kv_type = loaded.weights->exact() ? KvType::f32 : options.kv_type};
}

/// Keys and values of an encoder live for one pass: rounding them saves nothing but where tiles
/// multiply bf16.
EncoderOptions encoder_options(const LoadedModel& loaded, const SessionOptions& options) {
  const bool tiles = loaded.weights->kernels().has_tiles;
  const KvType kv_type = tiles ? rounded_kv_type(loaded, options.kv_type) : KvType::f32;
  return {.threads = threads_of(options), .kv_type = kv_type};
}

void check_has_weights(const Model& model) {
  if (model.impl().loaded.weights) return;
  fail(Error::Code::argument, model.info().path.string(),
       ": loaded with vocabulary_only, expected weights");
}

}  // namespace

Session::Session(Model model, const SessionOptions& options)
    : impl_(std::make_unique<Impl>(std::move(model))) {
  const LoadedModel& loaded = impl_->loaded();
  check_has_weights(impl_->model);
  impl_->threads = threads_of(options);
  impl_->kv_type = options.kv_type;
  if (impl_->model.info().kind == ModelKind::decoder) {
    impl_->decoder.emplace(loaded.graph.main, *loaded.weights, decoder_options(loaded, options));
    impl_->decoder->set_cancel(&impl_->cancelled);
  } else if (!loaded.graph.memory) {
    impl_->encoder.emplace(loaded.graph.main, *loaded.weights, encoder_options(loaded, options));
    impl_->encoder->set_cancel(&impl_->cancelled);
  }
  if (!options.profile) return;
  impl_->profile = std::make_unique<Profile>();
  if (impl_->decoder) impl_->decoder->set_trace(impl_->profile->trace());
  if (impl_->encoder) impl_->encoder->set_trace(impl_->profile->trace());
}

int64_t Session::memory_needed(const Model& model, const SessionOptions& options) {
  const LoadedModel& loaded = model.impl().loaded;
  check_has_weights(model);
  if (model.info().kind == ModelKind::decoder) {
    return Decoder::bytes(loaded.graph.main, *loaded.weights, decoder_options(loaded, options));
  }
  if (loaded.graph.memory) return 0;
  return Encoder::bytes(loaded.graph.main, *loaded.weights, encoder_options(loaded, options));
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

const Model& Session::model() const {
  return impl_->model;
}

int Session::threads() const {
  return impl_->threads;
}

int64_t Session::context() const {
  return impl_->decoder ? impl_->decoder->context() : impl_->loaded().graph.main.dims.context;
}

int64_t Session::position() const {
  return impl_->decoder ? impl_->decoder->position() : 0;
}

int64_t Session::memory_bytes() const {
  if (impl_->decoder) return impl_->decoder->bytes();
  if (impl_->encoder) return impl_->encoder->bytes();
  return (impl_->seq2seq ? impl_->seq2seq->bytes() : 0) +
         (impl_->workers ? impl_->workers->bytes() : 0);
}

Work Session::work(int64_t position, int64_t tokens) const {
  const Weights& weights = *impl_->loaded().weights;
  if (impl_->model.info().kind == ModelKind::encoder_decoder) {
    impl_->wrong_kind("work", "a decoder or an encoder");
  }
  if (!impl_->decoder)
    return pass_work(weights, {.rows = tokens, .kv_type = impl_->encoder->kv_type()});
  const Decoder& decoder = *impl_->decoder;
  Work all;
  for (int64_t done = 0; done < tokens; done += decoder.ubatch()) {
    const int64_t rows = std::min(decoder.ubatch(), tokens - done);
    all += pass_work(weights, {.before = position + done,
                               .rows = rows,
                               .wanted = done + rows == tokens ? 1 : 0,
                               .kv_type = decoder.kv_type()});
  }
  return all;
}

std::vector<StepTime> Session::take_profile() {
  if (!impl_->profile) fail(Error::Code::argument, "take_profile: the session does not profile");
  return impl_->profile->take();
}

void Session::begin_call() {
  impl_->cancelled = false;
}

void Session::cancel() {
  impl_->cancelled = true;
}

std::span<const Token> Session::tokens() const {
  if (!impl_->decoder) return {};
  return impl_->decoder->tokens();
}

void Session::save(const std::filesystem::path& path) {
  save_state(impl_->need_decoder("save"), impl_->loaded().file, path);
}

void Session::restore(const std::filesystem::path& path) {
  restore_state(impl_->need_decoder("restore"), impl_->loaded().file, path);
}

void Session::rewind(int64_t position) {
  impl_->need_decoder("rewind").rewind(position);
}

std::span<const float> Session::eval(std::span<const Token> tokens) {
  return impl_->need_decoder("eval").eval(tokens);
}

void Session::eval_all(std::span<const Token> tokens, const LogitsCallback& logits) {
  impl_->need_decoder("eval_all").eval_all(tokens, logits);
}

Generation Session::generate(std::span<const Token> prompt, const GenerateOptions& options,
                             const TextCallback& on_text) {
  Decoder& decoder = impl_->need_decoder("generate");
  impl_->last_answer = {};
  impl_->last_answer =
      heed::generate(decoder, impl_->model.impl().text->tokenizer, prompt, options, on_text);
  return impl_->last_answer;
}

Generation Session::chat(std::span<const Message> messages, const GenerateOptions& options,
                         const TextCallback& on_text) {
  impl_->need_decoder("chat");
  const Model& model = impl_->model;
  // The template writes the special tokens that it wants.
  const auto prompt = model.tokenizer().encode(model.chat_prompt(messages), {.add_special = false});
  return generate(prompt, options, on_text);
}

void Session::start(std::span<const Token> prompt, const GenerateOptions& options) {
  Decoder& decoder = impl_->need_decoder("start");
  impl_->generator.emplace(decoder, impl_->model.impl().text->tokenizer, prompt, options);
}

std::optional<std::string_view> Session::next() {
  if (!impl_->generator) {
    fail(Error::Code::argument, "next: no answer is being made, expected start() first");
  }
  return impl_->generator->next();
}

const Generation& Session::answer() const {
  return impl_->generator ? impl_->generator->result() : impl_->last_answer;
}

std::vector<double> Session::score(std::span<const Token> tokens) {
  Decoder& decoder = impl_->need_decoder("score");
  decoder.check_ids(tokens);  // the last of a window is looked up, but not evaluated with it
  const Kernels& kernels = impl_->loaded().weights->kernels();
  std::vector<double> logprobs;
  while (logprobs.size() + 1 < tokens.size()) {
    decoder.rewind(0);
    const size_t begin = logprobs.size();
    const size_t count = std::min<size_t>(tokens.size() - 1 - begin, decoder.context());
    decoder.eval_all(tokens.subspan(begin, count), [&](int64_t row, std::span<const float> x) {
      const float sum = kernels.logsumexp(x.data(), static_cast<int64_t>(x.size()), nullptr);
      logprobs.push_back(x[tokens[begin + row + 1]] - sum);
    });
  }
  decoder.rewind(0);
  return logprobs;
}

/// The tokens of many texts, which all threads cut: one alone would keep the others waiting for
/// several hundredths of the time. Throws what the first text that is refused is refused for.
std::vector<std::vector<Token>> Session::Impl::checked_lists(std::span<const std::string> texts,
                                                             Encoder& with, bool truncate) const {
  constexpr size_t kManyTexts = 16;  // for which waking threads pays
  std::vector<std::vector<Token>> lists(texts.size());
  std::vector<std::exception_ptr> refused(static_cast<size_t>(with.threads()));
  const auto cut = [&](int thread, int team) {
    const Range mine = split(std::ssize(texts), thread, team);
    try {
      for (auto i = static_cast<size_t>(mine.begin); i < static_cast<size_t>(mine.end); ++i) {
        lists[i] = checked_tokens(texts[i], i, with.context(), truncate);
      }
    } catch (...) {
      refused[static_cast<size_t>(thread)] = std::current_exception();
    }
  };
  if (texts.size() < kManyTexts) {
    cut(0, 1);
  } else {
    with.team().run([&](int thread) { cut(thread, with.team().size()); });
  }
  for (const std::exception_ptr& error : refused) {
    if (error) std::rethrow_exception(error);
  }
  return lists;
}

Embeddings Session::embed(std::span<const std::string> texts, const EmbedOptions& options) {
  Encoder& encoder = impl_->need_encoder("embed");
  const auto sequences = impl_->checked_lists(texts, encoder, options.truncate);
  Embeddings result{.rows = static_cast<int64_t>(texts.size()), .width = encoder.width()};
  result.values.resize(result.rows * result.width);
  PassOptions encoding{.pooling = options.pooling, .batch_tokens = options.batch_tokens};
  if (options.progress) {
    encoding.progress = [&](int64_t done) { options.progress(done, result.rows); };
  }
  encoder.run_all(sequences, result.values.data(), encoding);
  const Kernels& kernels = impl_->loaded().weights->kernels();
  for (int64_t r = 0; options.normalize && r < result.rows; ++r) {
    float* row = &result.values[r * result.width];
    const float norm = std::sqrt(kernels.dot(row, row, result.width));
    kernels.scale(1 / std::max(norm, 1e-12f), result.width, row);
  }
  return result;
}

}  // namespace heed
