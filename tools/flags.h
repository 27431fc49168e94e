// The flags of a command, each bound to a variable that holds its default. Understands "-f FILE",
// "-fFILE", "--file FILE", "--file=FILE", names of several letters after one dash as llama.cpp has
// them ("-sys TEXT"), and "--" before words that begin with a dash. Used by every verb.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heed {

/// The least and the greatest value a number may have.
struct Limits {
  double least = -std::numeric_limits<double>::infinity();
  double greatest = std::numeric_limits<double>::infinity();
};

class Flags {
 public:
  /// Where help shows a flag: on a line of its own, among the sampling flags, whose defaults say
  /// enough, or not at all.
  enum class Place { line, sampling, hidden };

  struct Flag {
    std::vector<std::string> names;  ///< "-f", "--file", and others that help leaves out
    std::string value;               ///< "FILE"; empty for a switch
    std::string help;
    Place place = Place::line;
    std::function<void(std::string_view given)> set;  ///< throws UsageError "takes ..., not ..."
  };
  using Setter = std::function<void(std::string_view given)>;

  /// A flag with a value; `names` are separated by commas, and a flag without help is hidden.
  void add(std::string_view names, std::string_view value, std::string_view help, Setter set,
           Place place = Place::line);

  /// The same for a variable: a string, a number in `range`, or a list. Lists of strings collect
  /// the values of a repeated flag; lists of numbers are separated by commas.
  template <typename T>
  void add(std::string_view names, std::string_view value, T& target, std::string_view help,
           Limits range = {}) {
    add(names, value, help,
        Setter([&target, range](std::string_view given) { assign(given, range, target); }));
  }

  /// A switch.
  void add(std::string_view names, bool& target, std::string_view help) {
    add(names, "", help, Setter([&target](std::string_view) { target = true; }));
  }

  /// A flag that takes one of several names.
  template <typename T>
  void add_choice(std::string_view names, std::string_view value, T& target, std::string_view help,
                  const std::vector<std::pair<std::string, T>>& choices) {
    std::vector<std::string> allowed;
    allowed.reserve(choices.size());
    for (const auto& choice : choices) allowed.push_back(choice.first);
    add(names, value, help, Setter([&target, choices, allowed](std::string_view given) {
          target = choices[index_of(given, allowed)].second;
        }));
  }

  /// Sets the variables and returns what is no flag. Throws UsageError: a flag unknown, with the
  /// nearest known one; a value missing or wrong. Nothing is checked after -h or --help.
  std::vector<std::string> parse(const std::vector<std::string>& arguments);
  bool help_asked() const { return help_asked_; }

  const std::vector<Flag>& all() const { return flags_; }

 private:
  static void assign(std::string_view given, Limits range, std::string& target);
  static void assign(std::string_view given, Limits range, std::optional<std::string>& target);
  static void assign(std::string_view given, Limits range, std::vector<std::string>& target);
  static void assign(std::string_view given, Limits range, std::vector<int64_t>& target);
  static void assign(std::string_view given, Limits range, int64_t& target);
  static void assign(std::string_view given, Limits range, int& target);
  static void assign(std::string_view given, Limits range, std::optional<int64_t>& target);
  static void assign(std::string_view given, Limits range, std::optional<double>& target);
  static size_t index_of(std::string_view given, const std::vector<std::string>& allowed);

  const Flag* find(std::string_view name) const;
  [[noreturn]] void fail_unknown(const std::string& name) const;

  std::vector<Flag> flags_;
  bool help_asked_ = false;
};

/// The whole of `text` as a number. Throws UsageError "takes ..., not ...".
double parse_number(std::string_view text, Limits range = {});
int64_t parse_integer(std::string_view text, Limits range = {});

/// "; did you mean 'x'?" for the candidate nearest to `word`; empty if none is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace heed
