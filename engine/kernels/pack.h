// Layout P16: how a weight matrix lies in panels of 16 rows. Written once, by pack_panel at load;
// read by every matmul kernel. The reasons are in the comments; panels.h has the outer view.
//
// Dense types, `columns` columns, row n of the panel, column k:
//   f32, f16: [columns][16 rows]        the values of a column fill one 512-bit register
//   bf16:     [columns / 2][16 rows][2] pairs of columns, as vdpbf16ps takes them
// An odd number of columns is rounded up: the second half of the last pair is zero, not summed.
//
// f32 in parts (Panels::in_parts), for tiles of bf16: a record of 32 columns is three of bf16,
// whose numbers add up to the floats: the largest parts of all of them, then the middle ones, the
// smallest.
//
// Quantised types: a record holds 32 columns of the 16 rows. A row's 32 codes are 8 quads of 4
// consecutive columns; a quad of each of 16 rows is 64 bytes, one operand of vpdpbusd:
//
//   byte        0     1     2     3   |  4 ...  7   | ... | 60 ... 63
//   row, column 0,4q  0,4q+1 0,4q+2 0,4q+3 | 1,4q ... 1,4q+3 | ... | 15,4q ... 15,4q+3
//
// Codes of w bits take w such vectors: vector j holds the quads j, j + w, j + 2w ..., quad q in
// bits w * (q / w) ... of each byte. So 8-bit codes are one quad a vector, 4-bit codes quads j and
// j + 4 in the low and high nibbles, 1-bit codes (the fifth bits of Q5) all eight quads in one.
// A record is its planes of vectors, low bits first, then the scales of its 16 rows:
//
//             planes         scales                          value
//   q4_0      4-bit          f16 d[16]                       d (code - 8)
//   q4_1      4-bit          f16 d[16], f16 m[16]            d code + m
//   q5_0      4-bit, 1-bit   f16 d[16]                       d (code - 16)
//   q5_1      4-bit, 1-bit   f16 d[16], f16 m[16]            d code + m
//   q8_0      8-bit          f16 d[16]                       d (code - 128)
//   iq4_nl    4-bit          f16 d[16]                       d level[code]
//   q4_k      4-bit          u8 scale[16], u8 min[16]        d scale code - dmin min
//   q5_k      4-bit, 1-bit   u8 scale[16], u8 min[16]        d scale code - dmin min
//   q6_k      4-bit, 2-bit   i8 scale[2][16]                 d scale (code - 32)
//   q3_k      2-bit, 1-bit   i8 scale[2][16]                 d scale (code - 4)
//   q2_k      2-bit          u8 (scale | min << 4)[2][16]    d scale code - dmin min
//
// [2]: columns 0..15 and 16..31 of the record. The K types put f16 d[16], f16 dmin[16] (zero where
// unused) before each 8 records. Size: that of the file, up to 0.2 bits a weight more for K types.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/kernels/panels.h"
#include "engine/quant/blocks.h"

namespace heed {

/// Bytes of one vector of a plane: 16 rows x 4 columns.
inline constexpr int kVectorBytes = 64;

/// Quads in a row's part of a record.
inline constexpr int kRecordQuads = kRecordColumns / 4;

/// Blocks of activations whose largest |x| is below this are rounded to zero
/// (Kernels::quantize_q8), so that 127 / max is finite.
inline constexpr float kQ8Smallest = 1e-30f;

/// A block of activations is rounded to the largest |x| over so many steps; -128 is left out, since
/// kernels negate.
inline constexpr float kQ8Steps = 127;

/// Codes of 8 bits: code = x * factor, to the nearest, and x = code * scale.
struct Q8Scale {
  float factor, scale;
};

/// For numbers of which `max` is the largest |x|; if it is not finite, all codes are 0 and stand
/// for NaN.
inline Q8Scale q8_scale(float max) {
  if (!(max < __builtin_inff())) return {0, __builtin_nanf("")};
  return max < kQ8Smallest ? Q8Scale{0, 0} : Q8Scale{kQ8Steps / max, max / kQ8Steps};
}

/// A block of outliers (Q8Rows::rest) has one part in so many, or more, of a row's squared scales:
/// half as much as all others together. Normal rows have none; with less, tiles of several rows
/// would have records for most of them.
inline constexpr float kOutlierShare = 3;

/// Records below one header of the K types, and the header's size.
inline constexpr int kSuperRecords = kSuperBlock / kRecordColumns;
inline constexpr int kSuperHeaderBytes = 64;

/// What the kernels need to know of a quantised type.
struct PanelFormat {
  int low_bits = 0;          // bits of a code in the first plane: 8, 4 or 2
  int high_bits = 0;         // bits in the second plane, above the first's: 0, 1 or 2
  int zero = 0;              // value = d (code - zero); of iq4_nl's levels, stored plus 128
  bool has_min = false;      // value = d code + m instead
  int groups = 1;            // scales of a row's 32 columns: 2 means one per 16 columns
  bool super_block = false;  // the K types: small integer scales below a header

