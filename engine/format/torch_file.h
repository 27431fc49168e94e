// Files of weights as torch.save writes them since 1.6: a zip archive with a pickle that says what
// the tensors are, and a file of bytes for each storage. Used by the readers of checkpoints.
// Reference: torch/serialization.py and caffe2/serialize/inline_container.h of PyTorch.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "engine/format/tensor_table.h"

namespace heed {

/// Adds the tensors of a state dict, which the file holds alone or as the 'state_dict' or 'model'
/// of a dict, in the order of the dict; several may share their bytes. Other values are ignored.
/// `bytes` is somebody else's memory, which the table will refer to; `file` names it in errors.
/// Nothing of the pickle is run: what is neither a plain value nor a tensor is refused by name.
/// Throws Error(format) or Error(unsupported) naming file and tensor.
void read_torch_file(std::span<const std::byte> bytes, const std::string& file,
                     TensorTable& tensors);

}  // namespace heed
