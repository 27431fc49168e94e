// A text changed in places that still knows where each byte came from. Used to repair bad UTF-8
// and to normalise, so that tokens keep their offsets in the text as it was given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
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

struct EditRules {
  size_t max_bytes = SIZE_MAX;  ///< of the changed text; more is an Error(limit)
  bool tracks = true;           ///< false: nobody will ask where bytes came from
};

/// A view of the source until the first edit: text that needs no change is never copied.
class EditedText {
 public:
  /// `source` must outlive this object.
  explicit EditedText(std::string_view source, EditRules rules = {})
      : source_(source), rules_(rules) {}

  /// Replaces bytes of the source. Ranges come in ascending order and do not overlap; an empty one
  /// inserts. Throws Error(limit) where the text becomes longer than the rules allow.
  void replace(ByteRange range, std::string_view by);
  /// To be called once, after the last replace().
  void finish();

  std::string_view text() const { return changed_ ? storage_ : source_; }
  bool changed() const { return changed_; }

  /// Where byte `pos` of the source, at or behind all edits so far, comes to lie in text().
  size_t position(size_t pos) const { return storage_.size() + (pos - copied_); }

  /// The bytes of the source that `range` of text() came from; a part of a replacement came from
  /// the whole of what was replaced. Only if the rules say that this text tracks.
  ByteRange in_source(ByteRange range) const;

 private:
  struct Edit {
    ByteRange source;
    ByteRange text;
  };
  void append(std::string_view text);
  ByteRange byte_in_source(size_t pos) const;

  std::string_view source_;
  EditRules rules_;
  bool changed_ = false;
  size_t copied_ = 0;  ///< bytes of the source that storage_ has, as they were or replaced
  std::string storage_;
  std::vector<Edit> edits_;
};

/// A text changed several times over.
class EditChain {
 public:
  /// `source` must outlive this object.
  explicit EditChain(std::string_view source) : source_(source) {}
  EditChain(const EditChain&) = delete;  // each text looks into the one before
  EditChain& operator=(const EditChain&) = delete;

  std::string_view text() const { return texts_.empty() ? source_ : texts_.back().text(); }

  /// Adds what was made of text().
  void add(EditedText edited) {
    if (edited.changed()) texts_.push_back(std::move(edited));
  }

  bool changed() const { return !texts_.empty(); }
  /// The bytes of the source that `range` of text() came from.
  ByteRange in_source(ByteRange range) const {
    for (auto text = texts_.rbegin(); text != texts_.rend(); ++text) range = text->in_source(range);
    return range;
  }

 private:
  std::string_view source_;
  std::deque<EditedText> texts_;  // never moved: short texts lie in the objects themselves
};

/// `source` made valid UTF-8: each maximal subpart of an ill-formed sequence becomes one U+FFFD, as
/// Python's bytes.decode(errors="replace") and Rust's from_utf8_lossy do (Unicode, section 3.9).
EditedText repair_utf8(std::string_view source);

/// Byte ranges of `text` as ranges of characters: code points, each maximal subpart of bad bytes
/// counting as one. A range that cuts a character is rounded outwards.
std::vector<ByteRange> to_characters(std::string_view text, std::span<const ByteRange> bytes);

}  // namespace heed
