// The regular expressions of tokenizer files, which are written for Oniguruma, as PCRE2 has to be
// told them. Used by regex.h.
// Reference: Oniguruma's doc/RE (its default syntax); pcre2pattern(3).
#pragma once

#include <string>
#include <string_view>

namespace heed {

/// The same expression in PCRE2's syntax, with classes as in Unicode 16. Throws Error(unsupported)
/// that names a construct which the two do not share, Error(argument) for one cut short.
std::string to_pcre2(std::string_view pattern);

}  // namespace heed
