// heed convert: a Hugging Face directory becomes one GGUF file.
#include <cstdio>

#include "heed.hpp"
#include "tools/flags.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/terminal.h"
#include "tools/verb.h"

namespace heed {
namespace {

class Convert : public Verb {
 public:
  About about() const override {
    return {.name = "convert",
            .arguments = "SOURCE -o OUT",
            .summary = "a Hugging Face directory as one GGUF file",
            .example = "  heed convert ./all-MiniLM-L6-v2 -o minilm.gguf --type q8_0"};
  }
  void add_flags(Flags& flags) override {
    flags.add("-o,--output", "OUT", out_path_, "the file to write; an old one stays until then");
    flags.add("--type", "TYPE", options_.type, "of the weights: f16 (default), f32, q8_0, q4_k_m");
    flags.add("-t,--threads", "N", options_.threads, "threads; 0 = as many as the machine has",
              {0, 4096});
  }
  void run(Words& words, Output& out) override;

 private:
  std::string out_path_;
  ConvertOptions options_;
};

void Convert::run(Words& words, Output&) {
  const std::string source = words.take("SOURCE");
  words.require_end();
  if (out_path_.empty()) throw UsageError("-o OUT is missing");
  {
    ProgressBar bar("converting");
    catch_interrupts();
    options_.progress = [&bar](int64_t done, int64_t all) { bar.update(done, all); };
    convert(source, out_path_, options_);
  }
  const FileInfo info = inspect(out_path_);
  std::fprintf(stderr, "%s: %s, %s parameters, %s\n", out_path_.c_str(), info.architecture.c_str(),
               count_text(info.parameters).c_str(), bytes_text(info.bytes).c_str());
}

}  // namespace

std::unique_ptr<Verb> make_convert() {
  return std::make_unique<Convert>();
}

}  // namespace heed
