// Characters and letter cases as Python's str has them, on utf8proc's tables.
// Reference: CPython Objects/unicodectype.c, Unicode Standard 3.13 (default case conversion).
#include <utf8proc.h>

#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

char32_t simple_upper(char32_t c) {
  return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}
char32_t simple_lower(char32_t c) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}
char32_t simple_title(char32_t c) {
  return static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c)));
}

// The characters `c` folds to, when they are several: those letters have no single upper case
// (sharp s, ligatures, Greek with iota), and their upper case is that of what they fold to.
std::u32string long_fold(char32_t c) {
  utf8proc_int32_t folded[8];
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded,
                                             std::size(folded), UTF8PROC_CASEFOLD, &boundary);
  if (count < 2 || category(c) == UTF8PROC_CATEGORY_LU) return {};
  return std::u32string(folded, folded + count);
}

void append_upper(std::string& out, char32_t c) {
  const std::u32string fold = c < 0x80 ? std::u32string() : long_fold(c);
  if (fold.empty()) return append_utf8(out, simple_upper(c));
  for (const char32_t part : fold) append_utf8(out, simple_upper(part));
}

void append_title(std::string& out, char32_t c) {
  const bool is_sharp_s = c == 0xDF;  // utf8proc knows a capital one, Unicode's rules do not use it
  const char32_t title = is_sharp_s ? c : simple_title(c);
  const std::u32string fold = c < 0x80 || title != c ? std::u32string() : long_fold(c);
  if (fold.empty() || category(c) == UTF8PROC_CATEGORY_LT) return append_utf8(out, title);
  constexpr char32_t kIota = 0x3B9, kIotaBelow = 0x345;
  const bool ends_in_iota = fold.back() == kIota;
  bool raised = false;  // the first letter; an apostrophe may stand before it
  for (const char32_t part : fold) {
    const bool raise = !raised && is_lower(part) && part != 0x2BC;
    append_utf8(out, ends_in_iota && part == kIota ? kIotaBelow
                     : raise                       ? simple_upper(part)
                                                   : part);
    raised |= raise;
  }
}

bool is_case_ignorable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2018 || c == 0x2019;
  }
}

// Whether the sigma that starts at `before` and ends at `after` ends a word.
bool is_final_sigma(std::string_view text, size_t before, size_t after) {
  bool cased_before = false, cased_after = false;
  while (before > 0) {
    before = previous_start(text, before);
    size_t i = before;
    const char32_t c = next_code_point(text, i);
    if (is_case_ignorable(c)) continue;
    cased_before = is_cased(c);
    break;
  }
  while (after < text.size()) {
    const char32_t c = next_code_point(text, after);
    if (is_case_ignorable(c)) continue;
    cased_after = is_cased(c);
    break;
  }
  return cased_before && !cased_after;
}

// Appends the lower case of the character at `position`, which moves behind it.
void append_lower(std::string& out, std::string_view text, size_t& position) {
  const size_t start = position;
  const char32_t c = next_code_point(text, position);
  if (c == 0x3A3) {
    append_utf8(out, is_final_sigma(text, start, position) ? 0x3C2 : 0x3C3);
  } else if (c == 0x130) {  // I with a dot: the only letter with a longer lower case
    append_utf8(out, 'i');
    append_utf8(out, 0x307);
  } else {
    append_utf8(out, simple_lower(c));
  }
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    utf8proc_int32_t c = 0;
    const auto used =
        utf8proc_iterate(bytes + i, static_cast<utf8proc_ssize_t>(text.size() - i), &c);
    if (used <= 0) return false;
    i += static_cast<size_t>(used);
  }
  return true;
}

size_t previous_start(std::string_view text, size_t end) {
  do {
    --end;
  } while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

char32_t next_code_point(std::string_view text, size_t& position) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data()) + position;
  if (*bytes < 0x80) {
    ++position;
    return *bytes;
  }
  const int more = *bytes < 0xE0 ? 1 : *bytes < 0xF0 ? 2 : 3;
  char32_t c = *bytes & (0x3F >> more);
  for (int i = 1; i <= more; ++i) c = (c << 6) | (bytes[i] & 0x3F);
  position += static_cast<size_t>(more) + 1;
  return c;
}

void append_utf8(std::string& out, char32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const auto count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_upper(char32_t c) {
  return utf8proc_isupper(static_cast<utf8proc_int32_t>(c)) != 0;
}

bool is_lower(char32_t c) {
  return utf8proc_islower(static_cast<utf8proc_int32_t>(c)) != 0;
}

bool is_cased(char32_t c) {
  return is_upper(c) || is_lower(c) || category(c) == UTF8PROC_CATEGORY_LT;
}

bool is_alpha(char32_t c) {
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_ND;
}

bool is_other_number(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_NL || category(c) == UTF8PROC_CATEGORY_NO;
}

bool is_printable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return c == ' ';
    default:
      return true;
  }
}

bool is_upper_text(std::string_view text) {
  bool any = false;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (is_cased(c) && !is_upper(c)) return false;
    any |= is_upper(c);
  }
  return any;
}

bool is_lower_text(std::string_view text) {
  bool any = false;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (is_cased(c) && !is_lower(c)) return false;
    any |= is_lower(c);
  }
  return any;
}

std::string to_upper(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) append_upper(out, next_code_point(text, i));
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) append_lower(out, text, i);
  return out;
}

std::string to_title(std::string_view text) {
  std::string out;
  bool in_word = false;
  for (size_t i = 0; i < text.size();) {
    size_t after = i;
    const char32_t c = next_code_point(text, after);
    if (in_word) {
      append_lower(out, text, i);
    } else {
      append_title(out, c);
    }
    in_word = is_cased(c);
    i = after;
  }
  return out;
}

std::string to_capitalized(std::string_view text) {
  std::string out;
  size_t i = 0;
  if (!text.empty()) append_title(out, next_code_point(text, i));
  while (i < text.size()) append_lower(out, text, i);
  return out;
}

}  // namespace heed::jinja
