#include "engine/graph/work.h"

#include <doctest/doctest.h>

#include "engine/kernels/kernels.h"
#include "tests/support/tiny_model.h"

namespace heed {
namespace {

/// Of tiny_decoder(): 2 blocks of q, k, v, output, gate, up and down; the head.
constexpr int64_t kBlockWeights = 2 * (96 * 96 + 2 * 48 * 96 + 96 * 96 + 3 * 96 * 160);
constexpr int64_t kHeadWeights = 130 * 96;

}  // namespace

TEST_CASE("work of a decoder: every weight twice a row, attention to all that is before") {
  const TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar));
  const Weights& weights = model.weights();
  const Work one =
      pass_work(weights, {.before = 10, .rows = 1, .wanted = 1, .kv_type = KvType::f32});
  // 2 layers of 6 heads of 16: 11 keys, a multiplication and an addition each for key and value.
  CHECK(one.f32_operations == 2 * (kBlockWeights + kHeadWeights) + 2 * 6 * 16 * 11 * 4);
  CHECK(one.operations() == one.f32_operations);
  CHECK(one.passes == 1);
  // The head's last panel is padded to 144 rows; keys and values of 3 heads are read.
  CHECK(one.bytes == 4 * (kBlockWeights + 144 * 96) + 2 * 11 * 2 * 3 * 16 * 4);

  const Work many =
      pass_work(weights, {.before = 10, .rows = 4, .wanted = 4, .kv_type = KvType::f32});
  const int64_t pairs = 11 + 12 + 13 + 14;
  CHECK(many.f32_operations == 2 * 4 * (kBlockWeights + kHeadWeights) + 2 * 6 * 16 * pairs * 4);
  CHECK(many.bytes == 4 * (kBlockWeights + 144 * 96) + 2 * 14 * 2 * 3 * 16 * 4);

  Work both = one;
  both += many;
  CHECK(both.passes == 2);
  CHECK(both.bytes == one.bytes + many.bytes);
  CHECK(both.operations() == one.operations() + many.operations());
}

TEST_CASE("work of rows that nobody wants ends with the keys and values of the last block") {
  const TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar));
  const Weights& weights = model.weights();
  constexpr int64_t kQkvWeights = 96 * 96 + 2 * 48 * 96, kPairs = 11 + 12 + 13 + 14;
  const Work none = pass_work(weights, {.before = 10, .rows = 4, .kv_type = KvType::f32});
  CHECK(none.f32_operations == 2 * 4 * (kBlockWeights / 2 + kQkvWeights) + 6 * 16 * kPairs * 4);
  CHECK(none.bytes == 4 * (kBlockWeights / 2 + kQkvWeights) + 14 * 2 * 3 * 16 * 4);
  const Work one =
      pass_work(weights, {.before = 10, .rows = 4, .wanted = 1, .kv_type = KvType::f32});
  CHECK(one.f32_operations == none.f32_operations + 14 * 6 * 16 * 4 +
                                  2 * (kBlockWeights / 2 - kQkvWeights + kHeadWeights));
}

TEST_CASE("work of quantised weights is counted in the form in which they are multiplied") {
  const TinyModel model(tiny_decoder(), DType::q8_0, kernels(Isa::scalar));
  const Work work = pass_work(model.weights(), {.rows = 1, .wanted = 1, .kv_type = KvType::f32});
  CHECK(work.int8_operations == 2 * (kBlockWeights + kHeadWeights));
  CHECK(work.f32_operations == 2 * 6 * 16 * 4);
  CHECK(work.bf16_operations == 0);
}

TEST_CASE("work of an encoder: every row sees every other, nothing is cached") {
  const TinyModel model(tiny_encoder(), DType::f32, kernels(Isa::scalar));
  const Work work = pass_work(model.weights(), {.rows = 5, .kv_type = KvType::f32});
  constexpr int64_t kWeights = 2 * (4 * 64 * 64 + 2 * 64 * 96);
  CHECK(work.operations() == 2 * 5 * kWeights + 2 * 4 * 16 * 25 * 4);
  CHECK(work.bytes == 4 * kWeights);
}

TEST_CASE("work of floats in parts is that of the products of parts") {
  const Kernels& k = kernels(machine_isas().back());
  const TinyModel model(tiny_encoder(), DType::f32, k, /*exact=*/false, /*many_rows=*/true);
  const Work work = pass_work(model.weights(), {.rows = 5, .kv_type = KvType::f32});
  constexpr int64_t kWeights = 2 * (4 * 64 * 64 + 2 * 64 * 96);
  CHECK(work.bf16_operations == (k.has_tiles ? kF32Products * 2 * 5 * kWeights : 0));
  CHECK(work.bytes == (k.has_tiles ? 6 : 4) * kWeights);
}

}  // namespace heed
