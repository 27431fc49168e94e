// From a model directory or a GGUF file to a GGUF file. Used by the interface.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "engine/convert/imatrix.h"
#include "engine/convert/metadata_edit.h"
#include "engine/convert/source.h"
#include "engine/convert/type_rules.h"
#include "engine/convert/weights.h"

namespace heed {

struct ConvertReport {
  int64_t quantized = 0;        ///< matrices that were rounded to a type of blocks
  int64_t quantized_twice = 0;  ///< of these: they came from another type of blocks, or of integers
  int64_t unweighted = 0;       ///< of these: the errors of all columns counted alike
  std::string record_problem = {};  ///< why the source could not be run, if it was to be
};

/// What is to be made of a source.
struct Conversion {
  const TypeMix* mix = nullptr;  ///< null: F16 for a directory; a GGUF file's tensors keep theirs
  std::vector<TypeRule> type_rules = {};
  MetadataEdits edits = {};
  std::optional<Imatrix> imatrix = {};  ///< none: measured, where the source may be run
  /// Run the source, where types may change: for its record, where it has none, and for what its
  /// matrices multiply, where they are rounded.
  bool record = true;
};

/// Where it goes, and what does the work.
struct ConvertTarget {
  std::filesystem::path path;
  ThreadTeam& team;
  ProgressCallback progress = {};
};

/// Writes the file whole or not at all. Throws Error(unsupported) for a model Heed does not know,
/// Error(format) for a source that is not what it says, Error(io) where a file cannot be read or
/// written, Error(argument) if the target is a file of the source whose weights would be lost, or
/// for an edit or a rule that does not fit.
ConvertReport convert_directory(const Source& source, const Conversion& conversion,
                                const ConvertTarget& target);
ConvertReport convert_gguf(const GgufFile& source, const Conversion& conversion,
                           const ConvertTarget& target);

}  // namespace heed
