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

  /// Queries that give scores beyond a float's range of powers of two, of either sign.
  void enlarge_some() {
    for (Queries& q : queries) {
      for (size_t i = 0; i < q.values.size(); ++i) {
        if (i / caches[0].head_dim % 3 == 1) q.values[i] *= 64;
      }
    }
  }

  void add_masks() {
    heed::add_masks(caches[0], 5, queries[0]);
    for (Queries& q : queries) q.masks = queries[0].masks;
  }

  /// The outputs of rows [first, first + count) for each of heads [some.begin, some.end).
  /// `in_bf16`: queries are handed over as such, and so are outputs.
  std::vector<Attended> attend(const Kernels& k, int64_t first, int64_t count, KeyRange some,
                               bool in_bf16 = false) const {
    const int64_t dim = caches[0].head_dim, heads = some.end - some.begin, width = heads * dim;
    const KvType type = caches[0].tiles.type;
    Guarded<std::byte> tiles(2 * heads * bytes), scratch(k.attend_scratch(type, dim, count));
    Guarded<float> rows(count * (width + 3)), out(count * (width + 1), 1);
    Guarded<uint16_t> rounded(in_bf16 ? 2 * count * width : 0);
    for (int64_t h = 0; h < heads; ++h) {
      const Cache& cache = caches[some.begin + h];
      const int64_t used = cache.tile_count() * kv_tile_bytes(type, dim);
      std::copy_n(cache.tiles.keys, used, tiles.data() + 2 * h * bytes);
      std::copy_n(cache.tiles.values, used, tiles.data() + (2 * h + 1) * bytes);
      const float* from = &queries[some.begin + h].values[first * dim];
      for (int64_t i = 0; i < count; ++i)
        std::copy_n(from + i * dim, dim, &rows[i * (width + 3) + h * dim]);
    }
    const std::vector<uint16_t> halves = halves_of(rows);
    std::vector<uint16_t*> bf16_outputs;
    for (int64_t i = 0; i < count; ++i) bf16_outputs.push_back(rounded.data() + 2 * i * width);
    std::vector<const uint16_t*> masks;
    for (const std::vector<uint16_t>& mask : queries[0].masks) masks.push_back(mask.data());
    k.attend_heads({.queries = in_bf16 ? nullptr : rows.data(),
                    .query_stride = width + 3,
                    .bf16_queries = in_bf16 ? halves.data() : nullptr,
                    .outputs = in_bf16 ? nullptr : out.data(),
                    .output_stride = width + 1,
                    .bf16_outputs = in_bf16 ? bf16_outputs.data() : nullptr,
                    .bf16_stride = 2 * kRecordColumns,
                    .count = count,
                    .heads = heads,
                    .keys = caches[0].tokens,
                    .masks = masks.empty() ? nullptr : masks.data() + first,
                    .kv = {type, dim, tiles.data(), tiles.data() + bytes},
                    .head_stride = 2 * bytes,
                    .scale = scale_of(dim),
                    .scratch = scratch.data()});
    REQUIRE(out.intact());
    REQUIRE(rounded.intact());
    REQUIRE(scratch.intact());
    for (int64_t i = 0; in_bf16 && i < count * width; ++i) {
      const int64_t at = i / kRecordColumns * 2 * kRecordColumns + i % kRecordColumns;
      out[i / width * (width + 1) + i % width] = bf16_to_f32(rounded[at]);
      REQUIRE(rounded[at + kRecordColumns] == 0);
    }
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
    Rounding rounding(k, caches[0], count);
    if (k.isa == Isa::amx) rounding.total = rounding.weights;  // the sum of weights once rounded
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
          for (const int64_t count : {1, 4, 5, 16, 17, 35}) {
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

TEST_CASE("heads side by side: scores may be of any size") {
  for (const NamedTable& isa : machine_tables()) {
    for (const KvType type : {KvType::f32, KvType::bf16}) {
      for (const int64_t dim : {32, 64}) {
        for (const int64_t keys : {1, 20, 40}) {
          for (const int64_t count : {3, 16, 19, 128}) {
            INFO(isa.name, " ", type_name(type), ", head_dim ", dim, ", keys ", keys, ", queries ",
                 count);
            HeadsTest test(isa.table, type, dim, keys, count, 3);
            test.enlarge_some();
            test.check(isa.table);
            test.add_masks();
            test.check(isa.table);
          }
        }
      }
    }
  }
}

TEST_CASE("heads side by side: queries and outputs may be bf16") {
  constexpr int32_t kHeads = 5;
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    if (!k.rounds_queries) continue;
    for (const int64_t dim : {32, 64, 96}) {
      for (const int64_t keys : {9, 33, 140}) {
        for (const int64_t count : {1, 16, 33, 128}) {
          INFO(isa.name, ", head_dim ", dim, ", keys ", keys, ", queries ", count);
          HeadsTest test(k, KvType::bf16, dim, keys, count, kHeads);
          test.enlarge_some();
          const std::vector<Attended> expected = test.attend(k, 0, count, {0, kHeads});
          const std::vector<Attended> rounded = test.attend(k, 0, count, {0, kHeads}, true);
          for (int32_t h = 0; h < kHeads; ++h)
            CHECK(halves_of(rounded[h].out) == halves_of(expected[h].out));
        }
      }
    }
  }
}

}  // namespace heed
