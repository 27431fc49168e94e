#include "engine/core/dtype.h"

#include <doctest/doctest.h>

namespace heed {

TEST_CASE("every type is found by its number and by its name in any case") {
  for (const DTypeInfo& t : all_dtypes()) {
    CHECK(dtype_from_id(static_cast<uint32_t>(t.type)) == t.type);
    CHECK(dtype_from_name(t.name) == t.type);
    CHECK(info(t.type).name == t.name);
  }
  CHECK(dtype_from_name("Q4_K") == DType::q4_k);
  CHECK_FALSE(dtype_from_id(4));
  CHECK_FALSE(dtype_from_name("q9_9"));
}

TEST_CASE("rows take whole blocks") {
  CHECK(row_bytes(DType::f32, 3) == 12);
  CHECK(row_bytes(DType::q4_1, 576) == 576 / 32 * 20);
  CHECK(row_bytes(DType::q6_k, 512) == 2 * 210);
}

}  // namespace heed
