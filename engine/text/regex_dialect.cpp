#include "engine/text/regex_dialect.h"

#include <algorithm>
#include <array>

#include "engine/core/error.h"
#include "engine/text/unicode_gains.h"
#include "engine/text/utf8.h"

namespace heed {
namespace {

constexpr std::string_view gain_of(std::string_view category) {
  const auto it = std::ranges::find(kClassGains, category, &ClassGain::name);
  return it == kClassGains.end() ? "" : it->members;
}
constexpr std::string_view kDigitGain = gain_of("Nd");

/// A class that PCRE2 has not under this name, or not as it is meant: its members, as they stand
/// between brackets.
struct ClassRule {
  std::string_view name;
  std::string_view members;
  std::string_view gain = {};
  bool negated = false;
};
constexpr std::array kClasses = {
    // PCRE2's own \s has U+180E besides, which is white space no longer.
    ClassRule{R"(\s)", R"(\p{WSpace})"},
    ClassRule{R"(\S)", R"(\p{WSpace})", "", true},
    ClassRule{R"(\d)", R"(\p{Nd})", kDigitGain},
    ClassRule{R"(\D)", R"(\p{Nd})", kDigitGain, true},
    ClassRule{R"(\h)", "0-9A-Fa-f"},
    ClassRule{R"(\H)", "0-9A-Fa-f", "", true},
    ClassRule{R"(\w)", R"(\p{L}\p{M}\p{Nd}\p{Pc})", kWordGain},
    ClassRule{R"(\W)", R"(\p{L}\p{M}\p{Nd}\p{Pc})", kWordGain, true},
};

/// Properties of more than two letters that are no scripts.
constexpr std::array<std::string_view, 9> kProperties = {"Any",         "Alphabetic", "Alpha",
                                                         "White_Space", "Space",      "Lowercase",
                                                         "Lower",       "Uppercase",  "Upper"};

/// What may follow "(?" in both syntaxes with the same meaning. Names of groups besides.
constexpr std::array<std::string_view, 7> kGroups = {":", "=", "!", "<=", "<!", ">", "#"};

constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Translation {
 public:
  explicit Translation(std::string_view pattern) : pattern_(pattern) {}

  std::string run() {
    while (pos_ < pattern_.size()) {
      if (pattern_[pos_] == '\\') {
        escape(false);
      } else if (pattern_[pos_] == '[') {
        character_class();
      } else if (pattern_[pos_] == '(') {
        group();
      } else if (pattern_[pos_] == '{') {
        counted_repeat();
      } else {
        take(1);
      }
    }
    return std::move(result_);
  }

 private:
  std::string_view rest() const { return pattern_.substr(pos_); }

  void take(size_t count) {
    result_ += rest().substr(0, count);
    pos_ += count;
  }

  void skip(size_t count, std::string_view instead) {
    result_ += instead;
    pos_ += count;
  }

  [[noreturn]] void refuse(std::string_view construct, size_t at) const {
    fail(Error::Code::unsupported, "regular expression '", pattern_, "': '", construct,
         "' at byte ", at, " is not something that Heed does");
  }

  [[noreturn]] void cut_short() const {
    fail(Error::Code::argument, "regular expression '", pattern_, "': it ends too early");
  }

  /// A backslash and what belongs to it, between brackets or outside.
  void escape(bool in_class) {
    if (rest().size() < 2) cut_short();
    const auto rule = std::ranges::find_if(
        kClasses, [&](const ClassRule& r) { return rest().starts_with(r.name); });
    if (rule != kClasses.end()) return add_class(*rule, in_class);
    const char c = rest()[1];
    if (c == 'p' || c == 'P') return property(in_class);
    if (c == 'x') return code_point();
    if (!in_class && (c == 'b' || c == 'B')) return word_boundary(c == 'b');
    if (c == 'u') {
      if (rest().size() < 6) cut_short();
      const std::string_view digits = rest().substr(2, 4);
      return skip(6, cat("\\x{", digits, "}"));
    }
    if (c == 'v') return skip(2, R"(\x{0B})");
    constexpr std::string_view kEverywhere = "tnrfae";
    constexpr std::string_view kOutside = "AzZRX";
    const bool known = kEverywhere.find(c) != c_npos || (!in_class && kOutside.find(c) != c_npos);
    if ((is_letter(c) && !known) || is_digit(c)) refuse(rest().substr(0, 2), pos_);
    take(1 + utf8_length(c));
  }

  /// rule.name is what stands in the pattern.
  void add_class(const ClassRule& rule, bool in_class) {
    const std::string members = cat(rule.members, rule.gain);
    const bool one = rule.gain.empty() && rule.members.ends_with('}');  // a single property
    if (one && rule.negated) {
      skip(rule.name.size(), cat("\\P", members.substr(2)));
    } else if (in_class && rule.negated) {
      refuse(cat("[", rule.name, "]"), pos_);
    } else {
      const bool bare = in_class || one;
      skip(rule.name.size(), bare ? members : cat(rule.negated ? "[^" : "[", members, "]"));
    }
  }

  /// \p{...}, \P{...} or \p{^...}: a general category, a script or some other property. Those of
  /// more than two letters are scripts to both engines, but PCRE2 would add their extensions.
  void property(bool in_class) {
    const size_t end = rest().find('}');
    if (!rest().substr(2).starts_with('{')) refuse(rest().substr(0, 2), pos_);
    if (end == c_npos) cut_short();
    std::string_view name = rest().substr(3, end - 3);
    const bool caret = name.starts_with('^');
    if (caret) name.remove_prefix(1);
    const bool script =
        name.size() > 2 && std::ranges::find(kProperties, name) == kProperties.end();
    const std::string members = cat("\\p{", script ? "sc:" : "", name, "}");
    add_class({.name = rest().substr(0, end + 1),
               .members = members,
               .gain = gain_of(name),
               .negated = caret != (rest()[1] == 'P')},
              in_class);
  }

  /// PCRE2's own \b does not count marks as parts of words.
  void word_boundary(bool wanted) {
    const std::string word = cat(R"([\p{L}\p{M}\p{Nd}\p{Pc})", kWordGain, "]");
    const std::string_view differs = wanted ? "!" : "=", same = wanted ? "=" : "!";
    skip(2, cat("(?:(?<=", word, ")(?", differs, word, ")|(?<!", word, ")(?", same, word, "))"));
  }

  /// \x{...} or \xHH
  void code_point() {
    if (!rest().substr(2).starts_with('{')) return take(4);
    const size_t end = rest().find('}');
    if (end == c_npos) cut_short();
    take(end + 1);
  }

  void character_class() {
    take(1);
    if (rest().starts_with('^')) take(1);
    if (rest().starts_with(']')) skip(1, R"(\])");
    while (!rest().starts_with(']')) {
      if (rest().empty()) cut_short();
      if (rest()[0] == '[' || rest().starts_with("&&")) {  // classes within classes
        refuse(rest().substr(0, rest()[0] == '[' ? 1 : 2), pos_);
      }
      if (rest()[0] == '\\') {
        escape(true);
      } else {
        take(1);
      }
    }
    take(1);
  }

  void group() {
    if (rest().starts_with("(*")) refuse("(*", pos_);
    if (!rest().starts_with("(?")) return take(1);
    const std::string_view kind = rest().substr(2);
    if (std::ranges::any_of(kGroups, [&](auto g) { return kind.starts_with(g); })) return take(2);
    if (kind.starts_with('<')) return take(3);  // a name
    // Options: of the letters only i and x mean the same, and Oniguruma's m is PCRE2's s.
    size_t size = 0;
    while (size < kind.size() && std::string_view("imx-").find(kind[size]) != c_npos) ++size;
    if (size == 0 || size == kind.size() || (kind[size] != ':' && kind[size] != ')')) {
      refuse(rest().substr(0, std::min<size_t>(size + 3, rest().size())), pos_);
    }
    std::string options(kind.substr(0, size));
    std::ranges::replace(options, 'm', 's');
    skip(2 + size, cat("(?", options));
  }

  /// {n}, {n,}, {n,m}; {,m} has another meaning in PCRE2, and so has a + behind any of them.
  void counted_repeat() {
    const size_t end = rest().find_first_not_of("0123456789,", 1);
    const bool counts = end != c_npos && end > 1 && rest()[end] == '}';
    if (!counts) return skip(1, R"(\{)");
    if (rest().substr(end + 1).starts_with('+')) refuse(rest().substr(0, end + 2), pos_);
    if (rest()[1] == ',') return skip(2, "{0,");
    take(end + 1);
  }

  static constexpr size_t c_npos = std::string_view::npos;

  std::string_view pattern_;
  size_t pos_ = 0;
  std::string result_;
};

}  // namespace

std::string to_pcre2(std::string_view pattern) {
  return Translation(pattern).run();
}

}  // namespace heed
