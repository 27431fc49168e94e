// A template's variables from JSON. Used by chat_template.
#pragma once

#include <string_view>

#include "engine/text/jinja_value.h"

namespace heed::jinja {

/// The object of `json` as Python's json.loads reads it, order of keys kept. Throws Error(format)
/// if it is not a JSON object, Error(limit) for integers beyond 64 bits and for deep nesting.
Value read_context(std::string_view json);

}  // namespace heed::jinja
