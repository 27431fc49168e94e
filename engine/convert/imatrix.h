// Importance of columns: the mean squares of what each matrix multiplies, measured on a text. What
// is multiplied with large values should be rounded with small errors. Used by the converter and
// `heed imatrix`. Reference: llama.cpp's tools/imatrix, whose files (GGUF) these are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/input_squares.h"

namespace heed {

/// How a file was measured.
struct ImatrixText {
  std::vector<std::string> datasets;  ///< names of the texts
  uint32_t chunks = 0;
  uint32_t chunk_tokens = 0;
};

class Imatrix {
 public:
  /// Throws Error(io) or Error(format) naming the file and the tensor; Error(unsupported) for
  /// llama.cpp's older files, which are not GGUF.
  static Imatrix read(const std::filesystem::path& path);

  /// What was measured, in no file; nothing of a matrix whose sums have overflowed.
  Imatrix(const AllInputSquares& squares, ImatrixText text);

  /// Mean squares for the columns of a matrix; empty if the file does not have it, or no token met
  /// it. Throws Error(format) if the file has another number of columns.
  std::span<const float> find(std::string_view matrix, int64_t columns) const;

  const std::filesystem::path& path() const { return path_; }  ///< empty: measured
  const ImatrixText& text() const { return text_; }
  size_t size() const { return means_.size(); }  ///< matrices

 private:
  Imatrix() = default;

  std::filesystem::path path_;
  ImatrixText text_;
  std::map<std::string, std::vector<float>, std::less<>> means_;
};

/// Writes the file whole or not at all.
void write_imatrix(const std::filesystem::path& out, const AllInputSquares& squares,
                   const ImatrixText& text);

}  // namespace heed
