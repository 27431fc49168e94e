// Arrays for NumPy. Used by embed.
// Reference: NumPy enhancement proposal 1, the .npy format, version 1.0.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace heed {

/// Writes `values` [rows, width] as float32. An old file stays until the new one is complete.
void write_npy(const std::filesystem::path& path, std::span<const float> values, int64_t rows,
               int64_t width);

}  // namespace heed
