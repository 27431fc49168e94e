#include "engine/text/piece_decoder.h"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/text/byte_alphabet.h"
#include "engine/text/byte_token.h"

namespace heed {
namespace decoders {
namespace {

struct Cleanup {
  std::string_view from, to;
};
constexpr std::array<Cleanup, 11> kCleanups = {{{" .", "."},
                                                {" ?", "?"},
                                                {" !", "!"},
                                                {" ,", ","},
                                                {" ' ", "'"},
                                                {" n't", "n't"},
                                                {" 'm", "'m"},
                                                {" do not", " don't"},
                                                {" 's", "'s"},
                                                {" 've", "'ve"},
                                                {" 're", "'re"}}};

void replace_literal(std::string& text, std::string_view from, std::string_view to) {
  if (text.find(from) != text.npos) text = replace_all(text, TextPattern(std::string(from)), to);
}

// What each step makes of a token, `first` of its text or not.

void run(const ByteLevel&, bool, std::string& token) {
  if (auto bytes = alphabet_to_bytes(token)) token = std::move(*bytes);
}

void run(const ByteFallback&, bool, std::string& token) {
  if (const auto byte = byte_of_token(token)) token.assign(1, *byte);
}

void run(const Replace& step, bool, std::string& token) {
  token = replace_all(token, step.pattern, step.by);
}

void run(const Strip& step, bool, std::string& token) {
  const std::string_view cut = step.content;
  size_t begin = 0, end = token.size();
  for (size_t i = 0; i < step.start; ++i, begin += cut.size()) {
    if (!std::string_view(token).substr(begin).starts_with(cut)) break;
  }
  for (size_t i = 0; i < step.stop && begin < end; ++i, end -= cut.size()) {
    if (!std::string_view(token).substr(begin, end - begin).ends_with(cut)) break;
  }
  token = token.substr(begin, end - begin);
}

void run(const Metaspace& step, bool first, std::string& token) {
  replace_literal(token, step.blank, first && step.drops_first ? "" : " ");
}

void run(const WordPiece& step, bool first, std::string& token) {
  if (!first) {
    if (token.starts_with(step.prefix)) {
      token.erase(0, step.prefix.size());
    } else {
      token.insert(0, 1, ' ');
    }
  }
  if (!step.cleanup || token.find_first_of(" ") == token.npos) return;
  for (const Cleanup& cleanup : kCleanups) replace_literal(token, cleanup.from, cleanup.to);
}

void run(const WordSuffix&, bool, std::string&) {}  // PieceDecoder::join: the next token decides

void run(const Spaced&, bool first, std::string& token) {
  if (!first) token.insert(0, 1, ' ');
}

/// What a step makes of a token wherever it stands.
bool is_free_of_context(const Step& step) {
  return !std::holds_alternative<Metaspace>(step) && !std::holds_alternative<WordPiece>(step) &&
         !std::holds_alternative<WordSuffix>(step) && !std::holds_alternative<Spaced>(step);
}

}  // namespace
}  // namespace decoders

PieceDecoder::PieceDecoder(std::vector<decoders::Step> steps, decoders::Strip edges)
    : steps_(std::move(steps)),
      edges_(std::move(edges)),
      needs_context_(!std::ranges::all_of(steps_, decoders::is_free_of_context)) {}

std::string PieceDecoder::piece(std::string_view written) const {
  std::string token(written);
  for (const decoders::Step& step : steps_) {
    if (decoders::is_free_of_context(step) || std::holds_alternative<decoders::Metaspace>(step)) {
      std::visit([&](const auto& s) { decoders::run(s, false, token); }, step);
    }
  }
  return token;
}

void PieceDecoder::join(std::string_view token, State& state, std::string& out) const {
  if (!needs_context_) {
    out += token;
    state.first = false;
    return;
  }
  std::string text(token);
  const std::string* suffix = nullptr;
  for (const decoders::Step& step : steps_) {
    std::visit([&](const auto& s) { decoders::run(s, state.first, text); }, step);
    if (const auto* words = std::get_if<decoders::WordSuffix>(&step)) suffix = &words->suffix;
  }
  state.first = false;
  if (!suffix) {
    out += text;
    return;
  }
  decoders::replace_literal(state.held, *suffix, " ");
  out += state.held;
  const size_t end = std::min(text.find(*suffix), text.size());
  out.append(text, 0, end);
  state.held.assign(text, end);
}

void PieceDecoder::finish(State& state, std::string& out) const {
  for (const decoders::Step& step : steps_) {
    if (const auto* words = std::get_if<decoders::WordSuffix>(&step)) {
      decoders::replace_literal(state.held, words->suffix, "");
    }
  }
  out += state.held;
  state = {};
}

}  // namespace heed
