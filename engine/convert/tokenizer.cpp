// One entry to the kinds of tokenizer that directories come with.
#include "engine/convert/tokenizer.h"

#include "engine/convert/byte_pair.h"
#include "engine/convert/chat_template.h"
#include "engine/convert/config_keys.h"
#include "engine/convert/hugging_face_tokenizer.h"
#include "engine/convert/sentence_piece.h"
#include "engine/convert/sentence_piece_pair.h"
#include "engine/convert/word_piece.h"

namespace heed {

std::vector<std::string> missing_tokenizer_files(TokenizerFiles files,
                                                 const std::filesystem::path& directory) {
  std::error_code ignored;
  const auto is_missing = [&](const char* name) {
    return !std::filesystem::is_regular_file(directory / name, ignored);
  };
  std::vector<std::string> missing;
  if (files == TokenizerFiles::sentence_piece_pair) {
    for (const char* name : {"source.spm", "target.spm", "vocab.json"}) {
      if (is_missing(name)) missing.push_back(name);
    }
  } else if (files == TokenizerFiles::sentence_piece_list) {
    for (const char* name : {"source.spm", "target.spm"}) {
      if (!find_shared_sentence_piece(directory) && is_missing(name)) missing.push_back(name);
    }
    const auto lacks_list = [&](const std::string& name) {
      return is_missing((name + ".json").c_str()) && is_missing((name + ".txt").c_str());
    };
    const bool lacks_source = lacks_list("source_vocabulary");
    const bool lacks_target = lacks_list("target_vocabulary");
    if (lacks_list("shared_vocabulary") && lacks_source && lacks_target) {
      missing.push_back("shared_vocabulary.json (or .txt)");
    } else if (lacks_source != lacks_target) {
      missing.push_back(cat(lacks_source ? "source" : "target", "_vocabulary.json (or .txt)"));
    }
  } else if (files == TokenizerFiles::word_piece) {
    if (is_missing("tokenizer.json") && is_missing("vocab.txt"))
      missing.push_back("tokenizer.json (or vocab.txt)");
  } else if (is_missing("tokenizer.json") &&
             (is_missing("vocab.json") || is_missing("merges.txt")) &&
             !find_sentence_piece(directory)) {
    missing.push_back("tokenizer.json (or vocab.json and merges.txt, or tokenizer.model)");
  }
  return missing;
}

void set_tokenizer(const Source& source, Metadata& metadata) {
  set_chat_template(source, metadata);
  const TokenizerFiles files = find_recipe(source.config()).tokenizer;
  if (files != TokenizerFiles::sentence_piece_pair && source.has("tokenizer.json")) {
    return set_hugging_face_tokenizer(source, metadata);
  }
  switch (files) {
    case TokenizerFiles::word_piece:
      return set_word_piece(source, metadata);
    case TokenizerFiles::sentence_piece_pair:
    case TokenizerFiles::sentence_piece_list:
      return set_sentence_piece_pair(source, metadata);
    case TokenizerFiles::subwords:
      if (const auto path = find_sentence_piece(source.directory())) {
        return set_sentence_piece(source, *path, metadata);
      }
      return set_byte_pair(source, metadata);
  }
}

}  // namespace heed
