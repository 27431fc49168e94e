// A bound graph's weights in the form that steps use: matrices packed into panels (q|k|v side by
// side, gate and up panels alternating), vectors as floats. Immutable; all sessions share it.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "engine/core/aligned.h"
#include "engine/core/thread_team.h"
#include "engine/graph/bind.h"
#include "engine/graph/packing.h"
#include "engine/layers/linear.h"

namespace heed {

/// A bound layer, packed. What is filled depends on the layer.
struct PackedLayer {
  const BoundLayer* bound = nullptr;
  /// Attention: q|k|v, or q alone where k|v come from the memory; feed-forward: up or gate|up;
  /// head: its own.
  std::vector<LinearPart> input;
  std::vector<LinearPart> output;  ///< attention, feed-forward: back to the stream's width
  std::vector<LinearPart> memory;  ///< attention to a memory: k|v, products with the memory's rows
  BoundNorm norm;                  ///< norms
  std::span<const float> rope_factors;  ///< attention: [dims / 2], or empty
  std::vector<PackedLayer> children;
};

struct PackOptions {
  bool exact = false;  ///< dequantise every matrix to f32
  /// LinearPart::many_rows, for an encoder.
  bool many_rows = false;
  /// LinearPart::for_tiles, for a decoder whose steps may have many rows: of a batch's beams.
  bool batches = false;
  PackHooks hooks;
};

class Weights {
 public:
  /// Packs with all threads of the team. `graph` must outlive the result.
  Weights(const BoundGraph& graph, const Kernels& kernels, ThreadTeam& team,
          const PackOptions& options);
  ~Weights();
  Weights(Weights&&) noexcept;

  const BoundGraph& graph() const { return *graph_; }
  const std::vector<PackedLayer>& layers() const { return layers_; }
  /// Where a graph with a head, which wants some rows alone, begins its tail: the last layer whose
  /// rows see each other's keys and values. Behind them only rows that are wanted matter. Null
  /// without a head.
  const PackedLayer* tail() const;
  const Kernels& kernels() const { return *kernels_; }
  bool exact() const { return exact_; }
  int64_t bytes() const { return bytes_; }

 private:
  class Packer;

  const BoundGraph* graph_;
  const Kernels* kernels_;
  bool exact_;
  int64_t bytes_ = 0;
  std::vector<PackedLayer> layers_;
  std::vector<AlignedBuffer> panels_;
  std::deque<std::vector<float>> vectors_;
};

}  // namespace heed
