// Attention on every table of the machine, scalar included, against a plain double softmax: all
// cache types, odd head sizes, random ranges of keys; and the promise that a query's bits do not
// depend on its company.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "tests/kernels/attention_cases.h"

namespace heed {
namespace {

/// Attends with sizes.begin, sizes.begin + 1 ... up to sizes.end queries at a time, and compares
/// with what is expected for all.
void check_parts(const Kernels& k, const Cache& cache, const Queries& q, KeyRange sizes,
                 const Attended& expected) {
  int64_t count = sizes.begin;
  for (int64_t at = 0; at + count <= q.count(); at += count++) {
    if (count > sizes.end) count = sizes.begin;
    const Attended part = attend(k, cache, q, at, std::min(count, q.count() - at));
    CHECK(std::ranges::equal(
        part.out, std::span(expected.out).subspan(at * cache.head_dim, part.out.size())));
    CHECK(std::ranges::equal(part.logsumexp,
                             std::span(expected.logsumexp).subspan(at, part.logsumexp.size())));
  }
}

}  // namespace

TEST_CASE("attention equals a plain softmax, whatever the head size, cache, ranges and masks") {
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    for (const KvType type : kTypes) {
      for (const int64_t dim : {2, 6, 16, 24, 32, 36, 64, 80, 96, 128}) {
        for (const int64_t tokens : {1, 15, 16, 17, 127, 129, 300}) {
          for (const int64_t count : {1, 3, 8, 13, 41}) {
            INFO(isa.name, " ", type_name(type), ", head_dim ", dim, ", keys ", tokens,
                 ", queries ", count);
            const auto seed = static_cast<uint32_t>(dim * 1000 + tokens + count);
            const Cache cache(k, type, dim, tokens, seed);
            const Rounding rounding(k, cache, count);
            Queries q = random_queries(count, cache, seed + 1);
            const Attended got = attend(k, cache, q, 0, count);
            for (int64_t i = 0; i < count; ++i) check_query(cache, q, i, rounding, got);
            add_masks(cache, seed + 2, q);
            const Attended masked = attend(k, cache, q, 0, count);
            for (int64_t i = 0; i < count; ++i) check_query(cache, q, i, rounding, masked);
            CHECK(cache.key_tiles.intact());
            CHECK(cache.value_tiles.intact());
          }
        }
      }
    }
  }
}

TEST_CASE("scores may grow from key to key, by any amount, and be many") {
  for (const NamedTable& isa : machine_tables()) {
    for (const KvType type : kTypes) {
      for (const int64_t dim : {32, 64, 96}) {
        INFO(isa.name, " ", type_name(type), ", head_dim ", dim);
        Cache cache(isa.table, type, dim, 1100, 11);
        for (int64_t t = 0; t < cache.tokens; ++t) {
          float* key = &cache.keys[t * dim];
          for (int64_t d = 0; d < dim; ++d) key[d] *= 1 + static_cast<float>(t) / 100;
          round(type, {key, static_cast<size_t>(dim)});
          isa.table.store_kv(cache.tiles, t, key, &cache.values[t * dim]);
        }
        Queries q = random_queries(40, cache, 12);
        for (int32_t i = 0; i < q.count(); ++i) {
          q.ranges[i] = {0, 300 + 20 * i};
          if (i % 3) continue;
          float* query = &q.values[i * dim];  // its scores grow by more than a float's range
          for (int64_t d = 0; d < dim; ++d) query[d] *= 16;
          round(type, {query, static_cast<size_t>(dim)});
        }
        const Attended got = attend(isa.table, cache, q, 0, q.count());
        const Rounding rounding(isa.table, cache, q.count());
        for (int64_t i = 0; i < q.count(); ++i) check_query(cache, q, i, rounding, got);
        check_parts(isa.table, cache, q, {kTileQueries, 2 * kTileQueries}, got);
      }
    }
  }
}

TEST_CASE("a query's bits depend neither on the other queries of a call nor on a mask of ones") {
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    for (const KvType type : kTypes) {
      for (const int64_t dim : {36, 64}) {
        INFO(isa.name, " ", type_name(type), ", head_dim ", dim);
        const Cache cache(k, type, dim, 400, 5);
        Queries q = random_queries(110, cache, 6);  // more than the kernels take at once
        const Attended unmasked = attend(k, cache, q, 0, q.count());
        q.masks.assign(110, std::vector<uint16_t>(cache.tile_count(), 0xffff));
        CHECK(attend(k, cache, q, 0, q.count()) == unmasked);
        q.masks.clear();
        add_masks(cache, 7, q);
        const Attended together = attend(k, cache, q, 0, q.count());
        check_parts(k, cache, q, {kTileQueries, 2 * kTileQueries}, together);
        Attended alone;
        for (int64_t i = 0; i < q.count(); ++i) append(attend(k, cache, q, i, 1), alone);
        check_parts(k, cache, q, {1, 9}, alone);
        CHECK((takes_tiles(k, type, dim, q.count()) || alone == together));
      }
    }
  }
}

