// What a command of `heed` is. Each verb is one file: a class with its flags as members, and the
// function that makes it, which main.cpp lists.
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace heed {

class Flags;
class Output;

/// The command line is wrong: one sentence, exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the command line holds besides flags, taken from left to right.
class Words {
 public:
  explicit Words(std::vector<std::string> words) : words_(std::move(words)) {}

  bool empty() const { return taken_ == words_.size(); }
  /// Throws UsageError "<what> is missing".
  std::string take(std::string_view what);
  std::vector<std::string> take_all();
  /// Throws UsageError naming a word that nobody took.
  void require_end() const;

 private:
  std::vector<std::string> words_;
  size_t taken_ = 0;
};

class Verb {
 public:
  struct About {
    std::string_view name;
    std::string_view arguments;  ///< "MODEL [TEXT...]"
    std::string_view summary;    ///< half a line
    std::string_view example;    ///< a command, or more a line each
  };

  virtual ~Verb() = default;
  virtual About about() const = 0;
  /// Binds the verb's flags to its members.
  virtual void add_flags(Flags& flags) = 0;
  /// Whole lines that help shows below the flags.
  virtual std::string_view notes() const { return ""; }
  virtual void run(Words& words, Output& out) = 0;
};

std::unique_ptr<Verb> make_run();
std::unique_ptr<Verb> make_embed();
std::unique_ptr<Verb> make_translate();
std::unique_ptr<Verb> make_convert();
std::unique_ptr<Verb> make_imatrix();
std::unique_ptr<Verb> make_show();
std::unique_ptr<Verb> make_list();
std::unique_ptr<Verb> make_tokenize();
std::unique_ptr<Verb> make_template();
std::unique_ptr<Verb> make_score();
std::unique_ptr<Verb> make_perplexity();
std::unique_ptr<Verb> make_verify();
std::unique_ptr<Verb> make_bench();
std::unique_ptr<Verb> make_doctor();

}  // namespace heed
