// Python's two ways of filling values into a text. Used by jinja_ops (%) and the str methods.
// Reference: docs.python.org/3/library/stdtypes.html#printf-style-string-formatting,
// docs.python.org/3/library/string.html#format-string-syntax.
#pragma once

#include <string_view>

#include "engine/text/jinja_value.h"

namespace heed::jinja {

/// format % values: values is a tuple, a dict (for %(name)s), or a single value. Conversions: s r d
/// i u f F e E g G x X o c and %%.
Value format_percent(std::string_view format, const Value& values, Budget& budget);
/// format.format(...): {}, {0}, {name} with !s and !r. Throws Error(unsupported) for a format
/// specification behind ':' and for attributes or elements of fields.
Value format_braces(std::string_view format, const Arguments& arguments, Budget& budget);

}  // namespace heed::jinja
