// heed imatrix: what each matrix of a model multiplies while it reads a text, for heed convert.
#include <cstdio>
#include <filesystem>

#include "tools/arguments.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/terminal.h"

namespace heed {
namespace {

class ImportanceMatrix : public Verb {
 public:
  About about() const override {
    return {.name = "imatrix",
            .arguments = "MODEL -o OUT",
            .summary = "what a text makes matrices multiply, for convert",
            .example =
                "  heed imatrix big.gguf -f book.txt -o big.imatrix\n"
                "  heed convert big.gguf -o small.gguf --type q3_k_m --imatrix big.imatrix"};
  }
  void add_flags(Flags& flags) override {
    flags.add("-f,--file", "TEXT", file_, "the text (an encoder's by lines); - is stdin");
    flags.add("-o,--output", "OUT", out_path_, "the file to write, which llama.cpp reads too");
    flags.add("-c,--ctx-size", "N", options_.context, "tokens of a chunk of text; 512", {2, 1e9});
    model_.add_flags(flags);
  }
  void run(Words& words, Output& out) override;

 private:
  ModelArguments model_;
  std::string file_;
  std::string out_path_;
  ImatrixOptions options_;
};

void ImportanceMatrix::run(Words& words, Output&) {
  model_.take_name(words);
  words.require_end();
  if (out_path_.empty()) throw UsageError("-o OUT is missing");
  const std::string text = take_text(std::nullopt, file_, words, "-f TEXT");
  const Model model = model_.load();
  options_.threads = model_.threads;
  options_.dataset = std::filesystem::path(file_).filename().string();
  Json report;
  {
    ProgressBar bar("measuring");
    catch_interrupts();
    options_.progress = [&bar](int64_t done, int64_t all) { bar.update(done, all); };
    report = Json::parse(write_imatrix(model, text, out_path_, options_));
  }
  std::fprintf(stderr, "%s: %lld matrices, %s tokens in %lld chunks\n", out_path_.c_str(),
               report["matrices"].get<long long>(), count_text(report["tokens"]).c_str(),
               report["chunks"].get<long long>());
}

}  // namespace

std::unique_ptr<Verb> make_imatrix() {
  return std::make_unique<ImportanceMatrix>();
}

}  // namespace heed
