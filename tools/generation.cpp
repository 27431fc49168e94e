#include "tools/generation.h"

#include "tools/numbers.h"
#include "tools/terminal.h"

namespace heed {

Generation stream_answer(Session& session, std::span<const Token> prompt,
                         const GenerateOptions& options, Output& out) {
  take_interrupt();
  return session.generate(prompt, options, [&out](std::string_view text) {
    out.write(text);
    out.flush();
    return !take_interrupt();
  });
}

std::string rates_text(const Generation& g) {
  const auto part = [](const std::string& what, int64_t tokens, int64_t timed, double seconds) {
    std::string text = what + " " + std::to_string(tokens) + " tokens";
    if (timed > 0 && seconds > 0)
      text += ", " + fixed(static_cast<double>(timed) / seconds, 1) + " t/s";
    return text;
  };
  const int64_t answer = static_cast<int64_t>(g.tokens.size());
  std::string text =
      part("prompt", g.prompt_tokens, g.prompt_tokens - g.cached_tokens, g.prefill_seconds);
  if (g.cached_tokens > 0) text += " (" + std::to_string(g.cached_tokens) + " cached)";
  return text + "; " + part("answer", answer, answer - 1, g.decode_seconds);
}

std::string ending_text(const Generation& g, const Session& session) {
  if (g.reason != StopReason::context_full) return "";
  return "the context of " + std::to_string(session.context()) +
         " tokens is full: the answer ends here (-c N makes room)";
}

}  // namespace heed
