// The one exception type of the library. Included by heed.hpp; used by every level of the engine.
#pragma once

#include <stdexcept>
#include <string>

namespace heed {

/// A failure, as one sentence a user can act on: what was being done, to which file, tensor or
/// argument, what was expected and what was found. The library throws nothing else of its own, and
/// never prints, exits or aborts.
class Error : public std::runtime_error {
 public:
  enum class Code {
    io,           ///< a file could not be read or written
    format,       ///< a file's content is not what its format or its own header promises
    unsupported,  ///< well-formed, but not something this build or this machine can do
    argument,     ///< the caller's argument is out of range or contradicts another
    limit,        ///< more than the model, the context or a named cap allows
    cancelled,    ///< the caller wanted the work to end
    internal,     ///< a fault of the library's own
  };

  Error(Code code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
  Code code() const noexcept { return code_; }

 private:
  Code code_;
};

}  // namespace heed
