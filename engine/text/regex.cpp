// PCRE2 behind regex.h.
#include "engine/text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>
#include <string>

#include "engine/core/error.h"

namespace heed {

struct FreePcre {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
};

namespace {

template <typename T>
std::unique_ptr<T, FreePcre> owned(T* p) {
  if (!p) throw std::bad_alloc();
  return std::unique_ptr<T, FreePcre>(p);
}

// Letters and numbers that Unicode gained from version 14, which PCRE2 10.42 knows, to version 16,
// which the engine behind Hugging Face `tokenizers` knows.
constexpr std::string_view kNewLetters =
    R"(\x{1C89}-\x{1C8A}\x{A7CB}-\x{A7CD}\x{A7DA}-\x{A7DC}\x{105C0}-\x{105F3})"
    R"(\x{10D4A}-\x{10D65}\x{10D6F}-\x{10D85}\x{10EC2}-\x{10EC4}\x{1123F}-\x{11240})"
    R"(\x{11380}-\x{11389}\x{1138B}\x{1138E}\x{11390}-\x{113B5}\x{113B7}\x{113D1}\x{113D3})"
    R"(\x{11BC0}-\x{11BE0}\x{11F02}\x{11F04}-\x{11F10}\x{11F12}-\x{11F33}\x{1342F})"
    R"(\x{13441}-\x{13446}\x{13460}-\x{143FA}\x{16100}-\x{1611D}\x{16D40}-\x{16D6C}\x{18CFF})"
    R"(\x{1B132}\x{1B155}\x{1DF25}-\x{1DF2A}\x{1E030}-\x{1E06D}\x{1E4D0}-\x{1E4EB})"
    R"(\x{1E5D0}-\x{1E5ED}\x{1E5F0}\x{2B739}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})";

constexpr std::string_view kNewNumbers =
    R"(\x{10D40}-\x{10D49}\x{116D0}-\x{116E3}\x{11BF0}-\x{11BF9}\x{11F50}-\x{11F59})"
    R"(\x{16130}-\x{16139}\x{16D70}-\x{16D79}\x{1CCF0}-\x{1CCF9}\x{1D2C0}-\x{1D2D3})"
    R"(\x{1E4F0}-\x{1E4F9}\x{1E5F1}-\x{1E5FA})";

/// `pattern` as PCRE2 has to be told it: \p{L} and \p{N} with the additions above, and \s as
/// Unicode's White_Space (PCRE2's own has U+180E besides, which is white space no longer).
std::string for_pcre2(std::string_view pattern) {
  std::string result;
  bool in_class = false;  // within [...]
  const auto add_class = [&](std::string_view name, std::string_view more) {
    result += in_class ? cat(name, more) : cat('[', name, more, ']');
  };
  for (size_t pos = 0; pos < pattern.size();) {
    const std::string_view rest = pattern.substr(pos);
    if (rest.starts_with(R"(\p{L})")) {
      add_class(R"(\p{L})", kNewLetters);
      pos += 5;
    } else if (rest.starts_with(R"(\p{N})")) {
      add_class(R"(\p{N})", kNewNumbers);
      pos += 5;
    } else if (rest.starts_with(R"(\s)") || rest.starts_with(R"(\S)")) {
      result += rest[1] == 's' ? R"(\p{WSpace})" : R"(\P{WSpace})";
      pos += 2;
    } else {
      const size_t length = rest[0] == '\\' ? 2 : 1;
      if (rest[0] == '[' || rest[0] == ']') in_class = rest[0] == '[';
      result += rest.substr(0, length);
      pos += length;
    }
  }
  return result;
}

std::string error_text(int code) {
  PCRE2_UCHAR text[256] = {};
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

PCRE2_SPTR bytes(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

}  // namespace

struct Regex::Code {
  std::unique_ptr<pcre2_code, FreePcre> code;
  bool jit = false;
};

Regex::Regex(std::string_view pattern) : code_(std::make_unique<Code>()) {
  int error = 0;
  PCRE2_SIZE at = 0;
  const std::string translated = for_pcre2(pattern);
  code_->code.reset(pcre2_compile(bytes(translated), translated.size(), PCRE2_UTF | PCRE2_UCP,
                                  &error, &at, nullptr));
  if (!code_->code) {
    fail(Error::Code::argument, "regular expression '", pattern, "': ", error_text(error),
         " at character ", at);
  }
  // Where executable memory is forbidden this fails, and matching is interpreted: slower, the same.
  code_->jit = pcre2_jit_compile(code_->code.get(), PCRE2_JIT_COMPLETE) == 0;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

struct Regex::Search::State {
  const Code& regex;
  std::string_view text;
  std::unique_ptr<pcre2_match_data, FreePcre> found;
  std::unique_ptr<pcre2_match_context, FreePcre> limits;
};

Regex::Search::Search(const Regex& regex, std::string_view text)
    : state_(new State{.regex = *regex.code_,
                       .text = text,
                       .found = owned(pcre2_match_data_create(1, nullptr)),
                       .limits = owned(pcre2_match_context_create(nullptr))}) {
  // The default limit (1e7 steps) stops at a run of ten million blanks; our patterns take steps in
  // proportion to the run.
  pcre2_set_match_limit(state_->limits.get(), UINT32_MAX);
}

Regex::Search::~Search() = default;

std::optional<ByteRange> Regex::Search::next(size_t from) {
  const pcre2_code* code = state_->regex.code.get();
  const std::string_view text = state_->text;
  pcre2_match_data* found = state_->found.get();
  pcre2_match_context* limits = state_->limits.get();
  int result = PCRE2_ERROR_JIT_STACKLIMIT;
  if (state_->regex.jit) {
    result = pcre2_jit_match(code, bytes(text), text.size(), from, 0, found, limits);
  }
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
    constexpr uint32_t kOptions = PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT;
    result = pcre2_match(code, bytes(text), text.size(), from, kOptions, found, limits);
  }
  if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (result < 0) fail(Error::Code::limit, "pre-tokenizer: ", error_text(result));
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(found);
  return ByteRange{range[0], range[1]};
}

}  // namespace heed
