// One function per architecture: a file's numbers in, a Graph out. Declared here, listed in
// registry.cpp, each defined in the file of its name.
#pragma once

#include "engine/graph/graph.h"
#include "models/hyperparameters.h"

namespace heed {

Graph llama(const Hyperparameters& hyperparameters);
Graph bert(const Hyperparameters& hyperparameters);

}  // namespace heed
