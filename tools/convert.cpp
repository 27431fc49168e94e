// heed convert: a Hugging Face or CTranslate2 directory becomes one GGUF file, or a GGUF file
// another.
#include <cstdio>
#include <filesystem>

#include "heed.hpp"
#include "tools/flags.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/reports.h"
#include "tools/terminal.h"
#include "tools/verb.h"

namespace heed {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// A flag given as "NAME=VALUE", any number of times.
Flags::Setter pair_setter(Pairs& pairs, bool at_last, std::string_view form) {
  return [&pairs, at_last, form](std::string_view given) {
    const size_t at = at_last ? given.rfind('=') : given.find('=');
    if (at == given.npos || at == 0) {
      throw UsageError("takes " + std::string(form) + ", not '" + std::string(given) + "'");
    }
    pairs.emplace_back(given.substr(0, at), given.substr(at + 1));
  };
}

class Convert : public Verb {
 public:
  About about() const override {
    return {.name = "convert",
            .arguments = "SOURCE -o OUT",
            .summary = "a directory of weights, or GGUF, as one GGUF file",
            .example =
                "  heed convert ./all-MiniLM-L6-v2 -o minilm.gguf --type q8_0\n"
                "  heed convert big.gguf -o small.gguf --type q4_k_m --imatrix big.imatrix"};
  }
  void add_flags(Flags& flags) override {
    flags.add("-o,--output", "OUT", out_path_, "the file to write; an old one stays until then");
    flags.add("--type", "TYPE", options_.type, "of the weights: f16, f32, q8_0, q4_k_m ...");
    flags.add("--tensor-type", "RE=TYPE", "of matrices so named; the first match counts",
              pair_setter(options_.tensor_types, /*at_last=*/true,
                          "RE=TYPE, a regular expression and a type"));
    flags.add("--set", "KEY=VALUE", "metadata, in the type the key has; may be repeated",
              pair_setter(options_.metadata, /*at_last=*/false, "KEY=VALUE"));
    flags.add("--imatrix", "FILE", imatrix_, "errors count as it says; without, as measured here");
    flags.add("--no-record", no_record_, "source not run: no heed verify, errors count alike");
    flags.add("-t,--threads", "N", options_.threads, "threads; 0 = as many as the machine has",
              {0, 4096});
  }
  std::string_view notes() const override {
    return "SOURCE: a directory as Hugging Face or CTranslate2 saves it, or a GGUF file.\n"
           "Without --type a directory becomes f16; of a GGUF file all stays as it is, but\n"
           "for what --tensor-type and --set say. A new key is of the type its value looks\n"
           "like: true, 7, 0.5, or else a string.\n"
           "A few texts are run through the source first: for heed verify, and to know which\n"
           "errors of rounding will be multiplied by much.\n";
  }
  void run(Words& words, Output& out) override;

 private:
  std::string out_path_;
  std::string imatrix_;
  bool no_record_ = false;
  ConvertOptions options_;
};

void warn(const Json& report, bool has_imatrix) {
  const auto quantized = report["quantized"].get<long long>();
  const auto twice = report["quantized_twice"].get<long long>();
  const auto unweighted = report["unweighted"].get<long long>();
  const auto problem = report["record_problem"].get<std::string>();
  if (twice > 0) {
    std::fprintf(
        stderr, "heed: warning: %lld of %lld matrices were quantised before: their errors add up\n",
        twice, quantized);
  }
  if (has_imatrix && unweighted > 0) {
    std::fprintf(stderr, "heed: warning: the imatrix has nothing of %lld of %lld matrices\n",
                 unweighted, quantized);
  }
  if (!problem.empty()) {
    std::fprintf(stderr, "heed: warning: no record for heed verify%s: %s\n",
                 has_imatrix || quantized == 0 ? "" : ", errors not weighed", problem.c_str());
  }
}

void Convert::run(Words& words, Output&) {
  const std::string source = words.take("SOURCE");
  words.require_end();
  if (out_path_.empty()) throw UsageError("-o OUT is missing");
  options_.imatrix = imatrix_;
  options_.record = !no_record_;
  std::string report;
  {
    ProgressBar bar("converting");
    catch_interrupts();
    options_.progress = [&bar](int64_t done, int64_t all) { bar.update_bytes(done, all); };
    report = convert(source, out_path_, options_);
  }
  warn(Json::parse(report), !imatrix_.empty());
  if (!std::filesystem::is_regular_file(out_path_)) return;  // a pipe cannot be read again
  const FileInfo info = inspect_file(out_path_);
  std::fprintf(stderr, "%s: %s, %s parameters, %s\n", out_path_.c_str(), info.architecture.c_str(),
               count_text(info.parameters).c_str(), bytes_text(info.bytes).c_str());
}

}  // namespace

std::unique_ptr<Verb> make_convert() {
  return std::make_unique<Convert>();
}

}  // namespace heed
