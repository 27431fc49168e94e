// The command `heed`: finds the verb, reads its flags, runs it. stdout carries results; an error is
// one line on stderr. Exit codes: 0, 2 for bad usage, 1 for every other failure, 130 after Ctrl-C.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "heed.hpp"
#include "tools/flags.h"
#include "tools/help.h"
#include "tools/output.h"
#include "tools/terminal.h"
#include "tools/verb.h"

namespace heed {
namespace {

enum ExitCode { kDone = 0, kFailed = 1, kBadUsage = 2, kInterrupted = 130 };

std::vector<std::unique_ptr<Verb>> all_verbs() {
  std::vector<std::unique_ptr<Verb>> verbs;
  for (const auto make : {make_run, make_embed, make_translate, make_convert, make_imatrix,
                          make_show, make_list, make_tokenize, make_template, make_score,
                          make_perplexity, make_verify, make_bench, make_doctor}) {
    verbs.push_back(make());
  }
  return verbs;
}

/// What other tools call it.
std::string canonical(const std::string& name) {
  if (name == "chat") return "run";
  if (name == "ls") return "list";
  if (name == "-h" || name == "help") return "--help";
  if (name == "-V" || name == "version") return "--version";
  return name;
}

/// A closed stream's number would go to the next file opened, and what is meant for stderr would
/// end up in it: give the number to /dev/null, opened so that writing to "stdout" still fails.
void keep_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    const int opened = ::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    if (opened < 0) return;
  }
}

void run_verb(Verb& verb, const std::vector<std::string>& arguments, Output& out) {
  Flags flags;
  verb.add_flags(flags);
  Words words(flags.parse(arguments));
  if (flags.help_asked()) return out.write(verb_help(verb, flags));
  verb.run(words, out);
}

void run_program(std::vector<std::string> arguments, Output& out) {
  const auto verbs = all_verbs();
  if (arguments.empty()) throw UsageError("no command given (heed --help)");
  if (arguments[0] == "help" && arguments.size() > 1) {
    arguments = {arguments[1], "--help"};
  }
  const std::string name = canonical(arguments[0]);
  if (name == "--help") return out.write(program_help(verbs));
  if (name == "--version") return out.write("heed " + std::string(version()) + "\n");

  std::vector<std::string> names = {"--help", "--version"};
  for (const auto& verb : verbs) {
    names.emplace_back(verb->about().name);
    if (verb->about().name != name) continue;
    arguments.erase(arguments.begin());
    try {
      return run_verb(*verb, arguments, out);
    } catch (const UsageError& error) {
      throw UsageError(name + ": " + error.what() + " (heed " + name + " --help)");
    }
  }
  throw UsageError("unknown command '" + name + "'" + suggestion(name, names) + " (heed --help)");
}

/// One line, whatever a file's names contain: control characters could drive the terminal.
int report(std::string sentence, ExitCode code) {
  for (char& c : sentence) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  std::fprintf(stderr, "heed: %s\n", sentence.c_str());
  return code;
}

int run_reporting(std::vector<std::string> arguments) {
  try {
    Output out;
    run_program(std::move(arguments), out);
    out.flush();
    return kDone;
  } catch (const UsageError& error) {
    return report(error.what(), kBadUsage);
  } catch (const Error& error) {
    return report(error.what(), error.code() == Error::Code::argument ? kBadUsage : kFailed);
  } catch (const Interrupted&) {
    return kInterrupted;
  } catch (const std::bad_alloc&) {
    return report("out of memory", kFailed);
  } catch (const std::exception& error) {
    return report(error.what(), kFailed);
  }
}

}  // namespace
}  // namespace heed

int main(int argc, char** argv) {
  heed::keep_standard_streams();
  ::signal(SIGPIPE, SIG_IGN);  // writing says what is wrong
  ::signal(SIGXFSZ, SIG_IGN);
  return heed::run_reporting({argv + (argc > 0 ? 1 : 0), argv + argc});
}
