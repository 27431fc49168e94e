// Finds out where each variable of a template lives, before it runs. Used by jinja_parser.
#pragma once

#include "engine/text/jinja_ast.h"

namespace heed::jinja {

/// Gives every Name its Slot and every block its Frame, by Jinja's rules: an assignment belongs to
/// the block (loop, macro, with, set and call block, but not if) it stands in, and starts there
/// from the outer variable's value; a name no block assigns is one of the context's. A name that
/// some outer block assigns, even further down, is that block's variable. Fails for filters and
/// tests that Jinja does not have, except below an if, where they fail when reached.
void resolve_names(Program& program);

}  // namespace heed::jinja
