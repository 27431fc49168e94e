// Rows of any tensor type to and from float: the readable reference for every block format.
// Used by the loader (packing), embedding look-ups, the converter and the tests of the kernels.
// Formats: engine/quant/blocks.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/core/dtype.h"
#include "engine/quant/row_writers.h"

namespace heed {

/// How rows of one type are read and written. n counts values and is a whole number of blocks;
/// src and dst do not overlap; the bytes need no alignment.
struct RowCodec {
  DType type;
  void (*dequantize)(const std::byte* src, float* dst, int64_t n) noexcept;
  RowWriter* RowWriters::*quantize;  ///< the instruction set is the caller's choice
};

/// Every type with floating-point values: the one list of what is supported.
std::span<const RowCodec> row_codecs();

/// Writes the n values of the row at src to dst; reads row_bytes(type, n) bytes.
/// The values are those of ggml's own code, bit for bit.
/// Throws Error: unsupported for a type that holds no floating-point values (i32 ...), argument
/// when n is not a whole number of blocks.
void dequantize_row(DType type, const std::byte* src, float* dst, int64_t n);

/// Writes the n values at src as a row of `type` to dst: row_bytes(type, n) bytes that any reader
/// of GGUF understands, whose blocks hold finite values whatever src has (a NaN is written as 0).
/// Block formats choose their scales for the least squared error. `importance`, if not empty, says
/// how much the error of each of the n columns counts, as the mean square of the activations that
/// meet it does; only the ratios within a block matter, and zeros throughout count as nothing said.
/// The bytes depend on the arguments alone: not on the machine, nor on how rows are split.
/// Throws Error: unsupported for a type that holds no floating-point values; argument when n is not
/// a whole number of blocks, or importance has another count, a negative value, an infinity or NaN.
void quantize_row(DType type, const float* src, std::byte* dst, int64_t n,
                  std::span<const float> importance = {});

}  // namespace heed
