// Matrix products one value at a time: the specification of the "matrices" entries of the table
// (contracts: kernels.h, panel layout: pack.h). Every other table gives the same bits for the
// products of quantised and f32 matrices; activations may differ in the last places.
#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/core/half.h"
#include "engine/kernels/pack.h"
#include "engine/kernels/tables.h"

namespace heed {

float scalar::largest_magnitude(const float* x, int64_t n) {
  uint32_t max = 0;  // as integers too, NaN > infinity > finite numbers
  for (int64_t i = 0; i < n; ++i) max = std::max(max, std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu);
  return std::bit_cast<float>(max);
}

int8_t scalar::q8_code(float x, float factor) {
  // To nearest, ties to even; factor 0 is kept from meeting an infinity.
  return factor != 0 ? static_cast<int8_t>(std::lrint(x * factor)) : int8_t{0};
}

namespace {

/// Rounds one block; `sums` gets those of its halves. Returns the scale.
float quantize_block(const float* x, int8_t* values, int32_t* sums) {
  const auto [factor, scale] = q8_scale(scalar::largest_magnitude(x, kRecordColumns));
  sums[0] = sums[1] = 0;
  for (int i = 0; i < kRecordColumns; ++i) {
    values[i] = scalar::q8_code(x[i], factor);
    sums[i / 16] += values[i];
  }
  return scale;
}

/// The block whose scale squared is more than half of what all others have together; -1 if there is
/// none.
int64_t outlier_block(const float* scales, int64_t blocks) {
  int64_t coarsest = 0;
  float squares = 0;
  for (int64_t i = 0; i < blocks; ++i) {
    if (scales[i] > scales[coarsest]) coarsest = i;
    squares = std::fma(scales[i], scales[i], squares);
  }
  return kOutlierShare * scales[coarsest] * scales[coarsest] > squares ? coarsest : -1;
}

void quantize_q8(const float* x, const Q8Rows& out, int64_t row) {
  const int64_t blocks = out.columns / kRecordColumns;
  int8_t* values = out.values + row * out.blocks() * kRecordColumns;
  float* scales = out.scales + row * out.blocks();
  int32_t* sums = out.sums + row * out.blocks() * 2;
  for (int64_t i = 0; i < blocks; ++i) {
    scales[i] = quantize_block(x + i * kRecordColumns, values + i * kRecordColumns, sums + 2 * i);
  }
  const int64_t coarsest = outlier_block(scales, blocks);
  out.rest[row] = static_cast<int32_t>(coarsest);
  if (coarsest < 0) return;
  float rest[kRecordColumns];
  for (int i = 0; i < kRecordColumns; ++i) {
    const int64_t at = coarsest * kRecordColumns + i;
    rest[i] = std::fma(-static_cast<float>(values[at]), scales[coarsest], x[at]);
  }
  scales[blocks] = quantize_block(rest, values + blocks * kRecordColumns, sums + 2 * blocks);
}

/// The sums of all rows over two panels, [2][rows][16].
int64_t matmul_scratch(DType, int64_t, int64_t rows) {
  return 2 * rows * kPanelRows * static_cast<int64_t>(sizeof(float));
}

/// acc[n] += the product of block `index` of input row `row` with the record of row n of the panel.
/// For each group of columns with a scale of its own: one fused multiply-add for the integer part,
/// one for the minimum. The integers are below 2^24, hence exact as floats.
void add_record(const PanelFormat& format, const Record& record, const Q8Rows& q8, int64_t row,
                int64_t index, float* acc) {
  const int64_t block = row * q8.blocks() + index;
  const int8_t* values = q8.values + block * kRecordColumns;
  const float scale = q8.scales[block];
  const int32_t* sums = q8.sums + block * 2;
  const int columns = kRecordColumns / format.groups;
  for (int n = 0; n < kPanelRows; ++n) {
    for (int g = 0; g < format.groups; ++g) {
      int32_t dot = 0;
      for (int k = g * columns; k < (g + 1) * columns; ++k)
        dot += (record.code[n][k] - format.zero) * values[k];
      acc[n] = std::fma(static_cast<float>(dot) * record.d[g][n], scale, acc[n]);
      if (!format.has_min) continue;
      const int32_t sum = format.groups == 2 ? sums[g] : sums[0] + sums[1];
      acc[n] = std::fma(record.m[g][n], scale * static_cast<float>(sum), acc[n]);
    }
  }
}

void quantized_product(const MatmulArgs& args, int64_t panel, float* acc /* [rows, 16] */) {
  const PanelFormat format = panel_format(args.w->type);
  Record record;
  for (int64_t i = 0; i < args.w->columns / kRecordColumns; ++i) {
    unpack_record(args.w->type, args.w->panel(panel), i, record);
    for (int64_t r = 0; r < args.input.rows; ++r)
      add_record(format, record, args.input.q8, r, i, acc + r * kPanelRows);
  }
  const Q8Rows& q8 = args.input.q8;
  for (int64_t r = 0; r < args.input.rows; ++r) {
    if (q8.rest[r] < 0) continue;
    unpack_record(args.w->type, args.w->panel(panel), q8.rest[r], record);
    add_record(format, record, q8, r, q8.blocks() - 1, acc + r * kPanelRows);
  }
}

void dense_product(const MatmulArgs& args, int64_t panel, float* acc /* [rows, 16] */) {
  for (int64_t k = 0; k < args.w->columns; ++k) {
    float w[kPanelRows];
    for (int n = 0; n < kPanelRows; ++n)
      w[n] = dense_value(args.w->type, args.w->panel(panel), n, k);
    for (int64_t r = 0; r < args.input.rows; ++r) {
      const float x = args.input.f32[r * args.input.stride + k];
      for (int n = 0; n < kPanelRows; ++n)
        acc[r * kPanelRows + n] = std::fma(x, w[n], acc[r * kPanelRows + n]);
    }
  }
}

/// Stores row r of one panel's products, or of a gate and an up panel's.
void store(const MatmulArgs& args, int64_t panel, int64_t r, const float* first, const float* up) {
  const Epilogue& e = args.epilogue;
  const int64_t column = (up ? panel / 2 : panel) * kPanelRows;
  const int64_t outputs = up ? args.w->rows / 2 : args.w->rows;
  const int64_t at = place_of(args, r, column);
  for (int64_t n = 0; n < std::min<int64_t>(kPanelRows, outputs - column); ++n) {
    const float* bias = e.bias ? e.bias + panel * kPanelRows + n : nullptr;
    float value = scalar::activated(e.activation, bias ? first[n] + bias[0] : first[n]);
    if (up) value *= bias ? up[n] + bias[kPanelRows] : up[n];
    if (args.out_bf16) {
      args.out_bf16[at + n] = f32_to_bf16(value);
    } else {
      args.out[at + n] = e.accumulate ? args.out[at + n] + value : value;
    }
  }
}

void matmul(const MatmulArgs& args) {
  const auto product = is_quantized(args.w->type) ? quantized_product : dense_product;
  const int64_t rows = args.input.rows;
  const int64_t step = args.epilogue.gated ? 2 : 1;
  auto* acc = reinterpret_cast<float*>(args.scratch);
  float* up = args.epilogue.gated ? acc + rows * kPanelRows : nullptr;
  for (int64_t panel = args.first_panel; panel < args.last_panel; panel += step) {
    std::fill_n(acc, step * rows * kPanelRows, 0.0f);
    product(args, panel, acc);
    if (up) product(args, panel + 1, up);
    for (int64_t r = 0; r < rows; ++r)
      store(args, panel, r, acc + r * kPanelRows, up ? up + r * kPanelRows : nullptr);
  }
}

}  // namespace

InputForm scalar::matmul_input(DType type, int64_t, int64_t) noexcept {
  return is_quantized(type) ? InputForm::q8 : InputForm::f32;
}

void scalar::set_matrices(Kernels& t) {
  t.panel_bytes = panel_bytes;
  t.pack = pack_panel;
  t.matmul_input = scalar::matmul_input;
  t.many_rows_type = [](DType type) { return type; };
  t.matmul_scratch = matmul_scratch;
  t.matmul = matmul;
  t.quantize_q8 = quantize_q8;
}

}  // namespace heed