  constexpr int plane_bytes() const { return (low_bits + high_bits) * kVectorBytes; }
  constexpr int scale_bytes() const { return has_min && !super_block ? 64 : 32; }
  constexpr int record_bytes() const { return plane_bytes() + scale_bytes(); }
};

/// The format of a quantised type; low_bits == 0 for all others.
constexpr PanelFormat panel_format(DType type) {
  switch (type) {
    case DType::q4_0:
      return {.low_bits = 4, .zero = 8};
    case DType::q4_1:
      return {.low_bits = 4, .has_min = true};
    case DType::q5_0:
      return {.low_bits = 4, .high_bits = 1, .zero = 16};
    case DType::q5_1:
      return {.low_bits = 4, .high_bits = 1, .has_min = true};
    case DType::q8_0:
      return {.low_bits = 8, .zero = 128};
    case DType::iq4_nl:
      return {.low_bits = 4, .zero = 128};
    case DType::q2_k:
      return {.low_bits = 2, .has_min = true, .groups = 2, .super_block = true};
    case DType::q3_k:
      return {.low_bits = 2, .high_bits = 1, .zero = 4, .groups = 2, .super_block = true};
    case DType::q4_k:
      return {.low_bits = 4, .has_min = true, .super_block = true};
    case DType::q5_k:
      return {.low_bits = 4, .high_bits = 1, .has_min = true, .super_block = true};
    case DType::q6_k:
      return {.low_bits = 4, .high_bits = 2, .zero = 32, .groups = 2, .super_block = true};
    default:
      return {};
  }
}

constexpr bool is_quantized(DType type) {
  return panel_format(type).low_bits != 0;
}

/// Kernels::panel_bytes.
int64_t panel_bytes(DType type, int64_t columns) noexcept;

/// Kernels::pack: `count` rows of `rows` in file form into `panel`, kPanelAlign aligned.
void pack_panel(DType type, const std::byte* rows, int64_t count, int64_t columns,
                std::byte* panel) noexcept;

/// The same of f32 in parts. `columns`: a multiple of kRecordColumns.
constexpr int64_t panel_bytes_in_parts(int64_t columns) {
  return kF32Parts * columns * kPanelRows * int64_t{sizeof(uint16_t)};
}
void pack_parts(const std::byte* rows, int64_t count, int64_t columns, std::byte* panel) noexcept;

/// One record in plain numbers: the value at row n, column k is
/// d[k / 16][n] * (code[n][k] - zero) + m[k / 16][n], zero as panel_format says.
struct Record {
  uint8_t code[kPanelRows][kRecordColumns];
  float d[2][kPanelRows];
  float m[2][kPanelRows];
};

/// Reads record `index` of a panel of a quantised type: the layout above, as code. For the scalar
/// kernel and the tests.
void unpack_record(DType type, const std::byte* panel, int64_t index, Record& out) noexcept;

/// The value at row n, column k of a panel of type f32, f16 or bf16.
float dense_value(DType type, const std::byte* panel, int64_t n, int64_t k) noexcept;

}  // namespace heed