TEST_CASE("one query that matches one key takes that key's value") {
  constexpr int64_t kDim = 16, kTokens = 200;
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    for (const KvType type : kTypes) {
      INFO(isa.name, " ", type_name(type));
      Cache cache(k, type, kDim, kTokens, 7);
      std::vector<float> key(kDim, 0), value(kDim);
      for (int64_t t = 0; t < kTokens; ++t) {
        key.assign(kDim, t == 150 ? 64.0f : 0.0f);
        value.assign(kDim, static_cast<float>(t));
        k.store_kv(cache.tiles, t, key.data(), value.data());
      }
      const Queries q{.values = std::vector<float>(2 * kDim, 8.0f), .ranges = {{0, 200}, {0, 150}}};
      const Attended got = attend(k, cache, q, 0, 2);
      CHECK(got.out[0] == doctest::Approx(150).epsilon(1e-6));      // the others weigh exp(-2048)
      CHECK(got.out[kDim] == doctest::Approx(74.5).epsilon(1e-2));  // all alike: their mean
      CHECK(got.logsumexp[1] == doctest::Approx(std::log(150.0)).epsilon(1e-6));
    }
  }
}

TEST_CASE("queries that are not bf16 numbers stay within bf16's precision") {
  const Cache cache(kernels(Isa::scalar), KvType::bf16, 64, 500, 8);
  Queries q = random_queries(40, cache, 9);
  for (float& x : q.values) x *= 1.003f;
  const Attended exact = attend(kernels(Isa::scalar), cache, q, 0, 40);
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    INFO(isa.name);
    const Attended got = attend(k, cache, q, 0, 40);
    // A score is a sum of 64 products of spread 2 times 1, over 8: its spread is 2. Rounding each
    // query value by up to 2^-8 (2^-9 / sqrt(3) and a little, on average) moves it by 2^-8 or so,
    // and the weights and the outputs, of size 1 at most, by no more than that in relation.
    double squares = 0;
    for (size_t i = 0; i < exact.out.size(); ++i) {
      squares += (got.out[i] - exact.out[i]) * (got.out[i] - exact.out[i]);
    }
    CHECK(std::sqrt(squares / static_cast<double>(exact.out.size())) < 0x1p-8);
  }
}

TEST_CASE("queries in bf16 give the bits that those numbers give as floats") {
  for (const NamedTable& isa : machine_tables()) {
    if (!isa.table.rounds_queries) continue;
    for (const int64_t dim : {32, 64, 96}) {
      for (const int64_t count : {1, 5, 15, 16, 33}) {
        INFO(isa.name, ", head_dim ", dim, ", queries ", count);
        const Cache cache(isa.table, KvType::bf16, dim, 77, 11);
        const Queries q = random_queries(count, cache, 12);
        CHECK(attend(isa.table, cache, q, 0, count, true) == attend(isa.table, cache, q, 0, count));
      }
    }
  }
}

TEST_CASE("keys and values of 8 bits that are not finite stand for NaN") {
  constexpr int64_t kDim = 40;
  for (const NamedTable& isa : machine_tables()) {
    INFO(isa.name);
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
      for (const bool in_key : {true, false}) {
        Cache cache(isa.table, KvType::q8, kDim, 20, 3);
        std::vector<float> key(kDim, 0.5F), value(kDim, 2);
        (in_key ? key : value)[33] = bad;
        isa.table.store_kv(cache.tiles, 9, key.data(), value.data());
        const Queries q{.values = std::vector<float>(kDim, 0.25F), .ranges = {{0, 20}}};
        CHECK(std::isnan(attend(isa.table, cache, q, 0, 1).out[0]));
      }
    }
  }
}

TEST_CASE("outputs may be rounded to bf16 in their places among tiles") {
  constexpr int64_t kStride = 3 * kRecordColumns, kCount = 41;
  for (const NamedTable& isa : machine_tables()) {
    if (!isa.table.rounds_queries) continue;
    for (const KvType type : kTypes) {
      for (const int64_t dim : {32, 64, 128}) {
        INFO(isa.name, " ", type_name(type), ", head_dim ", dim);
        const Cache cache(isa.table, type, dim, 150, 13);
        const Queries q = random_queries(kCount, cache, 14);
        const std::vector<uint16_t> expected =
            halves_of(attend(isa.table, cache, q, 0, kCount).out);
        Guarded<uint16_t> rounded(kCount * dim * 3);
        std::vector<const float*> queries;
        std::vector<uint16_t*> outputs;
        for (int64_t i = 0; i < kCount; ++i) {
          queries.push_back(&q.values[i * dim]);
          outputs.push_back(&rounded[i * dim * 3]);
        }
        std::vector<std::byte> scratch(isa.table.attend_scratch(type, dim, kCount));
        isa.table.attend({.queries = queries.data(),
                          .bf16_outputs = outputs.data(),
                          .bf16_stride = kStride,
                          .ranges = q.ranges.data(),
                          .count = kCount,
                          .kv = cache.tiles,
                          .scale = scale_of(dim),
                          .scratch = scratch.data()});
        REQUIRE(rounded.intact());
        std::vector<uint16_t> written(static_cast<size_t>(kCount * dim * 3), 0);
        for (int64_t i = 0; i < kCount * dim; ++i) {
          written[i / kRecordColumns * kStride + i % kRecordColumns] = expected[i];
        }
        CHECK(std::ranges::equal(rounded, written));
      }
    }
  }
}

}  // namespace heed
