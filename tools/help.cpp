#include "tools/help.h"

#include <cstddef>

#include "tools/numbers.h"

namespace heed {
namespace {

constexpr size_t kColumns = 80;

/// "-p, --prompt TEXT": the first two names.
std::string flag_text(const Flags::Flag& flag) {
  const bool has_short = flag.names[0][1] != '-';
  std::string text = (has_short ? "" : "    ") + flag.names[0];
  if (has_short && flag.names.size() > 1) text += ", " + flag.names[1];
  return flag.value.empty() ? text : text + " " + flag.value;
}

/// "--temp 0.8  --top-k 40 ...", as many a line as fit.
std::string sampling_list(const Flags& flags) {
  const std::string indent(11, ' ');
  std::string lines;
  std::string line = padded("  sampling:", 11);
  for (const Flags::Flag& flag : flags.all()) {
    if (flag.place != Flags::Place::sampling) continue;
    const std::string text = "  " + flag.names[0] + " " + flag.value;
    if (line.size() + text.size() > kColumns) {
      lines += line + "\n";
      line = indent;
    }
    line += text;
  }
  return line.size() == indent.size() ? lines : lines + line + "\n";
}

}  // namespace

std::string program_help(std::span<const std::unique_ptr<Verb>> verbs) {
  std::string text =
      "heed: runs Transformer models on ordinary CPUs\n\n"
      "usage: heed COMMAND [ARGUMENTS]     heed COMMAND --help     heed --version\n\n";
  for (const auto& verb : verbs) {
    const Verb::About about = verb->about();
    const std::string left = std::string(about.name) + " " + std::string(about.arguments);
    text += "  " + padded(left, 28) + std::string(about.summary) + "\n";
  }
  return text +
         "\nMODEL is a GGUF file's path, or a name that `heed list` shows.\n"
         "Results go to stdout, all else to stderr.\n";
}

std::string verb_help(const Verb& verb, const Flags& flags) {
  const Verb::About about = verb.about();
  const std::string space = about.arguments.empty() ? "" : " ";
  std::string text = "usage: heed " + std::string(about.name) + space +
                     std::string(about.arguments) + " [FLAGS]\n" + std::string(about.summary) +
                     "\n\n";
  for (const Flags::Flag& flag : flags.all()) {
    if (flag.place != Flags::Place::line) continue;
    text += "  " + padded(flag_text(flag), 28) + flag.help + "\n";
  }
  if (!verb.notes().empty()) text += "\n" + std::string(verb.notes());
  return text + sampling_list(flags) + "\nexample:\n" + std::string(about.example) + "\n";
}

}  // namespace heed
