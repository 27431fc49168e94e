// The decoder of a tokenizer.json.
#include <algorithm>

#include "engine/text/tokenizer_json.h"

namespace heed {
namespace {

constexpr int64_t kMaxStripped = 1 << 16;

decoders::Strip read_strip(const JsonNode& node) {
  node.allow({"type", "content", "start", "stop"});
  decoders::Strip strip{.content = node.at("content").text(),
                        .start = static_cast<size_t>(node.at("start").integer(0, kMaxStripped)),
                        .stop = static_cast<size_t>(node.at("stop").integer(0, kMaxStripped))};
  if (strip.content.empty()) node.refuse("'content': expected a character");
  return strip;
}

decoders::Step read_metaspace(const JsonNode& node) {
  node.allow({"type", "replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep"});
  const auto scheme = node.find("prepend_scheme");
  const auto prefix = node.find("add_prefix_space");
  decoders::Metaspace step{.blank = node.at("replacement").text()};
  if (step.blank.empty()) node.refuse("'replacement': expected a character");
  step.drops_first = !(scheme && scheme->text() == "never") && !(prefix && !prefix->flag());
  return step;
}

decoders::Step read_word_piece(const JsonNode& node) {
  node.allow({"type", "prefix", "cleanup"});
  return decoders::WordPiece{.prefix = node.at("prefix").text(),
                             .cleanup = node.at("cleanup").flag()};
}

decoders::Step read_step(const JsonNode& node) {
  const std::string& type = node.at("type").text();
  if (type == "ByteLevel") {
    node.allow({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    return decoders::ByteLevel{};
  }
  if (type == "ByteFallback") {
    node.allow({"type"});
    return decoders::ByteFallback{};
  }
  if (type == "Strip") return read_strip(node);
  if (type == "Metaspace") return read_metaspace(node);
  if (type == "WordPiece") return read_word_piece(node);
  if (type == "BPEDecoder") {
    node.allow({"type", "suffix"});
    const JsonNode suffix = node.at("suffix");
    if (suffix.text().empty()) suffix.refuse_unsupported("an empty suffix");
    return decoders::WordSuffix{suffix.text()};
  }
  if (type == "Replace") {
    node.allow({"type", "pattern", "content"});
    return decoders::Replace{.pattern = read_pattern(node.at("pattern")),
                             .by = node.at("content").text()};
  }
  node.refuse_unsupported("the type '", type, "'");
}

bool makes_bytes(const decoders::Step& step) {
  return std::holds_alternative<decoders::ByteLevel>(step) ||
         std::holds_alternative<decoders::ByteFallback>(step);
}

}  // namespace

/// Tokens are joined by Fuse, ByteLevel or the end of the list; behind that only the ends of the
/// text can change, as it is made token by token.
PieceDecoder read_decoder(const std::optional<JsonNode>& node) {
  std::vector<decoders::Step> steps;
  if (!node) {
    steps.push_back(decoders::Spaced{});
    return PieceDecoder(std::move(steps));
  }
  decoders::Strip edges;
  bool fused = false, bytes = false, ended = false;
  for (const JsonNode& part : flatten_sequence(*node, "decoders")) {
    const std::string& type = part.at("type").text();
    if (type == "Fuse") {
      part.allow({"type"});
      fused = true;
      continue;
    }
    if (fused && type == "Strip" && edges.content.empty()) {
      edges = read_strip(part);
      continue;
    }
    // Of what follows bytes, which need not be whole characters, only some can be done.
    if (fused || ended || (bytes && type != "Strip" && type != "Metaspace")) {
      part.refuse_unsupported("the type '", type, "' at this place");
    }
    decoders::Step step = read_step(part);
    bytes = bytes || makes_bytes(step);
    fused = std::holds_alternative<decoders::ByteLevel>(step);
    ended = std::holds_alternative<decoders::WordSuffix>(step);
    steps.push_back(std::move(step));
  }
  return PieceDecoder(std::move(steps), std::move(edges));
}

}  // namespace heed
