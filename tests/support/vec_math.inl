// The functions behind vec_math.h, over the Vec included before.
#include "engine/kernels/generic/vec_math.inl"
#include "tests/support/vec_math.h"

namespace heed {
namespace {

template <Vec (*f)(Vec)>
void apply(const float* x, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += kLanes) store(f(load(x + i)), out + i);
}

constexpr VecMath kVecMath = {.exp = apply<exp>,
                              .normal_exp2_of_nonpositive = apply<normal_exp2_of_nonpositive>,
                              .exp2_of_nonpositive = apply<exp2_of_nonpositive>,
                              .erf = apply<erf>,
                              .tanh = apply<tanh>};

}  // namespace
}  // namespace heed
