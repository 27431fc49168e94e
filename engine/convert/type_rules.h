// The types of a file's tensors: those of a mix, or those they have, and what rules say of single
// tensors by their names. Used by the converter.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/convert/tensor_plan.h"
#include "engine/convert/type_mix.h"
#include "engine/text/regex.h"

namespace heed {

/// A type for the matrices in whose names a regular expression matches.
struct TypeRule {
  std::string pattern;
  Regex regex;
  DType type;

  /// Throws Error(argument) for what is not a regular expression or not a type Heed writes.
  static TypeRule parse(std::string_view pattern, std::string_view type);
};

/// Sets the target types of the matrices among `tensors`; without a mix they keep what they have,
/// but for the rules, of which the first that matches counts. Rows that a type's blocks do not
/// divide get another, as in mixes. Throws Error(argument) naming a rule that matches no matrix.
void choose_types(std::span<PlannedTensor> tensors, const TypeMix* mix,
                  std::span<const TypeRule> rules);

}  // namespace heed
