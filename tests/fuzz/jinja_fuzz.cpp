// Any text at all as a chat template: it is refused with an Error, or renders a small conversation,
// to the same prompt each time and within the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/core/error.h"
#include "engine/text/chat_template.h"
#include "engine/text/jinja_text.h"

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

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const std::tm now{};
  try {
    const heed::ChatTemplate chat_template(source);
    const std::string prompt = chat_template.render(kContext, now);
    if (!heed::jinja::is_valid_utf8(prompt)) std::abort();
    if (chat_template.render(kContext, now) != prompt) std::abort();
  } catch (const heed::Error&) {
  }
  return 0;
}
