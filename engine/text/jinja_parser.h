// Parses a template into the tree that jinja_eval runs. Used by chat_template.
#pragma once

#include <string_view>

#include "engine/text/jinja_ast.h"

namespace heed::jinja {

/// The tree of `source` (UTF-8), names resolved. Throws Error(format) for what is no Jinja,
/// Error(unsupported) for Jinja that chat templates do without (inheritance, imports, recursive
/// loops), Error(limit) for too much; each names the line and what was found there.
Program parse(std::string_view source);

}  // namespace heed::jinja
