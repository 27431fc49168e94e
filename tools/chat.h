// The conversation of `heed run MODEL`: a prompt, an answer, and so on. Its commands are ollama's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "heed.hpp"
#include "tools/arguments.h"
#include "tools/line_editor.h"
#include "tools/output.h"

namespace heed {

struct ChatSettings {
  std::string system = {};
  SamplingArguments sampling = {};
  bool verbose = false;  ///< rates after each answer
};

class Chat {
 public:
  /// Throws Error(unsupported) if the model has no chat template.
  Chat(const Model& model, Session& session, ChatSettings settings, Output& out);
  /// Until /bye or Ctrl-D.
  void run();

 private:
  std::optional<std::string> read_message();
  bool obey(const std::string& line);
  void set(std::vector<std::string> words, std::string_view line);
  void set_parameter(const std::string& name, const std::string& value);
  void show(std::string_view what);
  void answer(const std::string& text);
  std::vector<Message> conversation() const;

  const Model& model_;
  Session& session_;
  ChatSettings settings_;
  Output& out_;
  LineEditor editor_;
  std::vector<Message> messages_;  // without the system message
};

}  // namespace heed
