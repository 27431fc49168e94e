// The vocabularies of real models, where the model store has them: every id is that of Hugging Face
// `tokenizers` on the golden lines, and English text is cut fast.
#include <doctest/doctest.h>
#include <time.h>

#include <nlohmann/json.hpp>

#include "engine/format/gguf.h"
#include "engine/text/tokenizer.h"
#include "tests/support/paths.h"
#include "tests/text/golden_vocabulary.h"

namespace heed {
namespace {

void check_lines(const TextTokenizer& tokenizer, const std::string& name) {
  const auto goldens = nlohmann::json::parse(read_file(golden::path("models.json")));
  golden::Hash hash;
  for (const std::string& line : golden::read_lines("lines.txt")) {
    for (const Token token : tokenizer.encode(golden::unescape(line))) {
      hash.add(static_cast<uint64_t>(token));
    }
  }
  CHECK(hash.value() == std::stoull(goldens[name].get<std::string>(), nullptr, 16));
}

/// The vocabulary of a Hugging Face directory in the form that GGUF gives it.
TokenizerSpec read_word_pieces(const std::filesystem::path& directory) {
  TokenizerSpec spec{.model = "bert"};
  std::ifstream in(directory / "vocab.txt");
  for (std::string token; std::getline(in, token);) {
    const bool special = token == "[PAD]" || token == "[UNK]" || token == "[CLS]" ||
                         token == "[SEP]" || token == "[MASK]";
    spec.types.push_back(special ? TokenType::control : TokenType::normal);
    spec.tokens.push_back(special                   ? token
                          : token.starts_with("##") ? token.substr(2)
                                                    : "▁" + token);
  }
  return spec;
}

double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

TEST_CASE("SmolLM2's ids") {
  const auto path = stored_model("smollm2.gguf");
  if (!path) return;
  check_lines(TextTokenizer(read_tokenizer_spec(GgufFile::open(*path).metadata())), "smollm2");
}

TEST_CASE("MiniLM's ids") {
  const auto path = stored_model("all-minilm-l6-v2");
  if (!path) return;
  check_lines(TextTokenizer(read_word_pieces(*path)), "all-minilm-l6-v2");
}

TEST_CASE("5 MB of English a second") {
  const auto path = stored_model("smollm2.gguf");
  const auto book = shared_data("book.txt");
  if (!path || !book) return;
  const TextTokenizer tokenizer(read_tokenizer_spec(GgufFile::open(*path).metadata()));
  const std::string text = read_file(*book);
  double rate = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = thread_seconds();
    const std::vector<Token> tokens = tokenizer.encode(text);
    rate = std::max(rate, static_cast<double>(text.size()) / (thread_seconds() - start) * 1e-6);
    CHECK(tokenizer.decode(tokens) == text);
  }
  MESSAGE(rate << " MB/s");
  CHECK(rate > 5);
}

}  // namespace
}  // namespace heed
