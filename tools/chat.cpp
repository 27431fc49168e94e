// The conversation of chat.h. The whole of it is given to the session each time, which keeps what
// its cache already holds.
#include "tools/chat.h"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <utility>

#include "tools/flags.h"
#include "tools/generation.h"
#include "tools/input.h"
#include "tools/numbers.h"
#include "tools/terminal.h"

namespace heed {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";

constexpr const char* kHelp =
    "  /bye                        leave (also Ctrl-D)\n"
    "  /clear                      forget the conversation\n"
    "  /set system TEXT            what the model should be\n"
    "  /set parameter NAME VALUE   temperature, top_k, seed, num_predict, ...\n"
    "  /set verbose | quiet        rates after each answer, or none\n"
    "  /show info | system | template | parameters\n"
    "  \"\"\"                         begins and ends a text of several lines\n"
    "  Ctrl-C                      stops the answer, or drops the line\n";

void say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

std::vector<std::string> split(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

Chat::Chat(const Model& model, Session& session, ChatSettings settings, Output& out)
    : model_(model), session_(session), settings_(std::move(settings)), out_(out) {
  if (model.chat_template().empty()) {
    throw Error(Error::Code::unsupported,
                "'" + model.info().path.string() +
                    "' has no chat template: give a prompt, which it will continue");
  }
}

void Chat::run() {
  say("Say something; /? shows the commands.");
  for (;;) {
    try {
      const std::optional<std::string> message = read_message();
      if (!message) return;
      if (message->empty()) continue;
      editor_.remember(*message);
      if (message->starts_with('/')) {
        if (!obey(*message)) return;
      } else {
        answer(*message);
      }
    } catch (const UsageError& error) {
      say(error.what());
    } catch (const Interrupted&) {  // often meant for an answer that has just ended
      say("/bye or Ctrl-D leaves.");
    }
  }
}

/// One line, or what stands between """ and """; nothing at the end.
std::optional<std::string> Chat::read_message() {
  std::optional<std::string> line = editor_.read(">>> ");
  if (!line || !line->starts_with(kQuotes)) return line;
  std::string text = line->substr(kQuotes.size());
  while (!text.ends_with(kQuotes)) {
    line = editor_.read("... ");
    if (!line) return line;
    text += "\n" + *line;
  }
  text.resize(text.size() - kQuotes.size());
  if (text.starts_with('\n')) text.erase(0, 1);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

/// Whether to go on.
bool Chat::obey(const std::string& line) {
  const std::vector<std::string> words = split(line);
  const std::string& command = words[0];
  if (command == "/bye" || command == "/exit" || command == "/quit") return false;
  if (command == "/?" || command == "/help") {
    std::fputs(kHelp, stderr);
  } else if (command == "/clear") {
    messages_.clear();
    say("The conversation is forgotten.");
  } else if (command == "/set") {
    set(words, line);
  } else if (command == "/show") {
    show(words.size() > 1 ? words[1] : "info");
  } else {
    throw UsageError("There is no " + command + "; /? shows the commands.");
  }
  return true;
}

void Chat::set(std::vector<std::string> words, std::string_view line) {
  words.resize(std::max<size_t>(words.size(), 4));
  if (words[1] == "system") {
    const size_t begin = line.find("system") + std::string_view("system").size();
    std::string text(line.substr(std::min(line.size(), begin + 1)));
    require_utf8(text, "the system prompt");
    settings_.system = std::move(text);
  } else if (words[1] == "parameter" && !words[3].empty()) {
    set_parameter(words[2], words[3]);
  } else if (words[1] == "verbose" || words[1] == "quiet") {
    settings_.verbose = words[1] == "verbose";
  } else {
    throw UsageError("/set takes: system TEXT, parameter NAME VALUE, verbose, quiet");
  }
}

void Chat::set_parameter(const std::string& name, const std::string& value) {
  SamplingArguments& sampling = settings_.sampling;
  if (name == "stop") return sampling.options.stop.push_back(value);
  if (name == "num_ctx") throw UsageError("The context is set at the start: heed run -c N");
  try {
    if (name == "seed") {
      sampling.seed = parse_integer(value, {-1, 1e18});
      return;
    }
    if (name == "num_predict") {
      sampling.options.max_tokens = parse_integer(value, {-1, 1e12});
      return;
    }
    for (const SamplingNumber& number : sampling_numbers()) {
      if (number.name == name) return number.set(sampling.options.sampling, value);
    }
  } catch (const UsageError& error) {
    throw UsageError(name + " " + error.what());
  }
  throw UsageError("There is no parameter '" + name + "'; /show parameters lists them.");
}

void Chat::show(std::string_view what) {
  const ModelInfo& info = model_.info();
  if (what == "info") {
    say("  model         " + info.name + " (" + info.path.string() + ")" + "\n  architecture  " +
        info.architecture + ", " + count_text(info.parameters) + " parameters, " +
        std::to_string(info.layers) + " layers" + "\n  context       " +
        std::to_string(session_.position()) + " of " + std::to_string(session_.context()) +
        " tokens in use" + "\n  runs on       " + info.isa + ", " +
        std::to_string(session_.threads()) + " threads");
  } else if (what == "template") {
    say(model_.chat_template());
  } else if (what == "system") {
    say(settings_.system.empty() ? "(the template's own)" : settings_.system);
  } else if (what == "parameters") {
    const SamplingArguments& sampling = settings_.sampling;
    const auto line = [](std::string_view name, double value) {
      std::fprintf(stderr, "  %-18.*s %g\n", static_cast<int>(name.size()), name.data(), value);
    };
    for (const SamplingNumber& parameter : sampling_numbers()) {
      line(parameter.name, parameter.get(sampling.options.sampling));
    }
    line("seed", static_cast<double>(sampling.seed));
    line("num_predict", static_cast<double>(sampling.options.max_tokens));
    for (const std::string& stop : sampling.options.stop) say("  stop               " + stop);
  } else {
    throw UsageError("/show takes: info, system, template, parameters");
  }
}

void Chat::answer(const std::string& text) {
  messages_.push_back({.role = "user", .content = text});
  try {
    require_utf8(text, "the message");
    const Generation generation =
        stream_chat(session_, conversation(), settings_.sampling.resolve(), out_);
    out_.write("\n");
    out_.flush();
    messages_.push_back({.role = "assistant", .content = generation.text});
    const std::string ending = ending_text(generation, session_);
    if (!ending.empty()) say(ending);
    if (settings_.verbose) say(rates_text(generation));
  } catch (const Error& error) {
    if (error.code() == Error::Code::io) throw;  // stdout is gone
    messages_.pop_back();
    say(error.what());
    if (error.code() == Error::Code::limit) {
      say("The conversation no longer fits; /clear begins a new one.");
    }
  }
}

std::vector<Message> Chat::conversation() const {
  std::vector<Message> all;
  if (!settings_.system.empty()) all.push_back({.role = "system", .content = settings_.system});
  all.insert(all.end(), messages_.begin(), messages_.end());
  return all;
}

}  // namespace heed
