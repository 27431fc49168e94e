// heed template: the prompt a chat template makes.
#include <filesystem>
#include <fstream>

#include "tools/arguments.h"
#include "tools/input.h"
#include "tools/output.h"

namespace heed {
namespace {

class Template : public Verb {
 public:
  About about() const override {
    return {.name = "template",
            .arguments = "SOURCE -f JSON",
            .summary = "the prompt that a chat template makes",
            .example =
                "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}],\n"
                "         \"add_generation_prompt\": true}' | heed template smollm2 -f -"};
  }
  void add_flags(Flags& flags) override {
    flags.add("-f,--file", "JSON", file_, "the template's variables, an object; - is stdin");
  }
  void run(Words& words, Output& out) override {
    ModelArguments source{.name = words.take("SOURCE (a model or a .jinja file)")};
    words.require_end();
    if (file_.empty()) throw UsageError("-f JSON is missing");
    const std::string variables = read_text(file_);
    out.write(is_text_file(source.name) ? render_template(read_text(source.name), variables)
                                        : source.load_vocabulary().chat_prompt_json(variables));
  }

 private:
  /// A file that exists and is not GGUF is a template; all else is left to the model store.
  static bool is_text_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char magic[4] = {};
    file.read(magic, sizeof magic);
    return std::filesystem::is_regular_file(path) && std::string_view(magic, 4) != "GGUF";
  }

  std::string file_;
};

}  // namespace

std::unique_ptr<Verb> make_template() {
  return std::make_unique<Template>();
}

}  // namespace heed
