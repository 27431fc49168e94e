// Refuses an option that is out of its range. Used by the sampler and the search.
#pragma once

#include "engine/core/error.h"

namespace heed {

/// Throws Error(argument) "NAME is VALUE, expected EXPECTED" unless `valid`.
inline void require(bool valid, const char* name, double value, const char* expected) {
  if (!valid) fail(Error::Code::argument, name, " is ", value, ", expected ", expected);
}

}  // namespace heed
