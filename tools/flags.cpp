#include "tools/flags.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "tools/verb.h"

namespace heed {
namespace {

/// Edits that turn one into the other (Levenshtein, 1966).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

[[noreturn]] void fail_value(std::string_view given, const std::string& expected) {
  throw UsageError("takes " + expected + ", not '" + std::string(given) + "'");
}

template <typename T>
T parse_as(std::string_view text, Limits range, const std::string& kind) {
  T value{};
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  const char* const end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(digits.data(), end, value);
  const double number = static_cast<double>(value);
  if (problem != std::errc() || stop != end || std::isnan(number)) fail_value(text, kind);
  const auto bound = [](double limit) {
    char written[32];
    return std::string(written, std::to_chars(written, written + sizeof written, limit).ptr);
  };
  if (number < range.least) fail_value(text, kind + " from " + bound(range.least));
  if (number > range.greatest) fail_value(text, kind + " up to " + bound(range.greatest));
  return value;
}

/// "-5" and "-" are words.
bool looks_like_flag(std::string_view text) {
  return text.size() > 1 && text[0] == '-' && text[1] != '.' && (text[1] < '0' || text[1] > '9');
}

}  // namespace

double parse_number(std::string_view text, Limits range) {
  return parse_as<double>(text, range, "a number");
}

int64_t parse_integer(std::string_view text, Limits range) {
  return parse_as<int64_t>(text, range, "a whole number");
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() < 3) return "";  // any other letter is as near
  const std::string* nearest = nullptr;
  size_t least = 2 + word.size() / 3;  // further off is another word
  for (const std::string& candidate : candidates) {
    const bool begins = word.size() > 3 && candidate.starts_with(word);
    const size_t edits = begins ? 1 : distance(word, candidate);
    if (edits < least) {
      least = edits;
      nearest = &candidate;
    }
  }
  return nearest == nullptr ? "" : "; did you mean '" + *nearest + "'?";
}

// ---- declaring ---------------------------------------------------------------------------------

void Flags::add(std::string_view names, std::string_view value, std::string_view help, Setter set,
                Place place) {
  flags_.push_back({.names = split_at_commas(names),
                    .value = std::string(value),
                    .help = std::string(help),
                    .place = help.empty() && place == Place::line ? Place::hidden : place,
                    .set = std::move(set)});
}

void Flags::assign(std::string_view given, Limits, std::string& target) {
  target = given;
}

void Flags::assign(std::string_view given, Limits, std::optional<std::string>& target) {
  target = given;
}

void Flags::assign(std::string_view given, Limits, std::vector<std::string>& target) {
  target.emplace_back(given);
}

void Flags::assign(std::string_view given, Limits range, std::vector<int64_t>& target) {
  target.clear();
  for (const std::string& part : split_at_commas(given)) {
    target.push_back(parse_integer(part, range));
  }
}

void Flags::assign(std::string_view given, Limits range, int64_t& target) {
  target = parse_integer(given, range);
}

void Flags::assign(std::string_view given, Limits range, int& target) {
  range.least = std::max<double>(range.least, std::numeric_limits<int>::min());
  range.greatest = std::min<double>(range.greatest, std::numeric_limits<int>::max());
  target = static_cast<int>(parse_integer(given, range));
}

void Flags::assign(std::string_view given, Limits range, std::optional<int64_t>& target) {
  target = parse_integer(given, range);
}

void Flags::assign(std::string_view given, Limits range, std::optional<double>& target) {
  target = parse_number(given, range);
}

size_t Flags::index_of(std::string_view given, const std::vector<std::string>& allowed) {
  const auto found = std::find(allowed.begin(), allowed.end(), given);
  if (found != allowed.end()) return static_cast<size_t>(found - allowed.begin());
  std::string names;
  for (const std::string& name : allowed) {
    names += (names.empty() ? "" : name == allowed.back() ? " or " : ", ") + name;
  }
  fail_value(given, names);
}

// ---- parsing -----------------------------------------------------------------------------------

const Flags::Flag* Flags::find(std::string_view name) const {
  for (const Flag& flag : flags_) {
    if (std::find(flag.names.begin(), flag.names.end(), name) != flag.names.end()) return &flag;
  }
  return nullptr;
}

void Flags::fail_unknown(const std::string& name) const {
  std::vector<std::string> names = {"--help"};
  for (const Flag& flag : flags_) names.insert(names.end(), flag.names.begin(), flag.names.end());
  throw UsageError("unknown flag '" + name + "'" + suggestion(name, names));
}

std::vector<std::string> Flags::parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      words.insert(words.end(), arguments.begin() + static_cast<ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    if (!looks_like_flag(argument)) {
      words.push_back(argument);
      continue;
    }
    if (argument == "-h" || argument == "--help") {
      help_asked_ = true;
      return {};
    }
    std::string name = argument.substr(0, argument.find('='));
    std::optional<std::string> value;
    if (name.size() < argument.size()) value = argument.substr(name.size() + 1);
    const Flag* flag = find(name);
    if (flag == nullptr && argument[1] != '-') {  // -n8
      flag = find(argument.substr(0, 2));
      if (flag == nullptr || flag->value.empty()) fail_unknown(name);
      name = argument.substr(0, 2);
      value = argument.substr(2);
    }
    if (flag == nullptr) fail_unknown(name);
    if (flag->value.empty() && value) throw UsageError("'" + name + "' takes no value");
    if (!flag->value.empty() && !value) {
      if (i + 1 == arguments.size()) throw UsageError("'" + name + "' needs a value");
      value = arguments[++i];
    }
    try {
      flag->set(value.value_or(""));
    } catch (const UsageError& error) {
      throw UsageError("'" + name + "' " + error.what());
    }
  }
  return words;
}

}  // namespace heed
