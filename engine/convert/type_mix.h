// Which type each matrix of a file gets, for every name that `--type` takes: one type for all of
// them, or one of llama.cpp's mixes, which give more bits to the matrices whose errors cost most.
// Used by the converter.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/core/dtype.h"
#include "engine/layers/param.h"

namespace heed {

/// Matrices of a kind, one a block: those that get a type other than most.
enum class MixedBlocks {
  none,
  all,
  more_bits,  ///< the first and the last eighth, and every third between them
  first_eighth,
  first_sixteenth,
  first_two,
  first_four,
  shared_keys,  ///< all, where four or more heads share their keys and values
};

struct TypeChoice {
  MixedBlocks blocks = MixedBlocks::none;
  DType some = DType::f32;    ///< of these blocks
  DType others = DType::f32;  ///< of the others, where `blocks` is not none
};

struct TypeMix {
  std::string_view name;  ///< lower case: "q4_k_m"
  uint32_t file_type;     ///< general.file_type: llama.cpp's enum llama_ftype
  DType most;
  DType head;              ///< output.weight, or token_embd.weight where that serves as head
  TypeChoice values = {};  ///< also of the matrix that has queries and keys as well
  TypeChoice attention_output = {};
  TypeChoice down = {};
};

/// All that files may be made of: what has one type first.
std::span<const TypeMix> type_mixes();

/// The mix of that name, in any case. Throws Error(argument) that lists all names.
const TypeMix& find_type_mix(std::string_view name);

/// The type, or for rows of `columns` values that its blocks do not divide: one of blocks of 32
/// instead of a K type, with more bits; F16 where those do not divide them either.
DType fitting_type(DType type, int64_t columns);

/// The types of a file's matrices, in their order, each fitting.
std::vector<DType> mixed_types(const TypeMix& mix, const Params& matrices);

}  // namespace heed
