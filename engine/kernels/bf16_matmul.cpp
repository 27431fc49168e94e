// Products of bf16 and f16 matrices with many rows rounded to bf16, by vdpbf16ps (AVX512_BF16): two
// columns an instruction. Everything else is left to avx512_matmul.cpp.
//
// f16 weights are rounded to bf16 on the way, which loses three of their eleven bits: as much as
// the rows lose, and a tenth of what the int8 kernels lose of theirs; it is twice as fast as f32.
#include "engine/kernels/near_memory.h"

#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/avx512_bytes.h"

#include "engine/kernels/generic/vec_math.inl"

#include "engine/kernels/generic/matmul.inl"

namespace heed {
namespace {

// A tile holds 32 columns of each of its rows, row after row, then the next 32 columns.
constexpr int kChunkColumns = 32;
constexpr int64_t kChunkBytes = kChunkColumns * 2;

int64_t row_bytes(int64_t columns) {
  return align_up(columns * 2);
}

void pack_tile(const MatmulInput& input, int64_t first_row, int64_t rows, int64_t columns,
               std::byte* tile) {
  for (int64_t t = 0; t < rows; ++t) {
    const uint16_t* x = input.bf16 + (first_row + t) * input.stride;
    std::byte* out = tile + t * kChunkBytes;
    int64_t left = columns;
    for (; left >= kChunkColumns; left -= kChunkColumns, x += kChunkColumns) {
      __builtin_memcpy(out, x, kChunkBytes);
      out += rows * kChunkBytes;
    }
    if (left == 0) continue;
    // An odd last column is paired with a zero, in the weights as well.
    __builtin_memset(out, 0, kChunkBytes);
    __builtin_memcpy(out, x, static_cast<size_t>(left) * 2);
  }
}

template <int panels, int rows>
inline void multiply_tile(const std::byte* (&w)[panels], int64_t columns, const std::byte* tile,
                          float* acc) {
  __m512 sums[panels][rows];
  for (int p = 0; p < panels; ++p)
    for (int t = 0; t < rows; ++t) sums[p][t] = _mm512_setzero_ps();
  for (int64_t k = 0; k < columns; k += kChunkColumns, tile += rows * kChunkBytes) {
    const int64_t pairs = (smaller(kChunkColumns, columns - k) + 1) / 2;
    for (int64_t i = 0; i < pairs; ++i) {
      __m512i pair[panels];
      for (int p = 0; p < panels; ++p) {
        pair[p] = _mm512_load_si512(w[p]);
        w[p] += kVectorBytes;
      }
#pragma GCC unroll 16
      for (int t = 0; t < rows; ++t) {
        int32_t two;
        __builtin_memcpy(&two, tile + t * kChunkBytes + i * 4, sizeof two);
        __m512i x = _mm512_set1_epi32(two);
        asm("" : "+v"(x));  // clang 16 dies of a broadcast that it sees become bf16
#pragma GCC unroll 2
        for (int p = 0; p < panels; ++p)
          sums[p][t] = _mm512_dpbf16_ps(sums[p][t], (__m512bh)pair[p], (__m512bh)x);
      }
    }
  }
  for (int p = 0; p < panels; ++p)
    for (int t = 0; t < rows; ++t) _mm512_store_ps(acc + (p * rows + t) * kPanelRows, sums[p][t]);
}

template <int rows>
void tile(const std::byte* panels, int64_t stride, int64_t count, int64_t columns,
          const std::byte* input, const Ahead& ahead, float* acc) {
  static_assert(kTilePanels == 2);
  ask_for(ahead);
  if (count == 2) {
    const std::byte* w[2] = {panels, panels + stride};
    multiply_tile<2, rows>(w, columns, input, acc);
  } else {
    const std::byte* w[1] = {panels};
    multiply_tile<1, rows>(w, columns, input, acc);
  }
}

template <int rows>
constexpr void fill(MatrixKernels& k) {
  k.tile[rows - 1] = tile<rows>;
  if constexpr (rows < kDenseTileRows) fill<rows + 1>(k);
}

int64_t no_bytes(int64_t) {
  return 0;
}

int64_t pairs_bytes(int64_t columns) {
  return (columns + 1) / 2 * kVectorBytes;
}

/// Panels of f16, [columns][16 rows], as those of bf16: pairs of columns.
void unpack_f16(const Panels& w, int64_t panel, int64_t count, std::byte* out) {
  constexpr int64_t kColumnBytes = kPanelRows * 2;
  for (int64_t i = 0; i < count; ++i) {
    const std::byte* in = w.panel(panel + i);
    for (int64_t k = 0; k < w.columns; k += 2, in += 2 * kColumnBytes, out += kVectorBytes) {
      __builtin_prefetch(in + kPrefetchBytes, 0, kPrefetchTo);
      const Vec pair = bf16_pairs(load_f16(in), load_f16(in + kColumnBytes));
      store(pair, reinterpret_cast<float*>(out));
    }
  }
}

constexpr MatrixKernels make_kernels(DType type) {
  MatrixKernels k{.row_bytes = row_bytes,
                  .pack_tile = pack_tile,
                  .unpacked_bytes = type == DType::f16 ? pairs_bytes : no_bytes,
                  .unpack = unpack_f16,
                  .tile_rows = kDenseTileRows};
  fill<1>(k);
  return k;
}

constexpr MatrixKernels kKernels = make_kernels(DType::bf16),
                        kF16Kernels = make_kernels(DType::f16);

const MatrixKernels& kernels_of(DType type) {
  return type == DType::f16 ? kF16Kernels : kKernels;
}

bool takes(DType type) {
  return type == DType::bf16 || type == DType::f16;
}

}  // namespace

InputForm bf16::matmul_input(DType type, int64_t columns, int64_t rows) noexcept {
  if (takes(type) && rows > kDirectRows) return InputForm::bf16;
  return scalar::matmul_input(type, columns, rows);
}

int64_t bf16::matmul_scratch(DType type, int64_t columns, int64_t rows) noexcept {
  const int64_t bytes = avx512::matmul_scratch(type, columns, rows);
  if (!takes(type)) return bytes;
  const int64_t own = scratch_bytes(kernels_of(type), columns, rows);
  return own > bytes ? own : bytes;
}

void bf16::matmul(const MatmulArgs& args) noexcept {
  if (args.input.form != InputForm::bf16) return avx512::matmul(args);
  multiply_in_tiles(kernels_of(args.w->type), args);
}

void bf16::set_matrices(Kernels& t) {
  t.matmul_input = matmul_input;
  t.matmul_scratch = matmul_scratch;
  t.matmul = matmul;
}

}  // namespace heed
