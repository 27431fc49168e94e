#include "engine/decode/kv_cache.h"

#include <algorithm>
#include <utility>

#include "engine/core/error.h"

namespace heed {
namespace {

void collect(const std::vector<Layer>& layers, int64_t copies, bool memory, KvShape& shape) {
  for (const Layer& layer : layers) {
    if (const auto* residual = std::get_if<Residual>(&layer.spec)) {
      collect(residual->body, copies, memory, shape);
    } else if (const auto* blocks = std::get_if<Blocks>(&layer.spec)) {
      collect(blocks->body, copies * blocks->count, memory, shape);
    } else if (const auto* attention = std::get_if<Attention>(&layer.spec);
               attention && attention->memory == memory) {
      if (shape.layers > 0 &&
          (shape.kv_heads != attention->kv_heads || shape.head_dim != attention->head_dim)) {
        fail(Error::Code::unsupported, "key/value cache: attention layers differ: ", shape.kv_heads,
             " kv heads of ", shape.head_dim, " and ", attention->kv_heads, " of ",
             attention->head_dim);
      }
      shape.kv_heads = attention->kv_heads;
      shape.head_dim = attention->head_dim;
      shape.layers += copies;
    }
  }
}

/// Bytes of the keys of one head.
int64_t keys_bytes(const KvShape& shape, KvType type, int64_t tiles) {
  return ScratchSplitter::padded(tiles * kv_tile_bytes(type, shape.head_dim));
}

}  // namespace

KvShape kv_shape(const Graph& graph) {
  KvShape shape;
  collect(graph.layers, 1, /*memory=*/false, shape);
  return shape;
}

KvShape memory_shape(const Graph& graph) {
  KvShape shape;
  collect(graph.layers, 1, /*memory=*/true, shape);
  return shape;
}

KvCache::KvCache(const KvShape& shape, KvType type, int64_t tokens)
    : shape_(shape), tiles_(tiles_for(tokens)) {
  if (type == KvType::q8 && shape.head_dim > kMostQ8HeadDim) {
    fail(Error::Code::unsupported, "key/value cache: 8 bits for heads of ", shape.head_dim,
         " numbers, expected at most ", kMostQ8HeadDim);
  }
  view_ = {.type = type, .head_dim = shape.head_dim};
  view_.values_offset = keys_bytes(shape, type, tiles_);
  view_.head_stride = 2 * view_.values_offset;
  view_.layer_stride = view_.head_stride * shape.kv_heads;
  // A short context uses the beginning of each head's room: on huge pages all of it would be backed
  // by the first token, and a token's reads fall on few sets of the caches (15 % of decode).
  memory_ = AlignedBuffer(view_.layer_stride * shape.layers, "the key/value cache", Pages::small);
  view_.base = memory_.data();
}

int64_t KvCache::bytes(const KvShape& shape, KvType type, int64_t tokens) {
  return 2 * keys_bytes(shape, type, tiles_for(tokens)) * shape.kv_heads * shape.layers;
}

std::vector<std::span<std::byte>> KvCache::parts(int64_t tokens) const {
  const auto bytes =
      static_cast<size_t>(tiles_for(tokens) * kv_tile_bytes(view_.type, shape_.head_dim));
  std::vector<std::span<std::byte>> parts;
  for (int64_t layer = 0; layer < shape_.layers; ++layer) {
    for (int64_t head = 0; head < shape_.kv_heads; ++head) {
      const KvTiles tiles = view_.tiles(layer, head);
      parts.emplace_back(tiles.keys, bytes);
      parts.emplace_back(tiles.values, bytes);
    }
  }
  return parts;
}

void KvCache::reserve(int64_t tokens) {
  if (tokens <= tiles_ * kTileTokens) return;
  KvCache larger(shape_, view_.type, std::max(tokens, 2 * tiles_ * kTileTokens));
  const auto from = parts(tiles_ * kTileTokens), to = larger.parts(tiles_ * kTileTokens);
  for (size_t i = 0; i < from.size(); ++i) std::ranges::copy(from[i], to[i].begin());
  *this = std::move(larger);
}

}  // namespace heed
