// Attention on every table of the machine, scalar included, against a plain double softmax: all
// cache types, odd head sizes, random ranges of keys; and the promise that a query's bits do not
// depend on its company.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "tests/kernels/kv_cache.h"

namespace heed {
namespace {

struct Queries {
  std::vector<float> values;     // [count, head_dim], bf16 numbers, so that no table rounds them
  std::vector<KeyRange> ranges;  // [count]
  std::vector<std::vector<uint16_t>> masks = {};  // [count][tiles], or empty

  bool sees(int64_t i, int64_t token) const {
    return token >= ranges[i].begin && token < ranges[i].end &&
           (masks.empty() || (masks[i][token / kTileTokens] >> (token % kTileTokens) & 1));
  }
  int64_t count() const { return static_cast<int64_t>(ranges.size()); }
};

/// Ranges of every kind: causal, windows, single keys, none at all.
Queries random_queries(int64_t count, const Cache& cache, uint32_t seed) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> draw(0, 2);
  Queries q{.values = std::vector<float>(count * cache.head_dim), .ranges = {}};
  for (float& x : q.values) x = bf16_to_f32(f32_to_bf16(draw(bits)));
  for (int64_t i = 0; i < count; ++i) {
    const auto end = static_cast<int32_t>(1 + bits() % cache.tokens);
    const auto begin = static_cast<int32_t>(bits() % 3 == 0 ? bits() % end : 0);
    q.ranges.push_back(bits() % 7 == 0 ? KeyRange{end, end} : KeyRange{begin, end});
  }
  return q;
}

/// Masks of every kind: all, none, few or most keys seen, whole tiles hidden, the first among them.
void add_masks(const Cache& cache, uint32_t seed, Queries& q) {
  std::mt19937 bits(seed);
  for (int64_t i = 0; i < q.count(); ++i) {
    std::vector<uint16_t>& mask = q.masks.emplace_back();
    const auto kind = bits() % 6;
    for (int64_t t = 0; t < cache.tile_count(); ++t) {
      const uint32_t few = bits() & bits(), most = bits() | bits();
      const uint32_t words[] = {0xffff, 0, few, most, t == 0 ? 0 : most, t % 3 == 1 ? few : 0};
      mask.push_back(static_cast<uint16_t>(words[kind]));
    }
  }
}

/// Whether a table makes so many queries' products by tiles, where the rounding is another.
bool takes_tiles(const Kernels& k, KvType type, int64_t head_dim, int64_t queries) {
  const bool rounded = type == KvType::bf16 || type == KvType::q8;
  return k.isa == Isa::amx && rounded && head_dim % 32 == 0 && queries >= kTileQueries;
}

double largest_of(const float* row, int64_t n) {
  double largest = 0;
  for (int64_t d = 0; d < n; ++d) largest = std::max(largest, std::abs(double{row[d]}));
  return largest;
}

struct Attended {
  std::vector<float> out;  // [count, head_dim]
  std::vector<float> logsumexp;

  bool operator==(const Attended&) const = default;
};

float scale_of(int64_t head_dim) {
  return 1 / std::sqrt(static_cast<float>(head_dim));
}

/// Attends with queries [first, first + count), checking that nothing else is written. `in_bf16`:
/// they are handed over as such.
Attended attend(const Kernels& k, const Cache& cache, const Queries& q, int64_t first,
                int64_t count, bool in_bf16 = false) {
  const int64_t dim = cache.head_dim;
  const std::vector<uint16_t> halves = halves_of(q.values);
  Guarded<float> out(count * (dim + 1), 1), lse(count);
  std::vector<const float*> queries;
  std::vector<const uint16_t*> bf16_queries;
  std::vector<float*> outputs;
  std::vector<const uint16_t*> masks;
  for (int64_t i = 0; i < count; ++i) {
    queries.push_back(&q.values[(first + i) * dim]);
    bf16_queries.push_back(&halves[(first + i) * dim]);
    if (!q.masks.empty()) masks.push_back(q.masks[first + i].data());
    outputs.push_back(&out[i * (dim + 1)]);  // an odd stride, and a float between that stays
  }
  Guarded<std::byte> scratch(k.attend_scratch(cache.tiles.type, dim, count));
  k.attend({.queries = in_bf16 ? nullptr : queries.data(),
            .bf16_queries = in_bf16 ? bf16_queries.data() : nullptr,
            .outputs = outputs.data(),
            .ranges = &q.ranges[first],
            .masks = masks.empty() ? nullptr : masks.data(),
            .count = count,
            .kv = cache.tiles,
            .scale = scale_of(dim),
            .logsumexp = lse.data(),
            .scratch = scratch.data()});
  REQUIRE(out.intact());
  REQUIRE(lse.intact());
  REQUIRE(scratch.intact());
  Attended result{.out = {}, .logsumexp = {lse.begin(), lse.end()}};
  for (int64_t i = 0; i < count; ++i) {
    REQUIRE(outputs[i][dim] == 0);
    result.out.insert(result.out.end(), outputs[i], outputs[i] + dim);
  }
  return result;
}

/// What a kernel may round, by how much of a number at most.
struct Rounding {
  double weights = 0;  // of each weight
  double cached = 0;   // of each number of keys and values, once more
  double steps = 0;    // of a query's largest number, and of its largest weight times value's scale

