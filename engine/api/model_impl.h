// What is behind heed::Model and heed::Tokenizer. Shared by the files of engine/api/ alone.
#pragma once

#include <optional>

#include "engine/decode/loaded_model.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"
#include "heed.hpp"

namespace heed {

struct Tokenizer::Impl {
  TextTokenizer tokenizer;
};

struct Model::Impl {
  explicit Impl(GgufFile file)
      : loaded(std::move(file)),
        text(std::make_shared<const Tokenizer::Impl>(
            TextTokenizer(read_tokenizer_spec(loaded.file.metadata())))),
        tokenizer(text) {}

  ModelInfo info;
  LoadedModel loaded;
  std::shared_ptr<const Tokenizer::Impl> text;
  Tokenizer tokenizer;
  std::string template_source;
  std::optional<ChatTemplate> chat_template;
};

}  // namespace heed
