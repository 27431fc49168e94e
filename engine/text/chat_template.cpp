// Chat templates: the public face of the jinja_* files.
#include "engine/text/chat_template.h"

#include "engine/text/jinja_context.h"
#include "engine/text/jinja_eval.h"
#include "engine/text/jinja_parser.h"
#include "engine/text/jinja_text.h"
#include "engine/text/jinja_time.h"

namespace heed {
namespace {

using jinja::Value;

std::string render_with(const jinja::Program& program, const Value& variables,
                        std::optional<std::tm> now) {
  jinja::Evaluator evaluator(program, *variables.as_dict(), now ? *now : jinja::local_time());
  try {
    return evaluator.render();
  } catch (const Error& error) {
    fail(error.code(), "chat template, line ", evaluator.line(), ": ", error.what());
  }
}

Value checked_text(const std::string& text) {
  if (!jinja::is_valid_utf8(text)) {
    fail(Error::Code::argument, "a chat message is not valid UTF-8");
  }
  return Value::text(text);
}

Value variables_of(const Chat& chat) {
  jinja::List messages;
  for (const ChatMessage& message : chat.messages) {
    messages.push_back(Value::dict({{Value::text("role"), checked_text(message.role)},
                                    {Value::text("content"), checked_text(message.content)}}));
  }
  return Value::dict(
      {{Value::text("messages"), Value::list(std::move(messages))},
       {Value::text("tools"), Value()},
       {Value::text("documents"), Value()},
       {Value::text("add_generation_prompt"), Value::boolean(chat.add_generation_prompt)},
       {Value::text("bos_token"), checked_text(chat.bos_token)},
       {Value::text("eos_token"), checked_text(chat.eos_token)}});
}

}  // namespace

struct ChatTemplate::Parsed {
  jinja::Program program;
};

ChatTemplate::ChatTemplate(std::string_view source) {
  try {
    parsed_ = std::make_unique<const Parsed>(Parsed{jinja::parse(source)});
  } catch (const Error& error) {
    fail(error.code(), "chat template: ", error.what());
  }
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(std::string_view json, std::optional<std::tm> now) const {
  return render_with(parsed_->program, jinja::read_context(json), now);
}

std::string ChatTemplate::render(const Chat& chat, std::optional<std::tm> now) const {
  return render_with(parsed_->program, variables_of(chat), now);
}

}  // namespace heed
