// utf8proc behind normalize.h.
#include "engine/text/normalize.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "engine/text/utf8.h"

namespace heed {
namespace {

/// Characters below U+0300 are in normal form C, alone and in a row; in UTF-8 they begin with less.
constexpr unsigned char kFirstThatMayChange = 0xCC;

/// Longer clusters are left as they are: utf8proc sorts their marks in quadratic time.
constexpr size_t kLongestCluster = 1024;

struct FreeText {
  void operator()(utf8proc_uint8_t* p) const { std::free(p); }
};

/// Where the user-perceived character that begins at `pos` ends. No composition crosses its bounds.
size_t cluster_end(std::string_view text, size_t pos) {
  Utf8Char c = read_utf8(text, pos);
  utf8proc_int32_t state = 0;
  for (pos += c.length; pos < text.size(); pos += c.length) {
    const auto last = static_cast<utf8proc_int32_t>(c.code);
    c = read_utf8(text, pos);
    if (utf8proc_grapheme_break_stateful(last, static_cast<utf8proc_int32_t>(c.code), &state))
      break;
  }
  return pos;
}

bool has_decomposition(char32_t code) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(code))->decomp_seqindex != UINT16_MAX;
}

void normalize_cluster(std::string_view source, ByteRange range, EditedText& normal) {
  const std::string_view cluster = source.substr(range.begin, range.end - range.begin);
  const Utf8Char first = read_utf8(cluster, 0);
  if (first.length == cluster.size() && !has_decomposition(first.code)) return;
  if (cluster.size() > kLongestCluster) return;
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(cluster.data()),
                   static_cast<utf8proc_ssize_t>(cluster.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, FreeText> owner(composed);
  if (size < 0) return;
  const std::string_view result(reinterpret_cast<const char*>(composed), static_cast<size_t>(size));
  if (result != cluster) normal.replace(range, result);
}

}  // namespace

EditedText to_nfc(std::string_view source) {
  EditedText normal(source);
  for (size_t done = 0, pos = 0; pos < source.size();) {
    if (static_cast<unsigned char>(source[pos]) < kFirstThatMayChange) {
      ++pos;
      continue;
    }
    // The character before may be the one that this one combines with.
    size_t begin = pos;
    if (begin > done) --begin;
    while (begin > done && (source[begin] & 0xC0) == 0x80) --begin;
    done = pos = cluster_end(source, begin);
    normalize_cluster(source, {begin, done}, normal);
  }
  normal.finish();
  return normal;
}

}  // namespace heed
