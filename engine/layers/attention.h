// Multi-head attention: what it is (Attention), which tensors it has, and the step that turns
// queries, keys and values into its output. The projections around it are LinearSteps.
// References: Vaswani et al. 2017, section 3.2; grouped queries: Ainslie et al. 2023.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/layers/linear.h"
#include "engine/layers/param.h"
#include "engine/layers/pass.h"
#include "engine/layers/rope.h"

namespace heed {

enum class Mask { none, causal };

struct Attention {
  enum Tensor { q, k, v, output, q_bias, k_bias, v_bias, output_bias };
  enum FusedTensor { qkv, fused_output, qkv_bias, fused_output_bias };

  std::string name = "attn";
  int64_t heads = 0;
  int64_t kv_heads = 0;  ///< divides heads: each is shared by heads / kv_heads query heads
  int64_t head_dim = 0;
  Mask mask = Mask::causal;
  float scale = 0;  ///< of the scores; 0: 1 / sqrt(head_dim)
  std::optional<Rope> rope;
  /// Keys and values come from the output of the model's memory graph, all of which is seen.
  bool memory = false;
  bool fused = false;  ///< the file has queries, keys and values as one matrix, in this order
  Presence bias = Presence::optional;  ///< of the four projections

  bool operator==(const Attention&) const = default;
};

/// NAME_q [heads * head_dim, width], NAME_k and NAME_v [kv_heads * head_dim, width], NAME_output
/// [width, heads * head_dim], and their biases. Fused: NAME_qkv [(heads + 2 kv_heads) * head_dim,
/// width] in the place of three. Then the rotary factors where named, one for all blocks.
Params params(const Attention& attention, const Dims& dims);

/// Turns [q | k | v] of every row into the heads' outputs, side by side: rotates queries and keys,
/// stores keys and values in the cache (or in tiles that live for the step), attends. To a memory:
/// turns q alone, over the keys and values that MemorySteps left in it.
struct AttentionStep {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  Mask mask = Mask::causal;
  float scale = 1;
  bool memory = false;
  bool tail = false;  ///< see Run::first_row: of queries; every row has its key and value
  std::shared_ptr<const std::vector<float>> rope;  // [positions][rope_dims / 2][2], or null
  int64_t rope_dims = 0;
  bool rope_interleaved = true;
  int64_t cache_layer = 0;  ///< of the sequence's cache, or of its memory
  Buffer qkv;  // [rows, (heads + 2 kv_heads) * head_dim]; queries and keys are rotated in place
               // to a memory: [rows, heads * head_dim]
  /// qkv holds bf16 unless the run is traced: where kernels round queries to it, head_dim is a
  /// multiple of 32, nothing is rotated, and keys and values live for one pass.
  bool rounded = false;
  Buffer out;                        // [rows, heads * head_dim]
  std::optional<LinearPart> reader;  ///< as LinearStep's; head_dim is a multiple of kRecordColumns
  int64_t parts = -1;                ///< where in the arena part_bytes() lie, shared by all threads

  void run(const Run& run, int thread) const;
  /// Scratch of a thread for sequences of up to `rows` rows.
  int64_t scratch_bytes(const Kernels& kernels, KvType type, int64_t rows) const;
  /// What long pasts, whose keys threads share, leave for each other; positions below `positions`.
  int64_t part_bytes(int64_t positions) const;

 private:
  /// Asks for the first keys and values of a kv head: those of short sequences lie too far apart
  /// for the processor to foresee.
  static void prefetch(const KvTiles& kv, int64_t tokens);
  /// One kv head of one sequence, for some of its rows.
  struct Item {
    const SequenceRows* sequence = nullptr;
    int64_t kv_head = 0;
    Range rows;  ///< within the sequence
    KvTiles tiles;
    /// A part: of these keys alone, the outputs [queries, head_dim] and logsumexps [queries].
    KeyRange keys = {};
    float* part = nullptr;
    float* logsumexp = nullptr;
    bool more = false;
  };
  struct Parts;
  /// Bytes of keys and values of heads of a short sequence that go together: they and what the
  /// kernel makes of them stay in the nearest cache.
  static constexpr int64_t kHeadsBytes = 12 << 10;
  /// The type of keys and values that live for one pass, where a cache would have `type`: 8 bits
  /// save nothing there.
  static KvType uncached_type(KvType type) { return type == KvType::q8 ? KvType::bf16 : type; }
  int64_t query_rows() const;
  void rotate(const Run& run, float* row, int32_t position, int64_t first_head,
              int64_t count) const;
  void store(const Run& run, int64_t row, int64_t kv_head, const KvTiles& tiles) const;
  void store_tile(const Run& run, int64_t row, int64_t count, int64_t kv_head, const KvTiles& tiles,
                  int64_t tile) const;
  const uint16_t* rounded_rows(const Run& run) const;
  void rotate_item(const Run& run, const Item& item) const;
  void store_item(const Run& run, const Item& item) const;
  void store_rows(const Run& run, int thread) const;
  void store_head(const Run& run, const SequenceRows& sequence, Range rows, int64_t kv_head) const;
  void run_cached(const Run& run, int thread) const;
  bool takes_heads(const Run& run) const;
  bool takes_heads(const SequenceRows& sequence) const;
  void prefetch_heads(const Run& run, const SequenceRows& sequence, int64_t count) const;
  void attend_heads(const Run& run, const SequenceRows& sequence, Range rows, Range some,
                    const KvTiles& kv, int64_t head_stride, ScratchSplitter scratch) const;
  void store_tiles(const Run& run, const Item& item) const;
  void run_heads(const Run& run, const SequenceRows& sequence, Range some, int thread) const;
  void run_hypotheses(const Run& run, int thread) const;
  void run_split(const Run& run, int thread) const;
  bool can_split(const Run& run) const;
  void merge(const Run& run, const Parts& of, int64_t row, int64_t head, float* weights) const;
  void run_uncached(const Run& run, int thread) const;
  KeyRange range_of(const Run& run, const SequenceRows& sequence, int64_t row) const;
  void attend(const Run& run, const Item& item, ScratchSplitter scratch) const;
  InputForm out_form(const Run& run) const;
  uint16_t* bf16_row(const Run& run, InputForm form, int64_t row) const;
  static int64_t bf16_stride(InputForm form);
  void put(const Run& run, InputForm form, int64_t row, int64_t head, int64_t count,
           const float* x) const;
};

/// Puts keys and values of every row into its sequence's memory, if it has one: row i of a sequence
/// becomes token i. The last steps of a graph that another attends to.
struct MemoryStep {
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t cache_layer = 0;
  Buffer kv;   // [rows, 2 * kv_heads * head_dim]: k | v
  Buffer out;  // what a trace sees: kv

  void run(const Run& run, int thread) const;
};

}  // namespace heed
