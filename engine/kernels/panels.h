// A weight matrix packed for the kernels: panels of 16 rows, streamed from memory in order.
// Made by Kernels::pack at load, read by Kernels::matmul. One layout serves every instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/core/dtype.h"

namespace heed {

/// Rows of a panel: one per 32-bit lane of a 512-bit register.
inline constexpr int kPanelRows = 16;

/// Columns of a record, the unit inside a panel: one quantised block of each of the 16 rows.
inline constexpr int kRecordColumns = 32;

/// Alignment of panels: a cache line, which is also the widest register.
inline constexpr int kPanelAlign = 64;

/// Numbers of bf16 whose sum is a float.
inline constexpr int kF32Parts = 3;

/// A matrix [rows, columns] as ceil(rows / 16) panels of `panel_bytes` each; rows that pad the last
/// panel are zero. A view: whoever packed it owns the bytes. `type` is the type of the weights as
/// stored in the file (f32 after dequantisation under --exact).
struct Panels {
  DType type = DType::f32;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t panel_bytes = 0;
  const std::byte* data = nullptr;
  /// Of type f32, a multiple of 32 columns: a record is kF32Parts records of bf16 whose sum it is,
  /// the largest part first (Kernels::has_tiles).
  bool in_parts = false;

  int64_t count() const { return (rows + kPanelRows - 1) / kPanelRows; }
  const std::byte* panel(int64_t i) const { return data + i * panel_bytes; }
};

}  // namespace heed
