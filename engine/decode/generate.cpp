#include "engine/decode/generate.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "engine/core/error.h"

namespace heed {
namespace {

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Forgets what the cache holds beyond the prompt's beginning; returns how much of that is kept.
/// The last token is always evaluated: its logits are what the answer starts from.
int64_t keep_prefix(Decoder& decoder, std::span<const Token> prompt) {
  const std::vector<Token>& cached = decoder.tokens();
  const auto [differs, ignored] = std::ranges::mismatch(prompt.first(prompt.size() - 1), cached);
  const int64_t kept = differs - prompt.begin();
  decoder.rewind(kept);
  return kept;
}

Sampling without_end(Sampling sampling, const TextTokenizer& tokenizer) {
  for (Token id = 0; id < static_cast<Token>(tokenizer.size()); ++id) {
    if (!tokenizer.is_end_of_generation(id)) continue;
    sampling.logit_bias.emplace_back(id, -std::numeric_limits<float>::infinity());
  }
  return sampling;
}

void check_prompt(const Decoder& decoder, std::span<const Token> prompt) {
  if (prompt.empty()) fail(Error::Code::argument, "empty prompt: expected at least one token");
  if (static_cast<int64_t>(prompt.size()) >= decoder.context()) {
    fail(Error::Code::limit, "a prompt of ", prompt.size(),
         " tokens leaves no room for an answer in a context of ", decoder.context());
  }
  decoder.check_ids(prompt);
}

}  // namespace

Generator::Generator(Decoder& decoder, const TextTokenizer& tokenizer,
                     std::span<const Token> prompt, const GenerateOptions& options)
    : decoder_(decoder),
      tokenizer_(tokenizer),
      options_(options),
      sampler_(options.ignore_eos ? without_end(options.sampling, tokenizer) : options.sampling,
               static_cast<int64_t>(tokenizer.size()), decoder.kernels()),
      stream_(tokenizer),
      stop_(options.stop) {
  check_prompt(decoder, prompt);
  history_.reserve(static_cast<size_t>(decoder.context()) + 1);
  history_.assign(prompt.begin(), prompt.end());
  result_.prompt_tokens = std::ssize(prompt);
  const Stopwatch prefill;
  result_.cached_tokens = keep_prefix(decoder, prompt);
  logits_ = decoder.eval(prompt.subspan(static_cast<size_t>(result_.cached_tokens)));
  result_.prefill_seconds = prefill.seconds();
  if (options.max_tokens == 0) end(StopReason::max_tokens);
}

std::optional<std::string_view> Generator::next() {
  if (finished_) return std::nullopt;
  std::string_view piece;
  if (!ended_) {
    const Stopwatch decode;
    piece = make_token();
    result_.decode_seconds += decode.seconds();
  }
  if (!ended_ || !piece.empty()) {
    result_.text += piece;
    return piece;
  }
  finish();
  if (held_back_.empty()) return std::nullopt;
  return held_back_;
}

/// Samples from the logits at hand, or first from those of the token before.
std::string_view Generator::make_token() {
  if (logits_.empty()) logits_ = decoder_.eval({&history_.back(), 1});
  const Token token = sampler_.sample(logits_, history_);
  logits_ = {};
  if (tokenizer_.is_end_of_generation(token)) {
    end(StopReason::end_of_text);
    return {};
  }
  history_.push_back(token);
  result_.tokens.push_back(token);
  const std::string_view piece = stop_.push(stream_.push(token));
  if (stop_.stopped()) {
    end(StopReason::stop_text);
  } else if (decoder_.position() == decoder_.context()) {
    end(StopReason::context_full);
  } else if (std::ssize(result_.tokens) == options_.max_tokens) {
    end(StopReason::max_tokens);
  }
  return piece;
}

/// What was held back is shown, unless a stop text has ended the answer.
void Generator::finish() {
  finished_ = true;
  if (stop_.stopped()) return;
  held_back_ = stop_.push(stream_.finish());
  held_back_ += stop_.finish();
  result_.text += held_back_;
}

void Generator::stop() {
  if (!finished_) end(StopReason::callback);
  finished_ = true;
}

Generation generate(Decoder& decoder, const TextTokenizer& tokenizer, std::span<const Token> prompt,
                    const GenerateOptions& options, const TextCallback& on_text) {
  Generator generator(decoder, tokenizer, prompt, options);
  while (const std::optional<std::string_view> piece = generator.next()) {
    if (!piece->empty() && on_text && !on_text(*piece)) generator.stop();
  }
  return generator.result();
}

}  // namespace heed
