// The sentencepiece library with a model in it, its errors as ours. Used by the kinds of tokenizer
// that it does the work for. Reference: github.com/google/sentencepiece, sentencepiece_processor.h.
#pragma once

#include <sentencepiece_processor.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "engine/core/error.h"
#include "engine/text/byte_token.h"
#include "engine/text/edited_text.h"

namespace heed {

inline constexpr std::string_view kBlank = "\xE2\x96\x81";  // ▁, U+2581: a blank in pieces

class SentencePieceLibrary {
 public:
  /// `model` in the library's own format, `name` what stands for it in errors. Throws Error(format)
  /// where the library refuses it.
  SentencePieceLibrary(const std::string& model, std::string_view name) {
    const auto status = library_->LoadFromSerializedProto(model);
    if (!status.ok()) {
      fail(Error::Code::format, name, ": sentencepiece: ", status.error_message());
    }
  }

  int size() const { return library_->GetPieceSize(); }
  const std::string& piece(int id) const { return library_->IdToPiece(id); }
  bool is_unknown(int id) const { return library_->IsUnknown(id); }
  bool is_control(int id) const { return library_->IsControl(id); }
  bool is_byte(int id) const { return library_->IsByte(id); }

  /// Calls add(id, piece, range) for each piece of a text, with the bytes of the text that it
  /// stands for; of the unknown piece, `piece` is what is unknown.
  void encode(std::string_view text, const auto& add) const {
    sentencepiece::ImmutableSentencePieceText result;
    const auto status = library_->Encode(text, result.mutable_proto());
    if (!status.ok()) fail(Error::Code::argument, "sentencepiece: ", status.error_message());
    // Of a character in single bytes the library gives the range to the last byte only.
    const auto pieces = result.pieces();
    size_t waiting = 0;  // bytes before pieces[i] that shall have its range
    for (size_t i = 0; i < pieces.size(); ++i) {
      const ByteRange range = {pieces[i].begin(), pieces[i].end()};
      const auto add_piece = [&](size_t at) {
        add(static_cast<int>(pieces[at].id()), pieces[at].piece(), range);
      };
      if (range.begin == range.end && is_byte(static_cast<int>(pieces[i].id()))) {
        ++waiting;
        continue;
      }
      for (; waiting > 0; --waiting) add_piece(i - waiting);
      add_piece(i);
    }
  }

 private:
  std::unique_ptr<sentencepiece::SentencePieceProcessor> library_ =
      std::make_unique<sentencepiece::SentencePieceProcessor>();
};

/// A piece as text: its visible blanks as real ones.
inline std::string with_blanks(std::string_view piece) {
  std::string text;
  for (size_t pos = 0; pos < piece.size();) {
    const size_t blank = std::min(piece.find(kBlank, pos), piece.size());
    text.append(piece, pos, blank - pos);
    if (blank < piece.size()) text += ' ';
    pos = blank + kBlank.size();
  }
  return text;
}

/// The byte that a piece such as "<0x0A>" stands for. Throws Error(format).
inline char byte_of(std::string_view piece) {
  if (const auto byte = byte_of_token(piece)) return *byte;
  fail(Error::Code::format, "tokenizer: expected a byte such as <0x0A>, found '", piece, "'");
}

}  // namespace heed
