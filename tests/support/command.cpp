#include "tests/support/command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

/// In the child: makes `path` the file descriptor `fd`.
void redirect(const std::string& path, int flags, int fd) {
  const int opened = ::open(path.c_str(), flags, 0600);
  if (opened < 0 || ::dup2(opened, fd) < 0) ::_exit(126);
  ::close(opened);
}

/// Sends SIGINT once the file holds something, unless the child has ended by then.
void interrupt_after_output(pid_t child, const std::string& output) {
  siginfo_t ended = {};
  while (::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         ended.si_pid == 0) {
    std::error_code none;
    const auto size = std::filesystem::file_size(output, none);
    if (!none && size > 0) {
      ::kill(child, SIGINT);
      return;
    }
    ::usleep(1000);
  }
}

}  // namespace

CommandResult run_heed(const std::vector<std::string>& arguments, const CommandOptions& options) {
  const TemporaryDirectory directory;
  const std::string input = directory / "in";
  const std::string output =
      options.output_path.empty() ? (directory / "out").string() : options.output_path;
  const std::string errors = directory / "err";
  write_text(input, options.input);

  std::vector<std::string> words = {HEED_BINARY_DIR "/heed"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    redirect(input, O_RDONLY, STDIN_FILENO);
    redirect(output, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(errors, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    if (options.close_stdout) ::close(STDOUT_FILENO);
    if (!options.model_store.empty()) ::setenv("HEED_HOME", options.model_store.c_str(), 1);
    if (options.file_size_limit > 0) {
      const rlim_t bytes = static_cast<rlim_t>(options.file_size_limit);
      const rlimit limit = {bytes, bytes};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  if (options.interrupt) interrupt_after_output(child, output);
  if (options.kill_after > 0) {
    ::usleep(static_cast<useconds_t>(options.kill_after * 1e6));
    ::kill(child, SIGKILL);  // not reaped yet: the number is still its own
  }
  int status = 0;
  rusage usage = {};
  if (::wait4(child, &status, 0, &usage) != child) throw std::runtime_error("cannot wait for heed");
  CommandResult result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (options.output_path.empty()) result.out = read_text(output);
  result.err = read_text(errors);
  result.peak_bytes = int64_t{usage.ru_maxrss} * 1024;
  return result;
}

std::string tiny_model_path(const std::string& name) {
  return HEED_TEST_DIR "/models/goldens/tiny-" + name + ".gguf";
}

bool is_one_error_line(const std::string& text) {
  return text.starts_with("heed: ") && text.ends_with('\n') &&
         std::count(text.begin(), text.end(), '\n') == 1;
}

}  // namespace heed
