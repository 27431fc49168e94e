#include "engine/text/normalizer.h"

#include <array>

#include "engine/text/byte_alphabet.h"
#include "engine/text/jinja_text.h"
#include "engine/text/utf8.h"
#include "engine/text/word_characters.h"

namespace heed::normalizers {
namespace {

// The one letter whose lower case is two characters: i and the dot above it.
constexpr char32_t kCapitalDottedI = 0x130;
constexpr std::string_view kDottedI = "i\u0307";

/// Calls change(code, made): what it writes to `made` takes the character's place.
EditedText map_characters(std::string_view text, EditRules rules, const auto& change) {
  EditedText edited(text, rules);
  std::string made;
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char c = read_utf8(text, pos);
    made.clear();
    change(c.code, made);
    if (made != text.substr(pos, c.length)) edited.replace({pos, pos + c.length}, made);
    pos += c.length;
  }
  edited.finish();
  return edited;
}

void append_lowercase(char32_t code, std::string& out) {
  if (code == kCapitalDottedI) {
    out += kDottedI;
  } else {
    append_utf8(to_lower(code), out);
  }
}

/// Of marks, the steps Bert and StripAccents drop different kinds.
void append_bert(const Bert& bert, char32_t code, std::string& out) {
  const auto append = [&](char32_t c) {
    bert.lowercase ? append_lowercase(c, out) : append_utf8(c, out);
  };
  if (bert.clean_text && is_dropped(code)) return;
  if (bert.clean_text && is_white_space(code)) {
    out += ' ';
    return;
  }
  const bool separate = bert.separates_ideographs && is_ideograph(code);
  if (separate) out += ' ';
  if (bert.strip_accents) {
    std::array<char32_t, 4> parts;
    for (const char32_t part : decompose(code, parts)) {
      if (!is_nonspacing_mark(part)) append(part);
    }
  } else {
    append(code);
  }
  if (separate) out += ' ';
}

bool is_dropped_by_nmt(char32_t code) {
  return (code >= 0x1 && code <= 0x8) || code == 0xB || (code >= 0xE && code <= 0x1F) ||
         code == 0x7F || code == 0x8F || code == 0x9F;
}
bool is_blank_to_nmt(char32_t code) {
  switch (code) {
    case '\t':
    case '\n':
    case '\f':
    case '\r':
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x2581:
    case 0xFEFF:
    case 0xFFFD:
      return true;
    default:
      return code >= 0x200B && code <= 0x200F;
  }
}

EditedText run(const Unicode& step, std::string_view text, EditRules rules) {
  return to_normal_form(step.form, text, rules);
}

EditedText run(const Lowercase&, std::string_view text, EditRules rules) {
  return map_characters(text, rules, append_lowercase);
}

EditedText run(const StripAccents&, std::string_view text, EditRules rules) {
  return map_characters(text, rules, [](char32_t code, std::string& out) {
    if (!is_mark(code)) append_utf8(code, out);
  });
}

EditedText run(const Strip& step, std::string_view text, EditRules rules) {
  size_t begin = 0, end = text.size();
  while (step.left && begin < end) {
    const Utf8Char c = read_utf8(text, begin);
    if (!is_unicode_space(c.code)) break;
    begin += c.length;
  }
  while (step.right && begin < end) {
    size_t last = end - 1;
    while ((text[last] & 0xC0) == 0x80) --last;
    if (!is_unicode_space(read_utf8(text, last).code)) break;
    end = last;
  }
  EditedText edited(text, rules);
  if (begin > 0) edited.replace({0, begin}, "");
  if (end < text.size()) edited.replace({end, text.size()}, "");
  edited.finish();
  return edited;
}

EditedText run(const Prepend& step, std::string_view text, EditRules rules) {
  EditedText edited(text, rules);
  if (!text.empty()) edited.replace({0, 0}, step.text);
  edited.finish();
  return edited;
}

EditedText run(const Replace& step, std::string_view text, EditRules rules) {
  EditedText edited(text, rules);
  TextPattern::Finder(step.pattern).for_each(text, [&](ByteRange match) {
    edited.replace(match, step.by);
  });
  edited.finish();
  return edited;
}

EditedText run(const Bert& step, std::string_view text, EditRules rules) {
  return map_characters(text, rules,
                        [&](char32_t code, std::string& out) { append_bert(step, code, out); });
}

EditedText run(const Nmt&, std::string_view text, EditRules rules) {
  return map_characters(text, rules, [](char32_t code, std::string& out) {
    if (!is_dropped_by_nmt(code)) append_utf8(is_blank_to_nmt(code) ? U' ' : code, out);
  });
}

EditedText run(const ByteCharacters&, std::string_view text, EditRules rules) {
  EditedText edited(text, rules);
  write_byte_characters(text, {0, text.size()}, edited);
  edited.finish();
  return edited;
}

EditedText run(const Charsmap& step, std::string_view text, EditRules rules) {
  return step.normalize(text, rules);
}

}  // namespace

EditedText apply(const Step& step, std::string_view text, EditRules rules) {
  return std::visit([&](const auto& s) { return run(s, text, rules); }, step);
}

void write_byte_characters(std::string_view text, ByteRange range, EditedText& edited) {
  std::string character;
  for (size_t pos = range.begin; pos < range.end; ++pos) {
    const char32_t code = kByteCharacters[static_cast<uint8_t>(text[pos])];
    if (code < 0x80) continue;  // itself
    character.clear();
    append_utf8(code, character);
    edited.replace({pos, pos + 1}, character);
  }
}

}  // namespace heed::normalizers
