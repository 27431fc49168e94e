// heed list: the models of the local store.
#include <algorithm>

#include "heed.hpp"
#include "tools/flags.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/reports.h"
#include "tools/verb.h"

namespace heed {
namespace {

class List : public Verb {
 public:
  About about() const override {
    return {.name = "list",
            .arguments = "",
            .summary = "names of the models in the store",
            .example = "  heed list"};
  }
  void add_flags(Flags& flags) override { flags.add("--json", json_, "one object a line"); }
  void run(Words& words, Output& out) override;

 private:
  bool json_ = false;
};

void List::run(Words& words, Output& out) {
  words.require_end();
  const std::vector<std::string> names = model_names();
  int64_t width = 0;
  for (const std::string& name : names) width = std::max(width, text_width(name));
  for (const std::string& name : names) {
    std::string problem;
    FileInfo info;
    try {
      info = inspect_file(name);
    } catch (const Error& error) {
      problem = error.what();  // the others are still worth listing
    }
    if (json_) {
      Json line = {{"name", name}};
      if (problem.empty()) {
        line.update({{"path", info.path.string()},
                     {"architecture", info.architecture},
                     {"parameters", info.parameters},
                     {"bytes", info.bytes}});
      } else {
        line["error"] = problem;
      }
      out.write(json_line(line));
    } else {
      const std::string details = problem.empty() ? padded(info.architecture, 10) +
                                                        padded(count_text(info.parameters), 10) +
                                                        bytes_text(info.bytes)
                                                  : one_line(problem, 0);
      out.write(padded(name, width + 2) + details + "\n");
    }
  }
  if (names.empty() && !json_) {
    std::fprintf(stderr, "no models in %s\n", model_store().c_str());
  }
}

}  // namespace

std::unique_ptr<Verb> make_list() {
  return std::make_unique<List>();
}

}  // namespace heed
