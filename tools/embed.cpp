// heed embed: sentence embeddings.
#include <unistd.h>

#include "tools/arguments.h"
#include "tools/input.h"
#include "tools/npy.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/terminal.h"

namespace heed {
namespace {

class Embed : public Verb {
 public:
  About about() const override {
    return {.name = "embed",
            .arguments = "MODEL [TEXT...]",
            .summary = "sentence embeddings, one a line",
            .example =
                "  heed embed minilm \"Dogs run.\" \"Cats sleep.\"\n"
                "  heed embed minilm -f sentences.txt --npy sentences.npy"};
  }
  void add_flags(Flags& flags) override;
  void run(Words& words, Output& out) override;

 private:
  std::vector<std::string> take_texts(Words& words) const;

  ModelArguments model_;
  EmbedOptions options_;
  std::string file_;
  std::string npy_;
  bool no_normalize_ = false;
  bool json_ = false;
};

void Embed::add_flags(Flags& flags) {
  flags.add("-f,--file", "FILE", file_, "one text a line; - is stdin");
  flags.add("--npy", "OUT", npy_, "write float32 [texts, width] for NumPy instead");
  flags.add("--json", json_, "one object a line: {\"index\":0,\"embedding\":[...]}");
  flags.add_choice("--pooling", "HOW", options_.pooling, "mean, cls or last, not as the model says",
                   {{"model", Pooling::model},
                    {"mean", Pooling::mean},
                    {"cls", Pooling::cls},
                    {"last", Pooling::last}});
  flags.add("--no-normalize", no_normalize_, "leave the vectors at their own length");
  flags.add("--truncate", options_.truncate, "cut texts that are too long, else an error");
  model_.add_flags(flags);
}

/// Every word is a text; else every line of a file or of stdin.
std::vector<std::string> Embed::take_texts(Words& words) const {
  if (file_.empty() && !words.empty()) {
    std::vector<std::string> texts = words.take_all();
    for (const std::string& text : texts) require_utf8(text, "TEXT");
    return texts;
  }
  words.require_end();
  if (file_.empty() && is_terminal(STDIN_FILENO)) throw UsageError("TEXT is missing");
  return read_lines(file_.empty() ? "-" : file_);
}

void Embed::run(Words& words, Output& out) {
  model_.take_name(words);
  const std::vector<std::string> texts = take_texts(words);
  Session session(model_.load(), {.threads = model_.threads});
  Embeddings embeddings;
  {
    ProgressBar bar("embedding");
    catch_interrupts();
    options_.normalize = !no_normalize_;
    options_.progress = [&](int64_t done, int64_t all) { bar.update(done, all); };
    embeddings = session.embed(texts, options_);
  }
  if (!npy_.empty()) {
    write_npy(npy_, embeddings.values, embeddings.rows, embeddings.width);
    return;
  }
  const float* value = embeddings.values.data();
  for (int64_t row = 0; row < embeddings.rows; ++row) {
    std::string line;
    for (int64_t i = 0; i < embeddings.width; ++i) {
      if (i > 0) line += json_ ? ',' : ' ';
      append_float(*value++, line);
    }
    if (json_) line = "{\"index\":" + std::to_string(row) + ",\"embedding\":[" + line + "]}";
    out.write(line + "\n");
  }
}

}  // namespace

std::unique_ptr<Verb> make_embed() {
  return std::make_unique<Embed>();
}

}  // namespace heed
