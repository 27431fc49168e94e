// The stream filter of stop_text.h. What waits is shorter than the longest stop text, so plain
// searching is cheap.
#include "engine/decode/stop_text.h"

#include <algorithm>
#include <utility>

#include "engine/core/error.h"

namespace heed {
namespace {

/// Bytes at the end of `text` that begin a UTF-8 character and do not complete it.
size_t unfinished_character(std::string_view text) noexcept {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;      // inside a character: look for its first byte
    const size_t length = byte >= 0xf8   ? 1  // no character begins so
                          : byte >= 0xf0 ? 4
                          : byte >= 0xe0 ? 3
                          : byte >= 0xc0 ? 2
                                         : 1;
    return length > back ? back : 0;
  }
  return 0;
}

}  // namespace

StopText::StopText(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_) {
    if (stop.empty()) fail(Error::Code::argument, "a stop text is empty");
  }
}

std::string_view StopText::push(std::string_view piece) {
  if (stopped_) return {};
  text_.erase(0, shown_);
  text_ += piece;

  size_t first_end = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t begin = text_.find(stop);
    if (begin == std::string::npos) continue;
    const size_t end = begin + stop.size();
    if (!stopped_ || end < first_end || (end == first_end && begin < shown_)) {
      first_end = end;
      shown_ = begin;
      stopped_ = true;
    }
  }
  if (!stopped_) shown_ = text_.size() - held_back();
  return std::string_view(text_).substr(0, shown_);
}

std::string_view StopText::finish() {
  if (stopped_) return {};
  text_.erase(0, shown_);
  shown_ = text_.size();
  return text_;
}

/// Bytes at the end of text_ that are the start of a stop text or of a character.
size_t StopText::held_back() const noexcept {
  const std::string_view text = text_;
  size_t held = unfinished_character(text);
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, text.size()); n > held; --n) {
      if (text.ends_with(std::string_view(stop).substr(0, n))) held = n;
    }
  }
  return held;
}

}  // namespace heed
