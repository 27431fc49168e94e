// Normalisation of each token's vector: root mean square (Zhang and Sennrich 2019) or layer norm
// (Ba et al. 2016). A layer of its own, or the prologue of the matrices that read it.
#pragma once

#include <optional>
#include <string>

#include "engine/layers/linear_part.h"
#include "engine/layers/param.h"

namespace heed {

struct Norm {
  enum class Kind { rms, layer };
  enum Tensor { weight, bias };

  std::string name = "norm";
  Kind kind = Kind::layer;
  float epsilon = 1e-5f;

  bool operator==(const Norm&) const = default;
};

/// weight [width]; bias [width] for layer norms.
Params params(const Norm& norm, const Dims& dims);

/// A norm with its weights.
struct BoundNorm {
  Norm::Kind kind = Norm::Kind::layer;
  float epsilon = 0;
  const float* weight = nullptr;  // [width]
  const float* bias = nullptr;    // [width] or null

  void apply(const Kernels& kernels, const float* x, int64_t width, float* out) const {
    if (kind == Norm::Kind::rms) {
      kernels.rms_norm(x, weight, width, epsilon, out);
    } else {
      kernels.layer_norm(x, weight, bias, width, epsilon, out);
    }
  }
};

/// Normalises every row, split over the threads.
struct NormStep {
  BoundNorm norm;
  bool tail = false;  ///< see Run::first_row
  Buffer in;
  Buffer out;  ///< may be `in`
  /// A product that reads `out`, though not alone: where it wants its input in a form of bf16,
  /// `rounded` holds that as well.
  std::optional<LinearPart> reader;
  Buffer rounded;

  void run(const Run& run, int thread) const;
};

}  // namespace heed
