// PCRE2 behind regex.h.
#include "engine/text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <new>
#include <string>

#include "engine/core/error.h"
#include "engine/text/regex_dialect.h"

namespace heed {

struct FreePcre {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
};

namespace {

constexpr uint32_t kMaxHeapKiB = 1 << 20;  // of the interpreter: a frame for each open choice
constexpr uint32_t kMinSteps = 100'000;
constexpr uint32_t kStepsPerByte = 16;

template <typename T>
std::unique_ptr<T, FreePcre> owned(T* p) {
  if (!p) throw std::bad_alloc();
  return std::unique_ptr<T, FreePcre>(p);
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
  const std::string translated = to_pcre2(pattern);
  constexpr uint32_t kOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  code_->code.reset(
      pcre2_compile(bytes(translated), translated.size(), kOptions, &error, &at, nullptr));
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
  std::unique_ptr<pcre2_match_data, FreePcre> found;
  std::unique_ptr<pcre2_match_context, FreePcre> limits;
  std::string_view text = {};
};

Regex::Search::Search(const Regex& regex)
    : state_(new State{.regex = *regex.code_,
                       .found = owned(pcre2_match_data_create(1, nullptr)),
                       .limits = owned(pcre2_match_context_create(nullptr))}) {
  pcre2_set_heap_limit(state_->limits.get(), kMaxHeapKiB);
}

Regex::Search::~Search() = default;
Regex::Search::Search(Search&&) noexcept = default;

void Regex::Search::read(std::string_view text) {
  state_->text = text;
  // Patterns in use take a few steps a character of a run; what takes many more does not end.
  const uint64_t steps = kMinSteps + uint64_t{kStepsPerByte} * text.size();
  pcre2_set_match_limit(state_->limits.get(),
                        static_cast<uint32_t>(std::min<uint64_t>(steps, UINT32_MAX)));
}

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
  if (result < 0) fail(Error::Code::limit, "regular expression: ", error_text(result));
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(found);
  return ByteRange{range[0], range[1]};
}

}  // namespace heed
