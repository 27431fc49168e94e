// One function per architecture: a file's numbers in, a ModelGraph out. Declared here, listed in
// registry.cpp, each defined in the file of its name.
#pragma once

#include "engine/graph/graph.h"
#include "models/hyperparameters.h"

namespace heed {

ModelGraph bert(const Hyperparameters& hyperparameters);
ModelGraph gpt2(const Hyperparameters& hyperparameters);
ModelGraph llama(const Hyperparameters& hyperparameters);
ModelGraph marian(const Hyperparameters& hyperparameters);
ModelGraph qwen2(const Hyperparameters& hyperparameters);

}  // namespace heed
