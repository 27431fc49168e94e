// Metadata given as text: `heed convert --set KEY=VALUE`. Used by the converter.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/format/metadata.h"

namespace heed {

/// Keys and their new values, as text.
using MetadataEdits = std::vector<std::pair<std::string, std::string>>;

/// Sets each key in turn. The value of a key that is there keeps its type; a new one is what it
/// looks like: true or false, a whole number (u32; i32, u64 or i64 where that does not hold it), a
/// number (f32), or else a string. Throws Error(argument) naming key, type and text of a value that
/// its type does not hold, and for a key whose value is an array.
void edit_metadata(const MetadataEdits& edits, Metadata& metadata);

}  // namespace heed
