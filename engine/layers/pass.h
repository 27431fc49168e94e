// What one run of a plan computes (Pass), where its values lie (Buffer), and what a step sees
// (Run). Layers make steps of these; the plan lays them out and the runner walks them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/core/thread_team.h"
#include "engine/kernels/kernels.h"
#include "heed_types.hpp"

namespace heed {

/// The key/value cache of one sequence, as steps see it. Owned by engine/decode/kv_cache.h.
struct KvView {
  KvType type = KvType::bf16;
  int64_t head_dim = 0;
  std::byte* base = nullptr;
  int64_t layer_stride = 0;  ///< bytes
  int64_t head_stride = 0;   ///< bytes: keys, then values, of one head
  int64_t values_offset = 0;

  KvTiles tiles(int64_t layer, int64_t head) const {
    std::byte* at = base + layer * layer_stride + head * head_stride;
    return {.type = type, .head_dim = head_dim, .keys = at, .values = at + values_offset};
  }
};

/// Consecutive rows of a pass that belong to one sequence.
struct SequenceRows {
  int64_t first_row = 0;
  int64_t rows = 0;
  const KvView* cache = nullptr;  ///< null: keys and values live for this pass only
  int64_t used_cells = 0;         ///< of the cache: Pass::visible has a bit for each

  /// Keys and values of what the sequence attends to: an encoder's pass writes them, `rows` tokens
  /// for each layer that attends to it; a decoder's pass reads the first memory_tokens.
  const KvView* memory = nullptr;
  int64_t memory_tokens = 0;
};

/// One run over packed rows: tokens of any number of sequences, side by side without padding.
struct Pass {
  std::span<const Token> tokens;            // [rows]
  std::span<const int32_t> positions;       // [rows]: rising by one within a sequence, or anything
                                            // where `visible` says what a row sees
  std::span<const SequenceRows> sequences;  // cover all rows, in order
  std::span<const int64_t> wanted;          // rows whose output is wanted, rising
  float* out = nullptr;                     // [wanted or sequences, output width]
  KvType kv_type = KvType::bf16;            ///< of keys and values without a cache: q8 means bf16
  Pooling pooling = Pooling::model;
  /// Once this is set, no pass begins any more. Null: nobody will.
  const std::atomic<bool>* cancel = nullptr;

  /// Where each row's key and value go in its sequence's cache; empty: each at its position.
  std::span<const int32_t> cells;  // [rows] or empty
  /// The cells that each row sees, its own included: bit i % 16 of word i / 16 is cell i, up to the
  /// sequence's used_cells. Rows that share a cache but not a past (beams) differ in this alone.
  /// Empty: as the layer's mask and the positions say.
  std::span<const uint16_t* const> visible;  // [rows] or empty

  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
  /// From here on rows may be wanted.
  int64_t first_wanted() const { return wanted.empty() ? rows() : wanted.front(); }
};

/// Float rows inside the arena, or the pass's own output.
struct Buffer {
  int64_t offset = -1;  ///< bytes into the arena; -1: Pass::out
  int64_t width = 0;    ///< floats a row, which is also the stride
};

/// What a step may touch while it runs.
struct Run {
  const Pass& pass;
  const Kernels& kernels;
  ThreadTeam& team;
  bool traced = false;  ///< someone looks at what every step wrote: floats
  std::byte* arena = nullptr;
  std::byte* scratch = nullptr;  ///< scratch_bytes for each thread
  int64_t scratch_bytes = 0;

  float* rows(const Buffer& buffer) const {
    return buffer.offset < 0 ? pass.out : reinterpret_cast<float*>(arena + buffer.offset);
  }
  /// The same rows where they hold bf16; `width` of these a row, too.
  uint16_t* halves(const Buffer& buffer) const { return reinterpret_cast<uint16_t*>(rows(buffer)); }
  std::byte* thread_scratch(int thread) const { return scratch + thread * scratch_bytes; }
  /// The first row that a step computes: of steps of the tail, behind the last keys and values that
  /// rows have for each other, the first that may be wanted. Who traces a run sees all.
  int64_t first_row(bool tail) const { return tail && !traced ? pass.first_wanted() : 0; }
};

/// One entry of a plan: all threads call `run`; a barrier follows.
struct Step {
  std::string name;  ///< "blk.3.attn_qkv"
  void (*run)(const void* self, const Run& run, int thread) = nullptr;
  std::shared_ptr<const void> self;
  Buffer out;  ///< what it wrote, for tracing
};

/// Hands out parts of a thread's scratch, each on its own cache line.
class ScratchSplitter {
 public:
  explicit ScratchSplitter(std::byte* base) : at_(base) {}

  template <typename T>
  T* take(int64_t count) {
    T* result = reinterpret_cast<T*>(at_);
    at_ += padded(count * static_cast<int64_t>(sizeof(T)));
    return result;
  }
  /// Bytes that take() uses for `bytes`.
  static int64_t padded(int64_t bytes) {
    return (bytes + kPanelAlign - 1) / kPanelAlign * kPanelAlign;
  }

 private:
  std::byte* at_;
};

}  // namespace heed
