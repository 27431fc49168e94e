// Writes and checks what sentence_piece_model.h describes.
#include "engine/text/sentence_piece_model.h"

#include <cmath>
#include <cstring>
#include <optional>

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

/// A protocol buffers message, field by field.
class Fields {
 public:
  /// `name` stands for the whole file in errors; both must outlive this object.
  Fields(std::string_view bytes, std::string_view name) : rest_(bytes), name_(name) {}

  /// Goes to the next field, the first one at first; false at the end.
  bool next() {
    if (rest_.empty()) return false;
    const uint64_t key = varint();
    number_ = key >> 3;
    switch (key & 7) {
      case kVarint:
        integer_ = varint();
        value_ = {};
        break;
      case kFixed64:
        value_ = take(8);
        break;
      case kLengthDelimited:
        value_ = take(varint());
        break;
      case kFixed32:
        value_ = take(4);
        break;
      default:
        refuse();
    }
    type_ = static_cast<WireType>(key & 7);
    return true;
  }

  /// The bytes of the current field if it is number `number` and a text, message or the like.
  std::optional<std::string_view> bytes(uint64_t number) const {
    if (number_ != number || type_ != kLengthDelimited) return std::nullopt;
    return value_;
  }
  std::optional<uint64_t> integer(uint64_t number) const {
    if (number_ != number || type_ != kVarint) return std::nullopt;
    return integer_;
  }
  std::optional<float> real(uint64_t number) const {
    if (number_ != number || type_ != kFixed32) return std::nullopt;
    float value;
    std::memcpy(&value, value_.data(), sizeof value);
    return value;
  }

 private:
  enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

  [[noreturn]] void refuse() const {
    fail(Error::Code::format, name_, ": expected the bytes of a sentencepiece model, found others");
  }

  std::string_view take(uint64_t count) {
    if (count > rest_.size()) refuse();
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(take(1)[0]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    refuse();
  }

  std::string_view rest_;
  std::string_view name_;
  uint64_t number_ = 0;
  WireType type_ = kVarint;
  std::string_view value_;
  uint64_t integer_ = 0;
};

void check_piece(std::string_view piece, size_t index, std::string_view name) {
  for (Fields field(piece, name); field.next();) {
    const auto text = field.bytes(1);
    if (text && (text->find('\0') != text->npos || repair_utf8(*text).changed())) {
      fail(Error::Code::format, name, ": expected pieces in UTF-8 without NUL, found another at ",
           index);
    }
    const auto score = field.real(2);
    if (score && !std::isfinite(*score)) {
      fail(Error::Code::format, name, ": the score of piece ", index, " is not finite");
    }
  }
}

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

void check_charsmap(std::string_view charsmap, std::string_view name) {
  if (charsmap.empty()) return;
  const auto refuse = [&](const auto&... why) { fail(Error::Code::format, name, ": ", why...); };
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

void check_model(std::string_view model, std::string_view name) {
  size_t pieces = 0;
  for (Fields field(model, name); field.next();) {
    if (const auto piece = field.bytes(1)) check_piece(*piece, pieces++, name);
    if (const auto normalizer = field.bytes(3)) {
      for (Fields part(*normalizer, name); part.next();) {
        if (const auto charsmap = part.bytes(2)) check_charsmap(*charsmap, name);
      }
    }
    if (const auto denormalizer = field.bytes(5)) {
      for (Fields part(*denormalizer, name); part.next();) {
        if (!part.bytes(2).value_or("").empty()) {
          fail(Error::Code::unsupported, name,
               ": its rules for decoded text (denormalizer) are not something that Heed does");
        }
      }
    }
  }
}

SentencePieceModel read_sentence_piece_model(std::string_view model, std::string_view name) {
  check_model(model, name);
  SentencePieceModel result;
  for (Fields field(model, name); field.next();) {
    if (const auto piece = field.bytes(1)) {
      SentencePieceModel::Piece& added = result.pieces.emplace_back();
      for (Fields part(*piece, name); part.next();) {
        added.text = part.bytes(1).value_or(added.text);
        added.score = part.real(2).value_or(added.score);
        added.type = static_cast<TokenType>(part.integer(3).value_or(uint64_t(added.type)));
      }
      if (added.type < TokenType::normal || added.type > TokenType::byte) {
        fail(Error::Code::format, name, ": piece ", result.pieces.size() - 1,
             " is of no known type");
      }
    }
    if (const auto trainer = field.bytes(2)) {
      for (Fields part(*trainer, name); part.next();) {
        const auto algorithm = part.integer(3);
        if (!algorithm) continue;
        if (*algorithm != 1 && *algorithm != 2) {
          fail(Error::Code::unsupported, name,
               ": expected a model of Unigram (1) or BPE (2), found ", *algorithm);
        }
        result.algorithm = static_cast<SentencePieceModel::Algorithm>(*algorithm);
      }
    }
    if (const auto normalizer = field.bytes(3)) {
      for (Fields part(*normalizer, name); part.next();) {
        result.precompiled_charsmap = part.bytes(2).value_or(result.precompiled_charsmap);
        result.add_dummy_prefix = part.integer(3).value_or(result.add_dummy_prefix) != 0;
        result.remove_extra_whitespaces =
            part.integer(4).value_or(result.remove_extra_whitespaces) != 0;
      }
    }
  }
  return result;
}

}  // namespace heed
