#include "engine/convert/type_mix.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>

#include "engine/convert/join.h"
#include "engine/core/error.h"
#include "engine/quant/blocks.h"

namespace heed {
namespace {

constexpr TypeMix one_type(std::string_view name, uint32_t file_type, DType type) {
  return {.name = name, .file_type = file_type, .most = type, .head = type};
}

/// The head is in Q6_K: of few bits it would cost more than all other matrices together.
constexpr TypeMix with_good_head(std::string_view name, uint32_t file_type, DType type) {
  return {.name = name, .file_type = file_type, .most = type, .head = DType::q6_k};
}

constexpr auto kTypeMixes = [] {
  using enum DType;
  using enum MixedBlocks;
  return std::to_array<TypeMix>({
      one_type("f32", 0, f32),
      one_type("f16", 1, f16),
      one_type("bf16", 32, bf16),
      with_good_head("q4_0", 2, q4_0),
      with_good_head("q4_1", 3, q4_1),
      with_good_head("q5_0", 8, q5_0),
      with_good_head("q5_1", 9, q5_1),
      one_type("q8_0", 7, q8_0),
      with_good_head("iq4_nl", 25, iq4_nl),
      one_type("q3_k", 11, q3_k),
      one_type("q4_k", 14, q4_k),
      one_type("q5_k", 16, q5_k),
      one_type("q6_k", 18, q6_k),
      {.name = "q2_k",
       .file_type = 10,
       .most = q2_k,
       .head = q6_k,
       .values = {shared_keys, q4_k, q3_k},
       .attention_output = {all, q3_k},
       .down = {all, q3_k}},
      {.name = "q3_k_s", .file_type = 11, .most = q3_k, .head = q6_k},
      {.name = "q3_k_m",
       .file_type = 12,
       .most = q3_k,
       .head = q6_k,
       .values = {first_two, q5_k, q4_k},
       .attention_output = {all, q4_k},
       .down = {first_sixteenth, q5_k, q4_k}},
      {.name = "q3_k_l",
       .file_type = 13,
       .most = q3_k,
       .head = q6_k,
       .values = {all, q5_k},
       .attention_output = {all, q5_k},
       .down = {all, q5_k}},
      {.name = "q4_k_s",
       .file_type = 14,
       .most = q4_k,
       .head = q6_k,
       .values = {first_four, q5_k, q4_k},
       .down = {first_eighth, q5_k, q4_k}},
      {.name = "q4_k_m",
       .file_type = 15,
       .most = q4_k,
       .head = q6_k,
       .values = {more_bits, q6_k, q4_k},
       .down = {more_bits, q6_k, q4_k}},
      {.name = "q5_k_s", .file_type = 16, .most = q5_k, .head = q6_k},
      {.name = "q5_k_m",
       .file_type = 17,
       .most = q5_k,
       .head = q6_k,
       .values = {more_bits, q6_k, q5_k},
       .down = {more_bits, q6_k, q5_k}},
  });
}();

/// "dec.blk.3.attn_v.weight" is of block 3 of the blocks "dec.blk."; its kind is "attn_v".
struct MatrixName {
  std::string_view scope;
  int64_t block = -1;  ///< -1: of none
  std::string_view kind;
};

MatrixName parse_matrix(std::string_view name) {
  constexpr std::string_view kBlocks = "blk.", kSuffix = ".weight";
  if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
  const size_t at = name.find(kBlocks);
  if (at == std::string_view::npos) return {.scope = {}, .kind = name};
  MatrixName result{.scope = name.substr(0, at + kBlocks.size()), .kind = {}};
  const std::string_view rest = name.substr(result.scope.size());
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), result.block);
  if (error != std::errc() || end == rest.data() + rest.size()) return {.scope = {}, .kind = name};
  result.kind = rest.substr(static_cast<size_t>(end - rest.data()) + 1);
  return result;
}

/// What the blocks of a scope have in common.
struct BlockGroup {
  int64_t count = 0;
  int64_t query_rows = 1, value_rows = 1;

  bool contain(MixedBlocks which, int64_t block) const {
    using enum MixedBlocks;
    const int64_t eighth = count / 8;
    switch (which) {
      case none:
        return false;
      case all:
        return true;
      case more_bits:
        return block < eighth || block >= 7 * count / 8 || (block - eighth) % 3 == 2;
      case first_eighth:
        return block < eighth;
      case first_sixteenth:
        return block < count / 16;
      case first_two:
        return block < 2;
      case first_four:
        return block < 4;
      case shared_keys:
        return query_rows >= 4 * value_rows;
    }
    return false;
  }
};

const TypeChoice* choice_for(const TypeMix& mix, std::string_view kind) {
  if (kind == "attn_v" || kind == "attn_qkv") return &mix.values;
  if (kind == "attn_output") return &mix.attention_output;
  if (kind == "ffn_down") return &mix.down;
  return nullptr;
}

}  // namespace

std::span<const TypeMix> type_mixes() {
  return kTypeMixes;
}

const TypeMix& find_type_mix(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  std::vector<std::string> known;
  for (const TypeMix& mix : kTypeMixes) {
    if (mix.name == lower) return mix;
    known.emplace_back(mix.name);
  }
  fail(Error::Code::argument, "type '", name, "' is not one that Heed writes; it writes ",
       join(known, ", "));
}

DType fitting_type(DType type, int64_t columns) {
  using enum DType;
  if (columns % info(type).block == 0) return type;
  if (info(type).block == kBlock || columns % kBlock != 0) return f16;
  switch (type) {
    case q4_k:
      return q5_0;
    case q5_k:
      return q5_1;
    case q6_k:
      return q8_0;
    default:
      return q4_0;
  }
}

std::vector<DType> mixed_types(const TypeMix& mix, const Params& matrices) {
  std::map<std::string_view, BlockGroup> scopes;
  bool has_head = false;
  for (const Param& matrix : matrices) {
    const MatrixName name = parse_matrix(matrix.name);
    has_head = has_head || name.kind == "output";
    if (name.block < 0) continue;
    BlockGroup& blocks = scopes[name.scope];
    blocks.count = std::max(blocks.count, name.block + 1);
    if (name.kind == "attn_q") blocks.query_rows = matrix.shape[0];
    if (name.kind == "attn_v") blocks.value_rows = matrix.shape[0];
  }
  std::vector<DType> types;
  for (const Param& matrix : matrices) {
    const MatrixName name = parse_matrix(matrix.name);
    DType type = name.kind == (has_head ? "output" : "token_embd") ? mix.head : mix.most;
    const TypeChoice* choice = choice_for(mix, name.kind);
    if (name.block >= 0 && choice && choice->blocks != MixedBlocks::none) {
      type = scopes[name.scope].contain(choice->blocks, name.block) ? choice->some : choice->others;
    }
    types.push_back(fitting_type(type, matrix.shape.back()));
  }
  return types;
}

}  // namespace heed
