// Any text at all as a chat template: it is refused with an Error, or renders a small conversation,
// to the same prompt each time and within the limits.
#include <string>
#include <string_view>

#include "engine/text/chat_template.h"
#include "engine/text/jinja_text.h"
#include "tests/fuzz/checks.h"

namespace heed {
namespace {

constexpr std::string_view kContext = R"({
  "messages": [{"role": "system", "content": "Be brief."},
               {"role": "user", "content": "Grüße, 世界! 👋"},
               {"role": "assistant", "content": null, "tool_calls": [
                 {"type": "function", "function": {"name": "f", "arguments": {"x": [1.5, true]}}}]}],
  "tools": [{"function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
  "add_generation_prompt": true, "bos_token": "<s>",
  "s": "ab c", "n": 5, "f": 2.5, "l": [3, 1, 2], "d": {"b": 1, "a": "x"}, "none": null})";

}  // namespace

void fuzz(std::string_view source) {
  const std::tm now{};
  const ChatTemplate chat_template(source);
  const std::string prompt = chat_template.render(kContext, now);
  require(jinja::is_valid_utf8(prompt));
  require(chat_template.render(kContext, now) == prompt);
}

}  // namespace heed
