// A compiled Unicode regular expression over UTF-8 text: PCRE2, just-in-time compiled where the
// system allows. Used by the steps of tokenizers. Reference: pcre2api(3), pcre2jit(3).
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "engine/text/edited_text.h"

namespace heed {

/// Immutable, so that any number of threads may search with it, each through a Search of its own.
class Regex {
 public:
  /// `pattern` in Oniguruma's syntax. \p{L} and \p{N} mean the letters and numbers of Unicode 16,
  /// \s its White_Space, whatever the version of PCRE2. Throws Error(argument) if it is not a
  /// regular expression, Error(unsupported) naming a construct that Heed does not have.
  explicit Regex(std::string_view pattern);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  /// The matches of a regex in one text, in turn.
  class Search {
   public:
    /// `regex` must outlive this object.
    explicit Search(const Regex& regex);
    Search(const Regex& regex, std::string_view text) : Search(regex) { read(text); }
    ~Search();
    Search(Search&&) noexcept;

    /// Looks into `text` from now on, which must be valid UTF-8 and outlive the search.
    void read(std::string_view text);

    /// The first match at or after byte `from`, which must be the start of a character.
    /// Throws Error(limit) where an expression backtracks without end.
    std::optional<ByteRange> next(size_t from);

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace heed
