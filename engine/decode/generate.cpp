#include "engine/decode/generate.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "engine/core/error.h"
#include "engine/decode/sampler.h"
#include "engine/decode/stop_text.h"

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

/// Text on its way to the caller: whole characters, no stop text.
class Output {
 public:
  Output(const TextTokenizer& tokenizer, const GenerateOptions& options,
         const TextCallback& on_text, std::string& text)
      : stream_(tokenizer), stop_(options.stop), on_text_(on_text), text_(text) {}

  /// Whether to go on, and if not, why.
  std::optional<StopReason> push(Token token) {
    const bool wanted = show(stop_.push(stream_.push(token)));
    if (stop_.stopped()) return StopReason::stop_text;
    return wanted ? std::nullopt : std::optional(StopReason::callback);
  }

  /// Shows what was held back, unless something has ended the text.
  void finish() {
    if (stop_.stopped() || refused_) return;
    if (show(stop_.push(stream_.finish()))) show(stop_.finish());
  }

 private:
  bool show(std::string_view piece) {
    text_ += piece;
    refused_ = !piece.empty() && on_text_ && !on_text_(piece);
    return !refused_;
  }

  StreamDecoder stream_;
  StopText stop_;
  const TextCallback& on_text_;
  std::string& text_;
  bool refused_ = false;  // the caller wants no more
};

void check_prompt(const Decoder& decoder, std::span<const Token> prompt) {
  if (prompt.empty()) fail(Error::Code::argument, "empty prompt: expected at least one token");
  if (static_cast<int64_t>(prompt.size()) >= decoder.context()) {
    fail(Error::Code::limit, "a prompt of ", prompt.size(),
         " tokens leaves no room for an answer in a context of ", decoder.context());
  }
  decoder.check_ids(prompt);
}

}  // namespace

Generation generate(Decoder& decoder, const TextTokenizer& tokenizer, std::span<const Token> prompt,
                    const GenerateOptions& options, const TextCallback& on_text) {
  check_prompt(decoder, prompt);
  Generation result{.prompt_tokens = static_cast<int64_t>(prompt.size())};
  Sampler sampler(options.ignore_eos ? without_end(options.sampling, tokenizer) : options.sampling,
                  static_cast<int64_t>(tokenizer.size()), decoder.kernels());
  Output output(tokenizer, options, on_text, result.text);
  std::vector<Token> history(prompt.begin(), prompt.end());
  history.reserve(decoder.context() + 1);

  const Stopwatch prefill;
  result.cached_tokens = keep_prefix(decoder, prompt);
  std::span<const float> logits = decoder.eval(prompt.subspan(result.cached_tokens));
  result.prefill_seconds = prefill.seconds();

  const Stopwatch decode;
  result.reason = StopReason::max_tokens;
  while (options.max_tokens < 0 ||
         static_cast<int64_t>(result.tokens.size()) < options.max_tokens) {
    const Token token = sampler.sample(logits, history);
    if (tokenizer.is_end_of_generation(token)) {
      result.reason = StopReason::end_of_text;
      break;
    }
    history.push_back(token);
    result.tokens.push_back(token);
    if (const std::optional<StopReason> reason = output.push(token)) {
      result.reason = *reason;
      break;
    }
    if (decoder.position() == decoder.context()) {
      result.reason = StopReason::context_full;
      break;
    }
    if (static_cast<int64_t>(result.tokens.size()) == options.max_tokens) break;
    logits = decoder.eval({&token, 1});
  }
  output.finish();
  result.decode_seconds = decode.seconds();
  return result;
}

}  // namespace heed
