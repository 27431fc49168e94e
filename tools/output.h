// stdout, which carries results and nothing else. Used by every verb.
#pragma once

#include <string>
#include <string_view>

namespace heed {

/// Buffers text for stdout. Unlike std::cout it cannot lose any in silence: a full disk or a reader
/// that has gone is an Error(io).
class Output {
 public:
  void write(std::string_view text);
  /// Text that someone is waiting for goes out at once.
  void flush();

 private:
  std::string buffer_;
};

}  // namespace heed
