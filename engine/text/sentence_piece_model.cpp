// Writes and checks what sentence_piece_model.h describes.
#include "engine/text/sentence_piece_model.h"

#include <cstring>

#include "engine/core/error.h"
#include "engine/text/edited_text.h"

namespace heed {
namespace {

/// A protocol buffers message in the making.
class Message {
 public:
  void add(uint32_t field, bool value) { add(field, uint64_t{value}); }
  void add(uint32_t field, uint64_t value) {
    varint(field << 3 | kVarint);
    varint(value);
  }
  void add(uint32_t field, float value) {
    varint(field << 3 | kFixed32);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);  // both little-endian
    bytes_.append(bytes, sizeof bytes);
  }
  void add(uint32_t field, std::string_view value) {
    varint(field << 3 | kLengthDelimited);
    varint(value.size());
    bytes_ += value;
  }
  void add(uint32_t field, const Message& value) { add(field, std::string_view(value.bytes_)); }

  std::string take() { return std::move(bytes_); }

 private:
  enum WireType : uint32_t { kVarint = 0, kLengthDelimited = 2, kFixed32 = 5 };

  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace

std::string serialize(const SentencePieceModel& model) {
  Message file;
  bool has_bytes = false;
  for (const SentencePieceModel::Piece& piece : model.pieces) {
    Message message;
    message.add(1, piece.text);
    message.add(2, piece.score);
    message.add(3, static_cast<uint64_t>(piece.type));
    file.add(1, message);
    has_bytes = has_bytes || piece.type == TokenType::byte;
  }
  Message trainer;
  trainer.add(3, static_cast<uint64_t>(model.algorithm));
  trainer.add(35, has_bytes);  // byte_fallback
  file.add(2, trainer);
  Message normalizer;
  normalizer.add(2, model.precompiled_charsmap);
  normalizer.add(3, model.add_dummy_prefix);
  normalizer.add(4, model.remove_extra_whitespaces);
  file.add(3, normalizer);
  return file.take();
}

void check_charsmap(std::string_view charsmap) {
  if (charsmap.empty()) return;
  const auto refuse = [](const auto&... why) {
    fail(Error::Code::format, "tokenizer.ggml.precompiled_charsmap: ", why...);
  };
  uint32_t trie_bytes = 0;
  if (charsmap.size() > sizeof trie_bytes) {
    std::memcpy(&trie_bytes, charsmap.data(), sizeof trie_bytes);
    charsmap.remove_prefix(sizeof trie_bytes);
  }
  if (trie_bytes == 0 || trie_bytes % sizeof(uint32_t) != 0 || trie_bytes >= charsmap.size()) {
    refuse("expected a table and its texts in ", charsmap.size(), " bytes, found a table of ",
           trie_bytes);
  }
  std::vector<uint32_t> units(trie_bytes / sizeof(uint32_t));
  std::memcpy(units.data(), charsmap.data(), trie_bytes);
  const std::string_view texts = charsmap.substr(trie_bytes);
  if (texts.back() != '\0' || repair_utf8(texts).changed()) {
    refuse("expected NUL-terminated texts in UTF-8");
  }
  // A unit either holds a value (top bit set) or says where the units of its children are: at its
  // own index ^ offset ^ byte. Its own value, if it is a leaf as well, is the child for byte 0.
  for (uint32_t i = 0; i < units.size(); ++i) {
    const uint32_t unit = units[i];
    if (unit >> 31) continue;
    const uint32_t children = i ^ (unit >> 10) << (unit >> 6 & 8);
    if ((children | 0xFF) >= units.size()) refuse("entry ", i, " leads outside of the table");
    const bool leaf = unit >> 8 & 1;
    if (leaf && (units[children] & ~(1u << 31)) >= texts.size()) {
      refuse("entry ", i, " leads outside of the texts");
    }
  }
}

}  // namespace heed
