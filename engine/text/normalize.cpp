// utf8proc behind normalize.h.
#include "engine/text/normalize.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <utility>

#include "engine/text/utf8.h"

namespace heed {
namespace {

/// Characters below U+0300 are in normal form C, alone and in a row; in UTF-8 they begin with less.
constexpr unsigned char kFirstThatComposes = 0xCC;
/// Characters below U+00A0 are in every normal form.
constexpr unsigned char kFirstThatDecomposes = 0xC2;

/// Longer clusters are left as they are: utf8proc sorts their marks in quadratic time.
constexpr size_t kLongestCluster = 1024;

/// What Unicode has gained since version 8 that has a decomposition or an order among marks: the
/// normalisers that vocabularies are made with take these characters as they are.
constexpr std::pair<char32_t, char32_t> kNewer[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},
    {0xA82C, 0xA82C},   {0xAB69, 0xAB69},   {0x10781, 0x10785}, {0x10787, 0x107B0},
    {0x107B2, 0x107BA}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B},
    {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11938, 0x11938}, {0x1193D, 0x1193E},
    {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47},
    {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97},
    {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1}, {0x1E030, 0x1E06D}, {0x1E08F, 0x1E08F},
    {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF},
    {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9}};

bool is_newer(char32_t code) {
  const auto next =
      std::ranges::upper_bound(kNewer, code, {}, [](auto range) { return range.first; });
  return next != std::begin(kNewer) && code <= (next - 1)->second;
}

struct FreeText {
  void operator()(utf8proc_uint8_t* p) const { std::free(p); }
};

utf8proc_option_t options_of(NormalForm form) {
  const bool composes = form == NormalForm::c || form == NormalForm::kc;
  const bool compatible = form == NormalForm::kc || form == NormalForm::kd;
  return static_cast<utf8proc_option_t>(UTF8PROC_STABLE |
                                        (composes ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                                        (compatible ? UTF8PROC_COMPAT : 0));
}

/// Whether a character, decomposed, can join the one before it. (The clusters of user-perceived
/// characters miss what only its decomposition has: halfwidth and compatibility letters of Hangul.)
bool joins_previous(char32_t code) {
  std::array<utf8proc_int32_t, 18> parts;
  int boundary = UTF8PROC_BOUNDCLASS_START;
  const auto size = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(code), parts.data(), parts.size(),
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT),
      &boundary);
  if (size < 1) return false;
  const bool vowel_or_tail =
      (parts[0] >= 0x1161 && parts[0] <= 0x1175) || (parts[0] >= 0x11A8 && parts[0] <= 0x11C2);
  return vowel_or_tail || utf8proc_get_property(parts[0])->combining_class != 0;
}

bool has_decomposition(char32_t code) {
  const auto* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(code));
  const bool hangul = code >= 0xAC00 && code <= 0xD7A3;
  return hangul || property->decomp_seqindex != UINT16_MAX;
}

/// Where the user-perceived character that begins at `pos` ends. No composition crosses its bounds.
size_t cluster_end(std::string_view text, size_t pos) {
  Utf8Char c = read_utf8(text, pos);
  utf8proc_int32_t state = 0;
  if (is_newer(c.code)) return pos + c.length;
  for (pos += c.length; pos < text.size(); pos += c.length) {
    const auto last = static_cast<utf8proc_int32_t>(c.code);
    c = read_utf8(text, pos);
    if (is_newer(c.code)) break;
    if (utf8proc_grapheme_break_stateful(last, static_cast<utf8proc_int32_t>(c.code), &state) &&
        (c.code < 0x80 || !has_decomposition(c.code) || !joins_previous(c.code)))
      break;
  }
  return pos;
}

void normalize_cluster(NormalForm form, std::string_view source, ByteRange range,
                       EditedText& normal) {
  const std::string_view cluster = source.substr(range.begin, range.end - range.begin);
  const Utf8Char first = read_utf8(cluster, 0);
  const bool single = first.length == cluster.size();
  if (single && (!has_decomposition(first.code) || is_newer(first.code))) return;
  if (cluster.size() > kLongestCluster) return;
  utf8proc_uint8_t* made = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(cluster.data()),
                   static_cast<utf8proc_ssize_t>(cluster.size()), &made, options_of(form));
  const std::unique_ptr<utf8proc_uint8_t, FreeText> owner(made);
  if (size < 0) return;
  const std::string_view result(reinterpret_cast<const char*>(made), static_cast<size_t>(size));
  if (result != cluster) normal.replace(range, result);
}

}  // namespace

EditedText to_normal_form(NormalForm form, std::string_view source, EditRules rules) {
  const unsigned char first = form == NormalForm::c ? kFirstThatComposes : kFirstThatDecomposes;
  EditedText normal(source, rules);
  for (size_t done = 0, pos = 0; pos < source.size();) {
    if (static_cast<unsigned char>(source[pos]) < first) {
      ++pos;
      continue;
    }
    // The character before may be the one that this one combines with.
    size_t begin = pos;
    if (begin > done) --begin;
    while (begin > done && (source[begin] & 0xC0) == 0x80) --begin;
    done = pos = cluster_end(source, begin);
    normalize_cluster(form, source, {begin, done}, normal);
  }
  normal.finish();
  return normal;
}

}  // namespace heed
