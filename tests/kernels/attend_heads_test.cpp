// Attention of several heads in one call, on every table of the machine: each head against a plain
// double softmax, and the promise that a query's bits do not depend on its company.
#include <algorithm>
#include <deque>
#include <vector>

#include "tests/kernels/attention_cases.h"

namespace heed {
namespace {

/// Heads with keys of their own, side by side in memory, and queries that see the same of them.
struct HeadsTest {
  std::deque<Cache> caches;      // [heads]
  std::vector<Queries> queries;  // [heads], with the same masks
  int64_t bytes;                 // of a head's keys, or values

  HeadsTest(const Kernels& k, KvType type, int64_t dim, int64_t keys, int64_t count, int64_t heads)
      : bytes((tiles_for(keys) * kv_tile_bytes(type, dim) + 63) / 64 * 64) {
    for (int64_t h = 0; h < heads; ++h) {
      const auto seed = static_cast<uint32_t>(dim * 1000 + keys + count + 31 * h);
      const Cache& cache = caches.emplace_back(k, type, dim, keys, seed);
      Queries& q = queries.emplace_back(random_queries(count, cache, seed + 1));
      q.ranges.assign(count, {0, static_cast<int32_t>(keys)});
    }
  }

  void add_masks() {
    heed::add_masks(caches[0], 5, queries[0]);
    for (Queries& q : queries) q.masks = queries[0].masks;
  }

  /// The outputs of rows [first, first + count) for each of heads [some.begin, some.end).
  std::vector<Attended> attend(const Kernels& k, int64_t first, int64_t count,
                               KeyRange some) const {
    const int64_t dim = caches[0].head_dim, heads = some.end - some.begin, width = heads * dim;
    const KvType type = caches[0].tiles.type;
    Guarded<std::byte> tiles(2 * heads * bytes), scratch(k.attend_scratch(type, dim, count));
    Guarded<float> rows(count * (width + 3)), out(count * (width + 1), 1);
    for (int64_t h = 0; h < heads; ++h) {
      const Cache& cache = caches[some.begin + h];
      const int64_t used = cache.tile_count() * kv_tile_bytes(type, dim);
      std::copy_n(cache.tiles.keys, used, tiles.data() + 2 * h * bytes);
      std::copy_n(cache.tiles.values, used, tiles.data() + (2 * h + 1) * bytes);
      const float* from = &queries[some.begin + h].values[first * dim];
      for (int64_t i = 0; i < count; ++i)
        std::copy_n(from + i * dim, dim, &rows[i * (width + 3) + h * dim]);
    }
    std::vector<const uint16_t*> masks;
    for (const std::vector<uint16_t>& mask : queries[0].masks) masks.push_back(mask.data());
    k.attend_heads({.queries = rows.data(),
                    .query_stride = width + 3,
                    .outputs = out.data(),
                    .output_stride = width + 1,
                    .count = count,
                    .heads = heads,
                    .keys = caches[0].tokens,
                    .masks = masks.empty() ? nullptr : masks.data() + first,
                    .kv = {type, dim, tiles.data(), tiles.data() + bytes},
                    .head_stride = 2 * bytes,
                    .scale = scale_of(dim),
                    .scratch = scratch.data()});
    REQUIRE(out.intact());
    REQUIRE(scratch.intact());
    std::vector<Attended> results(heads);
    for (int64_t i = 0; i < count; ++i) {
      REQUIRE(out[i * (width + 1) + width] == 0);  // between rows
      for (int64_t h = 0; h < heads; ++h) {
        const float* at = &out[i * (width + 1) + h * dim];
        results[h].out.insert(results[h].out.end(), at, at + dim);
      }
    }
    return results;
  }

  void check(const Kernels& k) const {
    const int64_t count = queries[0].count(), heads = std::ssize(caches);
    const Rounding rounding(k, caches[0], count);
    const auto results = attend(k, 0, count, {0, static_cast<int32_t>(heads)});
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t i = 0; i < count; ++i)
        check_query(caches[h], queries[h], i, rounding, results[h]);
    }
  }
};

}  // namespace

TEST_CASE("heads side by side: each equals a plain softmax") {
  for (const NamedTable& isa : machine_tables()) {
    for (const KvType type : kTypes) {
      for (const int64_t dim : {6, 32, 36, 64, 128, 160}) {
        for (const int64_t keys : {1, 15, 17, 32, 40, 128, 129}) {
          for (const int64_t count : {1, 4, 5, 16}) {
            INFO(isa.name, " ", type_name(type), ", head_dim ", dim, ", keys ", keys, ", queries ",
                 count);
            HeadsTest test(isa.table, type, dim, keys, count, 5);
            test.check(isa.table);
            test.add_masks();
            test.check(isa.table);
          }
        }
      }
    }
  }
}

TEST_CASE("a query's bits depend neither on the other heads of a call nor on its other queries") {
  constexpr int32_t kHeads = 9, kQueries = 7;
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    for (const KvType type : kTypes) {
      for (const int64_t dim : {32, 36, 64}) {
        INFO(isa.name, " ", type_name(type), ", head_dim ", dim);
        HeadsTest test(k, type, dim, 50, kQueries, kHeads);
        test.add_masks();
        const std::vector<Attended> together = test.attend(k, 0, kQueries, {0, kHeads});
        for (int32_t h = 0; h < kHeads; ++h) {
          CHECK(test.attend(k, 0, kQueries, {h, h + 1})[0] == together[h]);
          Attended alone;
          for (int64_t i = 0; i < kQueries; ++i) append(test.attend(k, i, 1, {h, h + 1})[0], alone);
          CHECK(alone == together[h]);
        }
      }
    }
  }
}

}  // namespace heed