  Rounding(const Kernels& k, const Cache& cache, int64_t queries) {
    const KvType type = cache.tiles.type;
    const bool q8 = type == KvType::q8, tiles = takes_tiles(k, type, cache.head_dim, queries);
    if (k.isa >= Isa::avx512 && (type == KvType::bf16 || tiles)) weights = 0x1p-8;
    if (q8 && tiles) cached = 0x1p-8;
    if (q8 && !tiles && k.isa > Isa::scalar) steps = 1 / 65534.0;
  }
};

/// Checks query i against a softmax in double.
///
/// A score is a sum of head_dim products: its error, at most (8 + head_dim) eps times the sum of
/// their sizes, is a relative error of the weight; so are the rounding of exp's argument and what
/// the kernel rounds.
void check_query(const Cache& cache, const Queries& q, int64_t i, const Rounding& rounding,
                 const Attended& got) {
  const int64_t dim = cache.head_dim;
  const float* query = &q.values[i * dim];
  std::vector<int64_t> seen;
  for (int64_t t = 0; t < cache.tokens; ++t) {
    if (q.sees(i, t)) seen.push_back(t);
  }
  std::vector<double> scores;
  const double largest = largest_of(query, dim);
  double max = -INFINITY, sizes = 0, largest_key = 0;
  for (const int64_t t : seen) {
    double score = 0, size = 0, key = 0;
    for (int64_t d = 0; d < dim; ++d) {
      key += std::abs(double{cache.keys[t * dim + d]});
      score += double{query[d]} * cache.keys[t * dim + d];
      size += std::abs(double{query[d]} * cache.keys[t * dim + d]);
    }
    scores.push_back(score * scale_of(dim));
    max = std::max(max, scores.back());
    sizes = std::max(sizes, size * scale_of(dim));
    largest_key = std::max(largest_key, key * scale_of(dim));
  }
  double total = 0;
  for (double& s : scores) total += s = std::exp(s - max);
  const double weight_error = kEps * ((8 + static_cast<double>(dim)) * sizes + 2 * sizes + 8) +
                              rounding.cached * sizes + rounding.steps * largest * largest_key;
  const double sum_error = kEps * (8 + static_cast<double>(seen.size()) / 8);
  for (int64_t d = 0; d < dim; ++d) {
    double expected = 0, size = 0, codes = 0, largest_weight = 0;
    for (size_t s = 0; s < seen.size(); ++s) {
      const float* value = &cache.values[seen[s] * dim];
      const double part = scores[s] / total * value[d];
      expected += part;
      size += std::abs(part);
      if (rounding.steps == 0) continue;
      const double scale = largest_of(value, dim) / 127;
      codes += scale == 0 ? 0 : std::abs(value[d]) / scale;
      largest_weight = std::max(largest_weight, scores[s] / total * scale);
    }
    const double tolerance =
        size * (2 * weight_error + sum_error + rounding.weights + rounding.cached) +
        rounding.steps * codes * largest_weight;
    if (!(std::abs(got.out[i * dim + d] - expected) <= tolerance)) {
      FAIL("query ", i, "[", d, "] = ", got.out[i * dim + d], ", expected ", expected, " to ",
           tolerance, ", keys seen: ", seen.size());
    }
  }
  const double lse = max + std::log(total);
  if (seen.empty()) {
    CHECK(got.logsumexp[i] == -INFINITY);
  } else {
    CHECK(std::abs(got.logsumexp[i] - lse) <= weight_error + sum_error + kEps * std::abs(lse));
  }
}

void append(const Attended& more, Attended& all) {
  all.out.insert(all.out.end(), more.out.begin(), more.out.end());
  all.logsumexp.insert(all.logsumexp.end(), more.logsumexp.begin(), more.logsumexp.end());
}

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

TEST_CASE("scores may grow from key to key, and be many") {
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
        const Queries q = random_queries(40, cache, 12);
        const Attended got = attend(isa.table, cache, q, 0, q.count());
        const Rounding rounding(isa.table, cache, q.count());
        for (int64_t i = 0; i < q.count(); ++i) check_query(cache, q, i, rounding, got);
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
