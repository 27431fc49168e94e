// -128 to 127, in a file of their own so that compilers do not see them: of a smaller or larger of
// two GCC makes one instruction, but two to five where it knows one of them to be a constant. Used
// by the quantisers in generic/.
#pragma once

namespace heed {

extern const float kWholeNumbers[256];

}  // namespace heed
