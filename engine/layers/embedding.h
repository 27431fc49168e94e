// The first layer: a row of a table for each token, plus rows for its position and its segment.
// Used by every model of text. Reference: Vaswani et al. 2017, section 3.4; Devlin et al. 2018.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/layers/param.h"
#include "engine/layers/pass.h"
#include "engine/layers/sinusoid.h"

namespace heed {

struct Embedding {
  enum Tensor { table, position_table, segment_table };

  std::string name = "token_embd";
  float scale = 1;        ///< of the token's row
  std::string positions;  ///< name of a learned table [positions, width]; empty: none
  std::optional<Sinusoid> sinusoid = {};  ///< computed positions
  std::string segments;  ///< name of a token-type table [types, width]; empty: none
  int64_t segment_types = 0;

  bool operator==(const Embedding&) const = default;
};

/// table [vocab, width]; where named, positions [context, width] and segments [types, width].
Params params(const Embedding& embedding, const Dims& dims);

/// Looks rows up in the tables as the file stores them: a row is dequantised when it is needed, so
/// that a table that is also the head's matrix is kept once.
struct EmbeddingStep {
  const TensorView* table = nullptr;                    // [vocab, width]
  const TensorView* positions = nullptr;                // [context, width] or null
  const TensorView* segments = nullptr;                 // [types, width] or null
  std::shared_ptr<const std::vector<float>> sinusoids;  // [positions of the plan, width] or null
  float scale = 1;
  Buffer out;

  void run(const Run& run, int thread) const;
  static int64_t scratch_bytes(int64_t width);
};

}  // namespace heed
