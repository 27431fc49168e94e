// Files of weights in CTranslate2's format, model.bin. Used by the reader of checkpoints.
// Reference: CTranslate2, python/ctranslate2/specs/model_spec.py, ModelSpec._serialize.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "engine/format/tensor_table.h"

namespace heed {

/// Adds the variables of one file in its order, numbers of the model among them as tensors without
/// dimensions; then its aliases, which share their data. Integers NAME lie beside NAME_scale, what
/// they were multiplied by; so do their aliases. Returns what the file calls its model:
/// "TransformerSpec". `bytes` is somebody else's memory, which the table will refer to; `file`
/// names it in errors. Throws Error(format) or Error(unsupported) naming file and variable.
std::string read_ctranslate2(std::span<const std::byte> bytes, const std::string& file,
                             TensorTable& tensors);

}  // namespace heed
