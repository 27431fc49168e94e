// Turns a conversation into the prompt a model was trained on, by the Jinja template its file
// carries. Used by sessions and by `heed template`.
// Reference: huggingface.co/docs/transformers/chat_templating.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace heed {

struct ChatMessage {
  std::string role;  ///< "system", "user", "assistant" or what else the template knows
  std::string content;
};

/// What a template is given in the plain case; its other variables are undefined, and `tools` and
/// `documents` are None, as transformers has it.
struct Chat {
  std::vector<ChatMessage> messages;
  bool add_generation_prompt = true;  ///< end with the head of the assistant's next message
  std::string bos_token, eos_token;   ///< as text
};

/// A parsed chat template; immutable, so that any number of threads may render at once. Covers what
/// templates of instruct models use, with the semantics of Python's jinja2 as transformers sets it
/// up (trim_blocks, lstrip_blocks, loop controls, generation blocks, tojson, raise_exception,
/// strftime_now). All else is an error that names it: a prompt is either right or not made.
class ChatTemplate {
 public:
  /// Throws Error(format) for what is no template, Error(unsupported) for a construct Heed does not
  /// have, Error(limit) for one too large; each names line and place.
  explicit ChatTemplate(std::string_view source);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  /// The prompt, with the members of a JSON object as the template's variables. strftime_now tells
  /// the local time `now`, by default that of the call. Throws Error: argument for what the
  /// template raises (its message is then the error's) and for operations its variables do not
  /// allow, format for bad JSON, unsupported, or limit for endless work.
  std::string render(std::string_view json, std::optional<std::tm> now = std::nullopt) const;
  std::string render(const Chat& chat, std::optional<std::tm> now = std::nullopt) const;

 private:
  struct Parsed;
  std::unique_ptr<const Parsed> parsed_;
};

}  // namespace heed
