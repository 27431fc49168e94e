// heed tokenize: text to token ids, or back.
#include <charconv>

#include "tools/arguments.h"
#include "tools/numbers.h"
#include "tools/output.h"

namespace heed {
namespace {

class Tokenize : public Verb {
 public:
  About about() const override {
    return {.name = "tokenize",
            .arguments = "MODEL [TEXT]",
            .summary = "token ids of a text, or the text of ids",
            .example =
                "  heed tokenize smollm2 --pieces \"Hello world\"\n"
                "  heed tokenize smollm2 --decode 19556,905"};
  }
  void add_flags(Flags& flags) override {
    model_.add_name(flags);
    flags.add("-p,--prompt", "TEXT", text_, "the text");
    flags.add("-f,--file", "FILE", file_, "read it from a file; - is stdin");
    flags.add("--pieces", pieces_, "one token a line: id, place in the text, piece");
    flags.add("--no-special", no_special_, "add no beginning, end or class tokens");
    flags.add("--decode", "IDS", decode_, "the text of ids, separated by commas or spaces");
    flags.add("--json", json_, "{\"tokens\":[...]}");
  }
  void run(Words& words, Output& out) override;

 private:
  void write_pieces(const Model& model, const std::string& text, Output& out) const;

  ModelArguments model_;
  std::optional<std::string> text_;
  std::string file_;
  std::string decode_;
  bool pieces_ = false;
  bool no_special_ = false;
  bool json_ = false;
};

/// Numbers between anything that is no digit or sign: "1 2", "1,2" and "[1, 2]" alike.
std::vector<Token> parse_ids(const std::string& text, int64_t vocab) {
  std::vector<Token> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    if (std::string_view(" ,[]\n\t").find(*at) != std::string_view::npos) {
      ++at;
      continue;
    }
    Token id = -1;
    const auto [next, problem] = std::from_chars(at, end, id);
    if (problem != std::errc() || id < 0 || id >= vocab) {
      throw UsageError("'" + std::string(at, end) + "' does not begin with a token id below " +
                       std::to_string(vocab));
    }
    ids.push_back(id);
    at = next;
  }
  return ids;
}

void Tokenize::run(Words& words, Output& out) {
  model_.take_name(words);
  if (!decode_.empty()) {
    words.require_end();
    const Model model = model_.load_vocabulary();
    const std::vector<Token> ids = parse_ids(decode_, model.tokenizer().size());
    const std::string text = model.tokenizer().decode(ids, /*skip_special=*/false);
    out.write(json_ ? json_line({{"text", text}}) : text + "\n");
    return;
  }
  const std::string text = take_text(text_, file_, words, "TEXT");
  const Model model = model_.load_vocabulary();
  if (pieces_) return write_pieces(model, text, out);
  const std::vector<Token> tokens = model.tokenizer().encode(text, {.add_special = !no_special_});
  if (json_) {
    out.write(json_line({{"tokens", tokens}}));
    return;
  }
  std::string line;
  for (const Token token : tokens) line += (line.empty() ? "" : " ") + std::to_string(token);
  out.write(line + "\n");
}

void Tokenize::write_pieces(const Model& model, const std::string& text, Output& out) const {
  const Tokenizer& tokenizer = model.tokenizer();
  for (const TokenSpan& span : tokenizer.encode_spans(text, {.add_special = !no_special_})) {
    const std::string piece = tokenizer.source_piece(span.id);
    if (json_) {
      out.write(
          json_line({{"id", span.id}, {"begin", span.begin}, {"end", span.end}, {"piece", piece}}));
    } else {
      const std::string place = std::to_string(span.begin) + "-" + std::to_string(span.end);
      out.write(padded(std::to_string(span.id), 8) + padded(place, 12) + one_line(piece, 0) + "\n");
    }
  }
}

}  // namespace

std::unique_ptr<Verb> make_tokenize() {
  return std::make_unique<Tokenize>();
}

}  // namespace heed
