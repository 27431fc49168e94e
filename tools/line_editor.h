// Reads lines from the keyboard, with editing and history. Used by chat.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace heed {

class LineEditor {
 public:
  LineEditor();
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// A line without its end, or what was pasted, of several lines; nothing after Ctrl-D. The prompt
  /// goes to stderr. Throws Interrupted after Ctrl-C.
  std::optional<std::string> read(const std::string& prompt);
  /// Adds a line to what the up arrow brings back.
  void remember(const std::string& line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace heed
