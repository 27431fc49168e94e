// What `heed --help` and `heed VERB --help` write. Used by main.cpp.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "tools/flags.h"
#include "tools/verb.h"

namespace heed {

/// The verbs, one a line.
std::string program_help(std::span<const std::unique_ptr<Verb>> verbs);

/// A verb's flags and its example: fits 80 x 24.
std::string verb_help(const Verb& verb, const Flags& flags);

}  // namespace heed
