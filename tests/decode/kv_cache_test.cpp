// A cache that grows keeps what it holds.
#include "engine/decode/kv_cache.h"

#include <doctest/doctest.h>

#include <cstring>

namespace heed {
namespace {

/// Fills or checks every byte that `tokens` positions take with a value of its own.
template <typename Visit>
void visit_tiles(const KvCache& cache, const KvShape& shape, int64_t tokens, Visit visit) {
  const KvView& view = cache.view();
  const int64_t bytes =
      (tokens + kTileTokens - 1) / kTileTokens * kv_tile_bytes(view.type, view.head_dim);
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    for (int64_t head = 0; head < shape.kv_heads; ++head) {
      const KvTiles tiles = view.tiles(layer, head);
      for (int64_t i = 0; i < bytes; ++i) {
        visit(tiles.keys[i], static_cast<std::byte>(layer * 64 + head * 16 + i % 7));
        visit(tiles.values[i], static_cast<std::byte>(layer * 64 + head * 16 + i % 7 + 8));
      }
    }
  }
}

}  // namespace

TEST_CASE("a cache that grows keeps its keys and values where its view says") {
  const KvShape shape{.layers = 2, .kv_heads = 3, .head_dim = 10};
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::q8}) {
    KvCache cache(shape, type, 20);
    const KvView& view = cache.view();
    visit_tiles(cache, shape, 20, [](std::byte& at, std::byte value) { at = value; });
    cache.reserve(32);  // fits: a cache is made of whole tiles
    const std::byte* before = view.base;
    cache.reserve(7);
    CHECK(view.base == before);
    for (const int64_t tokens : {33, 65, 1000}) {
      cache.reserve(tokens);
      CHECK(view.base != before);
      before = view.base;
      CHECK(view.values_offset >=
            (tokens + kTileTokens - 1) / kTileTokens * kv_tile_bytes(type, shape.head_dim));
      int wrong = 0;
      visit_tiles(cache, shape, 20,
                  [&](std::byte at, std::byte value) { wrong += at != value ? 1 : 0; });
      CHECK(wrong == 0);
    }
    const int64_t bytes = cache.bytes();
    cache.reserve(1001);  // at least doubles, else a token a time would copy a token a time
    cache.reserve(1500);
    CHECK(cache.bytes() <= 2 * bytes);
  }
}

TEST_CASE("a cache of 8 bits takes half of bf16's memory and refuses heads whose sums overflow") {
  const KvShape shape{.layers = 2, .kv_heads = 3, .head_dim = 64};
  const auto ratio = static_cast<double>(KvCache::bytes(shape, KvType::q8, 4096)) /
                     static_cast<double>(KvCache::bytes(shape, KvType::bf16, 4096));
  CHECK(ratio == doctest::Approx(0.53125));  // 8.5 bits
  CHECK_THROWS_WITH(KvCache({.layers = 1, .kv_heads = 1, .head_dim = 514}, KvType::q8, 16),
                    "key/value cache: 8 bits for heads of 514 numbers, expected at most 512");
  CHECK_NOTHROW(KvCache({.layers = 1, .kv_heads = 1, .head_dim = 512}, KvType::q8, 16));
}

}  // namespace heed
