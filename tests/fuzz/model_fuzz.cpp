// Any bytes as a whole model: they are refused with an Error, or load, and a few tokens go through
// the layers they describe. Memory that a file claims and does not hold must be refused before it
// is taken: libFuzzer ends a run that takes 2 GB.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/library.h"
#include "tests/fuzz/checks.h"

namespace heed {
namespace {

/// A file in memory that has a path, as Model::load wants it.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : file_(memfd_create("model", 0)) {
    if (file_ < 0 ||
        write(file_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      std::abort();
    }
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

void decode(Session& session) {
  std::vector<Token> tokens = session.model().tokenizer().encode("Ab c\n", {.add_special = false});
  tokens.push_back(static_cast<Token>(session.model().info().vocab - 1));
  if (static_cast<int64_t>(tokens.size()) > session.context()) return;
  session.eval(tokens);
  session.rewind(0);
  session.generate(tokens, {.max_tokens = 2, .sampling = {.temperature = 1}, .ignore_eos = true});
}

}  // namespace

void fuzz(std::string_view bytes) {
  const MemoryFile file(bytes);
  const Model model = Model::load(file.path(), {.exact = bytes.size() % 2 != 0, .threads = 1});
  Session session(model, {.context = std::min<int64_t>(16, model.info().context), .threads = 1});
  if (model.info().kind == ModelKind::decoder) {
    decode(session);
  } else {
    session.embed(std::vector<std::string>{"Ab c", ""}, {.truncate = true});
  }
  if (!model.chat_template().empty()) {
    model.chat_prompt(std::vector<Message>{{.role = "user", .content = "Ab c"}});
  }
}

}  // namespace heed
