// The key/value cache of one sequence: for each attention layer and kv head, tiles of keys and
// tiles of values, each in one piece. Owned by a session.
#pragma once

#include <span>
#include <vector>

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

  /// Where the keys and values of the first `tokens` positions lie, for every layer and head in
  /// turn; with them those of the positions that share a tile with the last.
  std::vector<std::span<std::byte>> parts(int64_t tokens) const;

  const KvView& view() const { return view_; }
  int64_t bytes() const { return memory_.size(); }
  /// Bytes that a cache will have.
  static int64_t bytes(const KvShape& shape, KvType type, int64_t tokens);

 private:
  KvShape shape_;
  int64_t tiles_;
  AlignedBuffer memory_;
  KvView view_;
};

}  // namespace heed
