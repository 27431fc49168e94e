#include "engine/quant/blocks.h"

#include <doctest/doctest.h>

#include "engine/core/dtype.h"

namespace heed {

TEST_CASE("block structs are as large as the type table says") {
  struct Case {
    DType type;
    int values;
    size_t bytes;
  };
  for (const Case& c :
       {Case{DType::q4_0, kBlock, sizeof(BlockQ4_0)}, Case{DType::q4_1, kBlock, sizeof(BlockQ4_1)},
        Case{DType::q5_0, kBlock, sizeof(BlockQ5_0)}, Case{DType::q5_1, kBlock, sizeof(BlockQ5_1)},
        Case{DType::q8_0, kBlock, sizeof(BlockQ8_0)},
        Case{DType::iq4_nl, kBlock, sizeof(BlockIQ4_NL)},
        Case{DType::q2_k, kSuperBlock, sizeof(BlockQ2_K)},
        Case{DType::q3_k, kSuperBlock, sizeof(BlockQ3_K)},
        Case{DType::q4_k, kSuperBlock, sizeof(BlockQ4_K)},
        Case{DType::q5_k, kSuperBlock, sizeof(BlockQ5_K)},
        Case{DType::q6_k, kSuperBlock, sizeof(BlockQ6_K)}}) {
    CAPTURE(info(c.type).name);
    CHECK(info(c.type).block == c.values);
    CHECK(info(c.type).bytes == static_cast<int>(c.bytes));
  }
}

}  // namespace heed
