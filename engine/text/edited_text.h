// A text changed in places that still knows where each byte came from. Used to repair bad UTF-8
// and to normalise, so that tokens keep their offsets in the text as it was given.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heed {

/// Bytes [begin, end) of a text.
struct ByteRange {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// A view of the source until the first edit: text that needs no change is never copied.
class EditedText {
 public:
  /// `source` must outlive this object.
  explicit EditedText(std::string_view source) : source_(source) {}

  /// Replaces bytes of the source. Ranges come in ascending order and do not overlap.
  void replace(ByteRange range, std::string_view by);
  /// To be called once, after the last replace().
  void finish();

  std::string_view text() const { return edits_.empty() ? source_ : storage_; }
  bool changed() const { return !edits_.empty(); }

  /// The bytes of the source that `range` of text() came from; a part of a replacement came from
  /// the whole of what was replaced.
  ByteRange in_source(ByteRange range) const;

 private:
  struct Edit {
    ByteRange source;
    ByteRange text;
  };
  ByteRange byte_in_source(size_t pos) const;

  std::string_view source_;
  std::string storage_;
  std::vector<Edit> edits_;
};

/// `source` made valid UTF-8: each maximal subpart of an ill-formed sequence becomes one U+FFFD, as
/// Python's bytes.decode(errors="replace") and Rust's from_utf8_lossy do (Unicode, section 3.9).
EditedText repair_utf8(std::string_view source);

/// Byte ranges of `text` as ranges of characters: code points, each maximal subpart of bad bytes
/// counting as one. A range that cuts a character is rounded outwards.
std::vector<ByteRange> to_characters(std::string_view text, std::span<const ByteRange> bytes);

}  // namespace heed
