// Files of weights in the safetensors format. Used by the reader of checkpoints.
// Reference: github.com/huggingface/safetensors, README.md, "Format".
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "engine/format/tensor_table.h"

namespace heed {

/// Adds the tensors of one file, in the order of their data: they cover the file's data without gap
/// or overlap. `bytes` is somebody else's memory, which the table will refer to; `file` names it in
/// errors. Throws Error(format) or Error(unsupported) naming file and tensor.
void read_safetensors(std::span<const std::byte> bytes, const std::string& file,
                      TensorTable& tensors);

}  // namespace heed
