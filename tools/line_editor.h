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

  /// A line without its end; nothing after Ctrl-D or Ctrl-C. The prompt goes to stderr.
  std::optional<std::string> read(const std::string& prompt);
  /// Adds a line to what the up arrow brings back.
  void remember(const std::string& line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace heed
