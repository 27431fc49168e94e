// From a model directory to a GGUF file. Used by the interface.
#pragma once

#include <filesystem>

#include "engine/convert/source.h"
#include "engine/convert/weights.h"

namespace heed {

/// Writes the file whole or not at all. Throws Error(unsupported) for a model Heed does not know,
/// Error(format) for a source that is not what it says, Error(io) where a file cannot be read or
/// written, Error(argument) if `out` is a file of the source.
void convert_source(const Source& source, const std::filesystem::path& out, const TypeMix& mix,
                    ThreadTeam& team, const ConvertProgress& progress);

}  // namespace heed
