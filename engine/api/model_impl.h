// What is behind heed::Model and heed::Tokenizer. Shared by the files of engine/api/ alone.
#pragma once

#include <optional>

#include "engine/api/library.h"
#include "engine/decode/loaded_model.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace heed {

struct Tokenizer::Impl {
  TextTokenizer tokenizer;
};

struct Model::Impl {
  explicit Impl(GgufFile file) : loaded(std::move(file)) {}

  ModelInfo info;
  LoadedModel loaded;
  std::shared_ptr<const Tokenizer::Impl> text;
  Tokenizer tokenizer{nullptr};  ///< of `text`
  std::string template_source;
  std::optional<ChatTemplate> chat_template;
  /// Why there is no chat template: all else that the model does works without.
  Error template_problem{Error::Code::unsupported, ""};

  const ChatTemplate& need_chat_template() const {
    if (!chat_template) throw template_problem;
    return *chat_template;
  }
  /// A special token as the vocabulary writes it; empty if there is none.
  std::string special_piece(std::optional<Token> id) const {
    return id ? tokenizer.piece(*id) : std::string();
  }
};

}  // namespace heed
