// Storing keys and values on every table of the machine: the bytes are those of the scalar one.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "tests/kernels/kv_cache.h"

namespace heed {
namespace {

constexpr float kSpecial[] = {0.0f, -0.0f, 1e-40f, 70000.0f, -1e6f, 65519.0f, 3e38f, 1.0f / 3};

/// The tiles hold the same bytes, and nothing was written beside them.
void check_same(Cache& ours, Cache& theirs) {
  CHECK(std::equal(ours.key_tiles.begin(), ours.key_tiles.end(), theirs.key_tiles.begin()));
  CHECK(std::equal(ours.value_tiles.begin(), ours.value_tiles.end(), theirs.value_tiles.begin()));
  CHECK(ours.key_tiles.intact());
  CHECK(ours.value_tiles.intact());
}

}  // namespace

TEST_CASE("store_kv_tile writes the bytes that store_kv writes, zeros behind them, and no more") {
  const Kernels& scalar = kernels(Isa::scalar);
  for (const NamedTable& isa : machine_tables()) {
    for (const KvType type : kTypes) {
      for (const int64_t dim : {2, 6, 16, 24, 32, 36, 64, 66}) {
        for (const int64_t count : {1, 2, 7, 8, 9, 15, 16}) {
          INFO(isa.name, " ", type_name(type), ", head_dim ", dim, ", tokens ", count);
          Cache ours(scalar, type, dim, 48, 10), theirs(scalar, type, dim, 48, 10);
          const int64_t stride = 2 * dim + 3;
          std::vector<float> rows(count * stride), zeros(dim);
          for (size_t i = 0; i < rows.size(); ++i) {
            rows[i] = i % 5 == 0 ? kSpecial[i / 5 % std::size(kSpecial)] : 0.37f * float(i) - 20;
          }
          isa.table.store_kv_tile(
              ours.tiles,
              {.keys = &rows[0], .values = &rows[dim], .stride = stride, .count = count}, 1);
          for (int64_t i = 0; i < 16; ++i) {
            const float* row = i < count ? &rows[i * stride] : nullptr;
            scalar.store_kv(theirs.tiles, 16 + i, row ? row : zeros.data(),
                            row ? row + dim : zeros.data());
          }
          check_same(ours, theirs);
        }
      }
    }
  }
}

TEST_CASE("store_kv_tile takes rows of bf16 as they are") {
  for (const NamedTable& isa : machine_tables()) {
    for (const int64_t dim : {32, 64, 96}) {
      for (const int64_t count : {1, 7, 16}) {
        INFO(isa.name, ", head_dim ", dim, ", tokens ", count);
        Cache ours(isa.table, KvType::bf16, dim, 48, 10),
            theirs(isa.table, KvType::bf16, dim, 48, 10);
        const int64_t stride = 2 * dim + 32;
        std::vector<float> rows(count * stride);
        for (size_t i = 0; i < rows.size(); ++i) rows[i] = 0.37f * float(i) - 20;
        const std::vector<uint16_t> halves = halves_of(rows);
        isa.table.store_kv_tile(ours.tiles,
                                {.stride = stride,
                                 .count = count,
                                 .bf16_keys = &halves[0],
                                 .bf16_values = &halves[dim]},
                                1);
        isa.table.store_kv_tile(
            theirs.tiles,
            {.keys = &rows[0], .values = &rows[dim], .stride = stride, .count = count}, 1);
        check_same(ours, theirs);
      }
    }
  }
}

TEST_CASE("store_kv writes the bytes that the scalar table writes, and no other token's") {
  const Kernels& scalar = kernels(Isa::scalar);
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    for (const KvType type : kTypes) {
      for (const int64_t dim : {2, 16, 24, 36, 64}) {
        INFO(isa.name, " ", type_name(type), ", head_dim ", dim);
        Cache ours(k, type, dim, 48, 10), theirs(scalar, type, dim, 48, 10);
        std::vector<float> key(dim), value(dim);
        for (const int64_t position : {0, 1, 15, 16, 30, 47}) {
          for (int64_t d = 0; d < dim; ++d) {
            key[d] = kSpecial[(d + position) % std::size(kSpecial)];
            value[d] = -kSpecial[(d * 3 + position) % std::size(kSpecial)];
          }
          k.store_kv(ours.tiles, position, key.data(), value.data());
          scalar.store_kv(theirs.tiles, position, key.data(), value.data());
        }
        check_same(ours, theirs);
      }
    }
  }
}

}  // namespace heed
