// heed translate: one line in, one line out, in the same order, each as soon as its turn comes.
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "tools/arguments.h"
#include "tools/input.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/terminal.h"

namespace heed {
namespace {

/// Lines taken at once from a file: translations are made side by side, and some wait for others.
constexpr size_t kMostLines = 1 << 16;

class Translate : public Verb {
 public:
  About about() const override {
    return {.name = "translate",
            .arguments = "MODEL [TEXT...]",
            .summary = "translations, one a line; an encoder-decoder",
            .example =
                "  heed translate en-de \"Two dogs run across the grass.\"\n"
                "  heed translate en-de -f english.txt --beam-size 4 > german.txt"};
  }
  void add_flags(Flags& flags) override;
  void run(Words& words, Output& out) override;

 private:
  using Clock = std::chrono::steady_clock;

  void translate(const Model& model, Session& session, std::vector<std::string> lines, Output& out);
  std::string problem(const Model& model, const std::string& line) const;
  std::string shown(size_t line, const std::string& source, const Translation& translation,
                    const std::string& problem) const;

  ModelArguments model_;
  TranslateOptions options_;
  std::string file_;
  bool scores_ = false;
  bool json_ = false;

  const char* unit_ = "line";
  size_t lines_before_ = 0;  // of earlier calls of translate()
  size_t failed_ = 0;
};

void Translate::add_flags(Flags& flags) {
  constexpr Limits count{0, 1e6};
  flags.add("-f,--file", "FILE", file_, "one text a line; - is stdin");
  flags.add("--beam-size,-bs,--num-beams", "N", options_.beam_size,
            "hypotheses followed at once; 1 = greedy", {1, 1024});
  flags.add("--n-best,--num-hypotheses", "N", options_.hypotheses,
            "write the N best of each line, one a line", {1, 1024});
  flags.add("--scores,--with-score", scores_, "write \"SCORE ||| \" before each translation");
  flags.add("--json", json_, "one object a line: {\"index\":0,\"hypotheses\":[...]}");
  flags.add("--length-penalty", "X", options_.length_penalty,
            "score = log-probability / tokens ^ X");
  flags.add("--min-length", "N", options_.min_length, "tokens, start and end counted", count);
  flags.add("--max-length", "N", options_.max_length, "tokens, start and end counted", count);
  flags.add("--no-repeat-ngram,--no-repeat-ngram-size", "N", options_.no_repeat_ngram,
            "no N tokens in a row come twice; 0 = they may", count);
  flags.add("--prefix,--target-prefix", "TEXT", options_.prefix,
            "what every translation begins with");
  flags.add_choice(
      "--early-stopping", "WHEN", options_.early_stopping, "yes, no or never, as in transformers",
      {{"yes", EarlyStopping::yes}, {"no", EarlyStopping::no}, {"never", EarlyStopping::never}});
  flags.add("-b,--batch-size", "N", options_.batch, "lines at work at once: 32", {1, 4096});
  flags.add("--truncate", options_.truncate, "cut lines that are too long, else an error");
  model_.add_flags(flags);
}

/// Why a line cannot be translated; empty if it can.
std::string Translate::problem(const Model& model, const std::string& line) const {
  if (const size_t at = find_bad_utf8(line); at != line.npos) {
    return "is not UTF-8: byte " + byte_text(line[at]);
  }
  const int64_t most = model.info().context;
  if (options_.truncate || static_cast<int64_t>(line.size()) < most) return "";
  const auto tokens = static_cast<int64_t>(model.tokenizer().encode(line).size());
  if (tokens <= most) return "";
  return "is too long: " + std::to_string(tokens) + " tokens, the model takes " +
         std::to_string(most) + " (--truncate cuts it)";
}

std::string Translate::shown(size_t line, const std::string& source, const Translation& translation,
                             const std::string& problem) const {
  if (json_) {
    Json json = {{"index", line}, {"source", source}};
    if (!problem.empty()) json["error"] = problem;
    json["hypotheses"] = Json::array();
    for (const Hypothesis& h : translation.hypotheses) {
      if (!problem.empty()) break;
      json["hypotheses"].push_back({{"text", h.text}, {"score", h.score}, {"tokens", h.tokens}});
    }
    return json_line(json);
  }
  std::string text;
  for (const Hypothesis& h : translation.hypotheses) {
    if (scores_) text += fixed(h.score, 6) + " ||| ";
    text += one_line(h.text, 0) + "\n";
  }
  return text;
}

/// A line that cannot be translated leaves its place empty, so that lines still correspond.
void Translate::translate(const Model& model, Session& session, std::vector<std::string> lines,
                          Output& out) {
  std::vector<std::string> problems(lines.size());
  std::vector<std::string> texts = lines;
  for (size_t i = 0; i < lines.size(); ++i) {
    problems[i] = problem(model, lines[i]);
    if (problems[i].empty()) continue;
    texts[i].clear();
    ++failed_;
    std::fprintf(stderr, "heed: %s %zu %s\n", unit_, lines_before_ + i + 1, problems[i].c_str());
  }
  ProgressBar bar("translating", is_terminal(STDOUT_FILENO));
  const Clock::time_point start = Clock::now();
  session.translate(texts, options_, [&](size_t i, const Translation& translation) {
    out.write(shown(lines_before_ + i, lines[i], translation, problems[i]));
    out.flush();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const double done = static_cast<double>(i + 1);
    bar.update(done / static_cast<double>(lines.size()), fixed(done / seconds, 0) + " sentences/s");
    return true;
  });
  lines_before_ += lines.size();
}

void Translate::run(Words& words, Output& out) {
  model_.take_name(words);
  std::vector<std::string> texts = words.take_all();
  if (!texts.empty() && !file_.empty()) throw UsageError("TEXT is given more than once");
  if (!texts.empty()) unit_ = "TEXT";
  const Model model = model_.load();
  Session session(model, {.threads = model_.threads});
  session.translate({}, options_);  // options are refused before a line is waited for
  catch_interrupts();
  if (!texts.empty()) {
    translate(model, session, std::move(texts), out);
  } else {
    LineReader reader(file_.empty() ? "-" : file_);
    for (auto lines = reader.take(kMostLines); !lines.empty(); lines = reader.take(kMostLines)) {
      translate(model, session, std::move(lines), out);
    }
  }
  if (failed_ == 0) return;
  throw Error(Error::Code::format,
              std::to_string(failed_) + " of " + std::to_string(lines_before_) + " not translated");
}

}  // namespace

std::unique_ptr<Verb> make_translate() {
  return std::make_unique<Translate>();
}

}  // namespace heed
