// One function per architecture: a file's numbers in, a ModelGraph out. Declared here, listed in
// registry.cpp, each defined in the file of its name.
#pragma once

#include "engine/graph/graph.h"
#include "models/hyperparameters.h"

namespace heed {

ModelGraph llama(const Hyperparameters& hyperparameters);
ModelGraph bert(const Hyperparameters& hyperparameters);
ModelGraph marian(const Hyperparameters& hyperparameters);

}  // namespace heed
