// How the kernel tables are put together: each instruction set's table file copies the table below
// it and lets its own files override groups of entries. Used by the table files, dispatch and
// tests.
#pragma once

#include "engine/kernels/kernels.h"

namespace heed {

/// Each may be called only on a machine that has the instruction set: the code that builds the
/// table is itself compiled for it. `with_bf16`: the CPU has AVX512_BF16.
Kernels scalar_table();
Kernels avx2_table();
Kernels avx512_table(bool with_bf16);
Kernels amx_table();

namespace scalar {
void set_matrices(Kernels& table);
InputForm matmul_input(DType type, int64_t columns, int64_t rows) noexcept;
void set_rows(Kernels& table);
void set_attention(Kernels& table);

/// One value of Kernels::activate.
float activated(Activation activation, float x);

/// The largest |x|; NaN counts as larger than all others.
float largest_magnitude(const float* x, int64_t n);

/// x as a code of 8 bits with that factor (Q8Scale).
int8_t q8_code(float x, float factor);
}  // namespace scalar

namespace avx2 {
void set_matrices(Kernels& table);
void set_rows(Kernels& table);
void set_attention(Kernels& table);
void attend(const AttendArgs& args) noexcept;
}  // namespace avx2

namespace avx512 {
void set_matrices(Kernels& table);
int64_t matmul_scratch(DType type, int64_t columns, int64_t rows) noexcept;
void matmul(const MatmulArgs& args) noexcept;
void set_rows(Kernels& table);
void set_attention(Kernels& table);
void attend(const AttendArgs& args) noexcept;
}  // namespace avx512

namespace bf16 {  // AVX-512 with AVX512_BF16
void set_matrices(Kernels& table);
InputForm matmul_input(DType type, int64_t columns, int64_t rows) noexcept;
int64_t matmul_scratch(DType type, int64_t columns, int64_t rows) noexcept;
void matmul(const MatmulArgs& args) noexcept;
void set_attention(Kernels& table);
}  // namespace bf16

namespace amx {
void set_matrices(Kernels& table);
void matmul_by_vectors(const MatmulArgs& args) noexcept;
void set_attention(Kernels& table);
/// Heads together, where takes_heads().
bool takes_heads(const AttendHeadsArgs& args) noexcept;
void attend_heads(const AttendHeadsArgs& args) noexcept;
}  // namespace amx

}  // namespace heed
