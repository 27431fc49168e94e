#include "engine/quant/lanes.h"

namespace heed {

constinit const std::array<float, 256> kWholeNumbers = [] {
  std::array<float, 256> numbers = {};
  for (int i = 0; i < 256; ++i) numbers[i] = static_cast<float>(i - 128);
  return numbers;
}();

}  // namespace heed
