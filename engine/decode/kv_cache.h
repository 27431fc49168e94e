// The key/value cache of one sequence: for each attention layer and kv head, tiles of keys and
// tiles of values, each in one piece. Owned by a session.
#pragma once

#include "engine/core/aligned.h"
#include "engine/graph/graph.h"
#include "engine/layers/pass.h"

namespace heed {

/// What a graph's attention layers need of a cache.
struct KvShape {
  int64_t layers = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
};

/// Of the layers that attend within their sequence, or of those that attend to a memory: a cache
/// for each kind, layers in the order of the graph. Throws Error(unsupported) where they differ in
/// kv heads or head size.
KvShape kv_shape(const Graph& graph);
KvShape memory_shape(const Graph& graph);

class KvCache {
 public:
  /// Room for `tokens` positions. Memory is touched only as positions are used.
  KvCache(const KvShape& shape, KvType type, int64_t tokens);

  /// Makes room for `tokens` positions, at least doubling it where there is less; what is there
  /// stays, and view() stays valid.
  void reserve(int64_t tokens);

  const KvView& view() const { return view_; }
  int64_t bytes() const { return memory_.size(); }

 private:
  KvShape shape_;
  int64_t tiles_;
  AlignedBuffer memory_;
  KvView view_;
};

}  // namespace heed
