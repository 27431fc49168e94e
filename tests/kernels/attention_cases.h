// Attention to check: random queries, what a kernel answers, and a plain softmax in double. Used by
// the tests of attention.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/kernels/kv_cache.h"

namespace heed {

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
inline Queries random_queries(int64_t count, const Cache& cache, uint32_t seed) {
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
inline void add_masks(const Cache& cache, uint32_t seed, Queries& q) {
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
inline bool takes_tiles(const Kernels& k, KvType type, int64_t head_dim, int64_t queries) {
  const bool rounded = type == KvType::bf16 || type == KvType::q8;
  return k.isa == Isa::amx && rounded && head_dim % 32 == 0 && queries >= kTileQueries;
}

inline double largest_of(const float* row, int64_t n) {
  double largest = 0;
  for (int64_t d = 0; d < n; ++d) largest = std::max(largest, std::abs(double{row[d]}));
  return largest;
}

struct Attended {
  std::vector<float> out;  // [count, head_dim]
  std::vector<float> logsumexp;

  bool operator==(const Attended&) const = default;
};

inline float scale_of(int64_t head_dim) {
  return 1 / std::sqrt(static_cast<float>(head_dim));
}

/// Attends with queries [first, first + count), checking that nothing else is written. `in_bf16`:
/// they are handed over as such.
inline Attended attend(const Kernels& k, const Cache& cache, const Queries& q, int64_t first,
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
  double total = 0;    // of what weights are divided by
  double powers = 0;   // of two, which weights are before they are rounded
  double cached = 0;   // of each number of keys and values, once more
  double steps = 0;    // of a query's largest number, and of its largest weight times value's scale

  Rounding(const Kernels& k, const Cache& cache, int64_t queries) {
    const KvType type = cache.tiles.type;
    const bool q8 = type == KvType::q8, tiles = takes_tiles(k, type, cache.head_dim, queries);
    if (k.isa >= Isa::avx512 && (type == KvType::bf16 || tiles)) weights = 0x1p-8;
    if (tiles) powers = 0x1p-13;
    if (q8 && tiles) cached = 0x1p-8;
    if (q8 && !tiles && k.isa > Isa::scalar) steps = 1 / 65534.0;
  }
};

/// Checks query i against a softmax in double.
///
/// A score is a sum of head_dim products: its error, at most (8 + head_dim) eps times the sum of
/// their sizes, is a relative error of the weight; so are the rounding of exp's argument and what
/// the kernel rounds.
inline void check_query(const Cache& cache, const Queries& q, int64_t i, const Rounding& rounding,
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
        std::abs(expected) * rounding.total + rounding.steps * codes * largest_weight +
        std::numeric_limits<float>::min();
    if (!(std::abs(got.out[i * dim + d] - expected) <= tolerance)) {
      FAIL("query ", i, "[", d, "] = ", got.out[i * dim + d], ", expected ", expected, " to ",
           tolerance, ", keys seen: ", seen.size());
    }
  }
  if (got.logsumexp.empty()) return;
  const double lse = max + std::log(total);
  if (seen.empty()) {
    CHECK(got.logsumexp[i] == -INFINITY);
  } else {
    CHECK(std::abs(got.logsumexp[i] - lse) <=
          weight_error + sum_error + rounding.powers + kEps * std::abs(lse));
  }
}

inline void append(const Attended& more, Attended& all) {
  all.out.insert(all.out.end(), more.out.begin(), more.out.end());
  all.logsumexp.insert(all.logsumexp.end(), more.logsumexp.begin(), more.logsumexp.end());
}

}  // namespace heed
