// Finds the texts that end an answer in text that arrives in pieces. Used by the generation loop.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace heed {

/// Lets text through except what may yet turn out to be the start of a stop text or of a UTF-8
/// character, which waits for the next piece. What comes out does not depend on where the text was
/// split: it ends before the stop text that is complete first.
class StopText {
 public:
  /// Throws Error(argument) if one of `stops` is empty.
  explicit StopText(std::vector<std::string> stops);

  /// Adds a piece and returns what may be shown now, valid until the next call. After a match:
  /// nothing.
  std::string_view push(std::string_view piece);

  /// At the end of the text: what was still held back.
  std::string_view finish();

  /// Whether a stop text has come; it and all after it are not let through.
  bool stopped() const noexcept { return stopped_; }

 private:
  size_t held_back() const noexcept;

  std::vector<std::string> stops_;
  std::string text_;  // not yet let through, but for its first `shown_` bytes
  size_t shown_ = 0;
  bool stopped_ = false;
};

}  // namespace heed
