#include "tools/generation.h"

#include "tools/numbers.h"
#include "tools/terminal.h"

namespace heed {
namespace {

TextCallback show_text(Output& out) {
  take_interrupt();  // of what was before
  return [&out](std::string_view text) {
    out.write(text);
    out.flush();
    return !take_interrupt();
  };
}

}  // namespace

Generation stream_answer(Session& session, std::span<const Token> prompt,
                         const GenerateOptions& options, Output& out) {
  return session.generate(prompt, options, show_text(out));
}

Generation stream_chat(Session& session, std::span<const Message> messages,
                       const GenerateOptions& options, Output& out) {
  return session.chat(messages, options, show_text(out));
}

std::string rates_text(const Generation& g) {
  const auto rate = [](int64_t tokens, double seconds) -> std::string {
    if (tokens <= 0 || seconds <= 0) return "";
    return ", " + fixed(static_cast<double>(tokens) / seconds, 1) + " t/s";
  };
  const int64_t answered = static_cast<int64_t>(g.tokens.size());
  const std::string cached =
      g.cached_tokens > 0 ? " (" + std::to_string(g.cached_tokens) + " cached)" : "";
  return "prompt " + std::to_string(g.prompt_tokens) + " tokens" + cached +
         rate(g.prompt_tokens - g.cached_tokens, g.prefill_seconds) + "; answer " +
         std::to_string(answered) + " tokens" + rate(answered - 1, g.decode_seconds);
}

std::string ending_text(const Generation& g, const Session& session) {
  if (g.reason != StopReason::context_full) return "";
  return "the context of " + std::to_string(session.context()) +
         " tokens is full: the answer ends here (-c N makes room)";
}

}  // namespace heed
