// The chat of `heed run`, on a terminal as a user has it: keys go in, the screen comes out.
#include <doctest/doctest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/format/gguf.h"
#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

/// The tiny model with a chat template, which shows how many messages it was given.
std::string chat_model(const TemporaryDirectory& directory) {
  const GgufFile file = GgufFile::open(tiny_model_path("llama"));
  Metadata metadata = file.metadata();
  metadata.set("tokenizer.chat_template",
               std::string("{% for m in messages %}{{ m.role[0] }} {{ m.content }} {% endfor %}"));
  std::vector<GgufWriter::Tensor> tensors;
  for (const TensorView& t : file.tensors()) tensors.push_back({t.name, t.type, t.shape});
  const std::string path = directory / "chat.gguf";
  GgufWriter writer(path, metadata, tensors);
  for (const TensorView& t : file.tensors()) writer.write(t.name, t.data);
  writer.commit();
  return path;
}

/// `heed` on a terminal of 80 x 24.
class Terminal {
 public:
  explicit Terminal(std::vector<std::string> words) {
    words.insert(words.begin(), HEED_BINARY_DIR "/heed");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    winsize size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    child_ = ::forkpty(&fd_, nullptr, nullptr, &size);
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      ::setenv("TERM", "xterm", 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~Terminal() {
    ::close(fd_);  // the child gets SIGHUP
    if (!ended_) ::waitpid(child_, nullptr, 0);
  }

  void type(std::string_view keys) {
    REQUIRE(::write(fd_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }

  /// What appears up to and including `text`; fails after ten seconds without it.
  std::string wait_for(std::string_view text) {
    CAPTURE(text);
    for (;;) {
      const size_t found = screen_.find(text);
      if (found != screen_.npos) {
        const std::string before = screen_.substr(0, found + text.size());
        screen_.erase(0, before.size());
        return before;
      }
      CAPTURE(screen_);
      REQUIRE(read_some());
    }
  }

  /// Reads to the end and returns the exit code.
  int wait_for_end() {
    while (read_some()) {
    }
    int status = 0;
    REQUIRE(::waitpid(child_, &status, 0) == child_);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  bool read_some() {
    pollfd ready = {.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 10000) <= 0) return false;
    char buffer[4096];
    const ssize_t got = ::read(fd_, buffer, sizeof buffer);
    if (got <= 0) return false;
    screen_.append(buffer, static_cast<size_t>(got));
    return true;
  }

  int fd_ = -1;
  pid_t child_ = -1;
  bool ended_ = false;
  std::string screen_;
};

constexpr std::string_view kPrompt = ">>> ";

TEST_CASE("chat: answers, keeps what was said, forgets it, leaves") {
  const TemporaryDirectory directory;
  Terminal terminal({"run", chat_model(directory), "-n", "2", "--temp", "0", "--ignore-eos"});
  terminal.wait_for(kPrompt);
  const auto tokens_in_use = [&] {
    terminal.type("/show info\n");
    terminal.wait_for("context       ");
    const int64_t tokens = std::stoll(terminal.wait_for(" of 128 tokens in use"));
    terminal.wait_for(kPrompt);
    return tokens;
  };
  CHECK(tokens_in_use() == 0);
  terminal.type("the red hen\n");
  terminal.wait_for(kPrompt);
  const int64_t once = tokens_in_use();
  CHECK(once > 0);
  terminal.type("the red hen\n");
  terminal.wait_for(kPrompt);
  CHECK(tokens_in_use() > once);
  terminal.type("/clear\n");
  terminal.wait_for("forgotten");
  terminal.wait_for(kPrompt);
  terminal.type("the red hen\n");
  terminal.wait_for(kPrompt);
  CHECK(tokens_in_use() == once);
  terminal.type("/bye\n");
  CHECK(terminal.wait_for_end() == 0);
}

TEST_CASE("chat: settings are checked when they are made") {
  const TemporaryDirectory directory;
  Terminal terminal({"run", chat_model(directory), "-n", "2"});
  const auto check_says = [&](const std::string& line, const std::string& expected) {
    terminal.wait_for(kPrompt);
    terminal.type(line + "\n");
    terminal.wait_for(line + "\r\n");
    const std::string said = terminal.wait_for("\r\n");
    CAPTURE(said);
    CHECK(said.find(expected) != std::string::npos);
  };
  check_says("/set parameter temperature -3", "temperature takes a number from 0, not '-3'");
  check_says("/set parameter top_p 2", "top_p takes a number up to 1, not '2'");
  check_says("/set parameter temprature 1", "There is no parameter 'temprature'");
  check_says("/set everything", "/set takes: system TEXT");
  check_says("/nonsense", "There is no /nonsense");
  terminal.wait_for(kPrompt);
  terminal.type("/set parameter top_k 3\n");
  terminal.wait_for(kPrompt);
  terminal.type("/show parameters\n");
  terminal.wait_for("top_k              3");
  terminal.wait_for(kPrompt);
  terminal.type("\x04");  // Ctrl-D
  CHECK(terminal.wait_for_end() == 0);
}

TEST_CASE("chat: Ctrl-C stops an answer, drops a line, and never leaves") {
  const TemporaryDirectory directory;
  Terminal terminal({"run", chat_model(directory), "-c", "128", "--ignore-eos", "-v"});
  terminal.wait_for(kPrompt);
  terminal.type("half a li\x03");
  terminal.wait_for("/bye or Ctrl-D leaves.");
  terminal.wait_for(kPrompt);
  terminal.type("\x03");
  terminal.wait_for("/bye or Ctrl-D leaves.");
  terminal.wait_for(kPrompt);
  terminal.type("the\n");
  terminal.wait_for("answer ");  // the rates, of whatever was not stopped in time
  terminal.wait_for(kPrompt);
  terminal.type("/bye\n");
  CHECK(terminal.wait_for_end() == 0);
}

TEST_CASE("chat: several lines come from a paste or from between three quotes") {
  const TemporaryDirectory directory;
  Terminal terminal({"run", chat_model(directory), "-n", "1"});
  terminal.wait_for("\x1b[?2004h");
  terminal.wait_for(kPrompt);
  terminal.type("\x1b[200~/set system one\rtwo\x1b[201~ three\n");
  terminal.wait_for(" three");  // before it the prompt may have been drawn again
  terminal.wait_for(kPrompt);
  terminal.type("/show system\n");
  terminal.wait_for("/show system\r\n");
  CHECK(terminal.wait_for(kPrompt).find("one\r\ntwo three\r\n") != std::string::npos);
  terminal.type("\"\"\"/set system four\n");
  terminal.wait_for("... ");
  terminal.type("five\"\"\"\n");
  terminal.wait_for("five\"\"\"");
  terminal.wait_for(kPrompt);
  terminal.type("/show system\n");
  terminal.wait_for("/show system\r\n");
  CHECK(terminal.wait_for(kPrompt).find("four\r\nfive\r\n") != std::string::npos);
  terminal.type("/bye\n");
  CHECK(terminal.wait_for_end() == 0);
}

TEST_CASE("chat needs a template") {
  Terminal terminal({"run", tiny_model_path("llama")});
  terminal.wait_for("has no chat template");
  CHECK(terminal.wait_for_end() == 1);
}

}  // namespace
}  // namespace heed
