#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "engine/kernels/kernels.h"
#include "engine/kernels/pack.h"
#include "engine/quant/quant.h"
#include "tests/kernels/matrices.h"

namespace heed {
namespace {

constexpr int64_t kRowCounts[] = {1, 2, 3, 7, 8, 9, 12, 13, 16, 33, 100};
constexpr int64_t kMostRows = 100;

/// Columns that a matrix of `type` can have: odd ones for dense types.
std::vector<int64_t> column_counts(DType type) {
  switch (info(type).block) {
    case 1:
      return {1, 31, 32, 95, 256, 769};
    case kBlock:
      return {32, 96, 256, 576, 768};
    default:
      return {256, 768};
  }
}

std::string case_name(const Kernels& k, DType type) {
  return std::string(k.name) + " " + std::string(info(type).name);
}

/// What a call computes, beside the matrix.
struct Call {
  int64_t rows = 1;
  int64_t first_panel = 0;
  int64_t last_panel = -1;  // -1: all
  Epilogue epilogue = {};
  int64_t guard = kPanelAlign;  // bytes behind the scratch that must stay as they are
  bool to_bf16 = false;         // out_bf16 instead of out
  bool to_tiles = false;        // the same, in tiles
};

bool is_bf16(InputForm form) {
  return form == InputForm::bf16 || form == InputForm::bf16_tiles;
}

/// Columns of a product: half of a gated matrix.
int64_t outputs(const Matrix& m, const Epilogue& e) {
  return e.gated ? m.panels.rows / 2 : m.panels.rows;
}

constexpr float kUntouched = 1232;  // in bf16 as well

/// Runs a matmul into a misaligned output whose surroundings are guarded; returns [rows, outputs].
/// `before` is what the outputs hold beforehand.
std::vector<float> run(const Kernels& k, const Matrix& m, Input& input, const Call& call,
                       InputForm form, float before = kUntouched) {
  const int64_t width = outputs(m, call.epilogue), stride = width + 5;
  std::vector<float> out(static_cast<size_t>(3 + call.rows * stride), kUntouched);
  float* first = out.data() + 3;
  for (int64_t r = 0; r < call.rows; ++r) std::fill_n(first + r * stride, width, before);
  const int64_t scratch_bytes = k.matmul_scratch(m.panels.type, m.panels.columns, call.rows);
  const AlignedBytes scratch(scratch_bytes + call.guard);
  const bool to_bf16 = call.to_bf16 || call.to_tiles;
  std::vector<uint16_t> rounded(out.size() + static_cast<size_t>(kInputTileRows * width),
                                f32_to_bf16(kUntouched));
  std::fill_n(scratch.data(), scratch_bytes + call.guard, std::byte{0x5a});
  k.matmul({.w = &m.panels,
            .first_panel = call.first_panel,
            .last_panel = call.last_panel < 0 ? m.panels.count() : call.last_panel,
            .input = input.view(form, call.rows),
            .epilogue = call.epilogue,
            .out = first,
            .out_bf16 = to_bf16 ? rounded.data() + 3 : nullptr,
            .out_stride = call.to_tiles ? width : stride,
            .out_tiles = call.to_tiles,
            .scratch = scratch.data()});
  for (int64_t r = 0; to_bf16 && r < call.rows; ++r) {
    for (int64_t c = 0; c < (call.to_tiles ? width : stride); ++c) {
      const int64_t at = call.to_tiles ? at_in_tiles(r, c, width) : r * stride + c;
      first[r * stride + c] = bf16_to_f32(rounded[static_cast<size_t>(3 + at)]);
    }
  }
  CHECK(std::all_of(scratch.data() + scratch_bytes, scratch.data() + scratch_bytes + call.guard,
                    [](std::byte b) { return b == std::byte{0x5a}; }));
  CHECK(std::all_of(out.data(), first, [](float x) { return x == kUntouched; }));
  std::vector<float> result;
  for (int64_t r = 0; r < call.rows; ++r) {
    const float* row = first + r * stride;
    result.insert(result.end(), row, row + width);
    CHECK(std::all_of(row + width, row + stride, [](float x) { return x == kUntouched; }));
  }
  return result;
}

std::vector<float> run(const Kernels& k, const Matrix& m, Input& input, const Call& call) {
  return run(k, m, input, call, k.matmul_input(m.panels.type, m.panels.columns, call.rows));
}

/// Index of the first float whose bits differ, or -1. NaNs equal each other.
int64_t first_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i]))
      return static_cast<int64_t>(i);
  }
  return -1;
}

/// The input as the kernel of this form sees it: exactly, as doubles.
double input_value(Input& input, InputForm form, int64_t r, int64_t k) {
  const auto at = static_cast<size_t>(1 + r * input.stride + k);
  if (is_bf16(form)) return bf16_to_f32(input.bf16[at]);
  if (form == InputForm::f32) return input.f32[at];
  const Q8Rows q8 = input.q8();
  const auto value = [&](int64_t block) {
    block += r * q8.blocks();
    return q8.values[block * kRecordColumns + k % kRecordColumns] * double{q8.scales[block]};
  };
  const int64_t block = k / kRecordColumns;
  return value(block) + (q8.rest[r] == block ? value(q8.blocks() - 1) : 0);
}

/// |d code| + |m| of each weight of row n: what its product is summed from.
std::vector<double> magnitudes(const Panels& w, int64_t n, const std::vector<float>& values) {
  std::vector<double> result(values.size());
  Record record;
  for (size_t k = 0; k < values.size(); ++k) {
    result[k] = std::abs(double{values[k]});
    if (!panel_format(w.type).has_min) continue;
    unpack_record(w.type, w.panel(n / 16), static_cast<int64_t>(k / 32), record);
    const size_t g = k % 32 / 16, lane = static_cast<size_t>(n % 16);
    result[k] = std::abs(double{record.d[g][lane]}) * record.code[lane][k % 32] +
                std::abs(double{record.m[g][lane]});
  }
  return result;
}

/// Compares a product with sums in double. A sum of n terms in float, in any order, is off by at
/// most n eps/2 times the sum of magnitudes; the terms themselves see a few more roundings. Where
/// quantised weights are rounded to bf16, to 8 bits, they are off by 2^-8 of themselves, and by
/// some bits of the float that is rounded.
void check_against_double(const Kernels& k, const Matrix& m, Input& input, int64_t rows) {
  const Panels& w = m.panels;
  const InputForm form = k.matmul_input(w.type, w.columns, rows);
  const std::vector<float> result = run(k, m, input, {.rows = rows});
  std::vector<float> row(static_cast<size_t>(w.columns));
  double worst = 0;
  for (int64_t n = 0; n < w.rows; ++n) {
    dequantize_row(w.type, m.file.data() + n * row_bytes(w.type, w.columns), row.data(), w.columns);
    if (is_bf16(form) && !is_quantized(w.type)) {
      for (float& x : row) x = bf16_to_f32(f32_to_bf16(x));
    }
    const std::vector<double> magnitude = magnitudes(w, n, row);
    for (int64_t r = 0; r < rows; ++r) {
      double sum = 0, sum_of_magnitudes = 0;
      for (int64_t c = 0; c < w.columns; ++c) {
        const double x = input_value(input, form, r, c);
        sum += x * row[static_cast<size_t>(c)];
        sum_of_magnitudes += std::abs(x) * magnitude[static_cast<size_t>(c)];
      }
      const double error = std::abs(sum - result[static_cast<size_t>(r * w.rows + n)]);
      worst = std::max(worst, error / (sum_of_magnitudes + 1e-30));
    }
  }
  const double eps = std::numeric_limits<float>::epsilon();
  const bool rounds = is_bf16(form) && is_quantized(w.type);
  CHECK(worst <= (static_cast<double>(w.columns) / 2 + 4) * eps + (rounds ? 0x1.04p-8 : 0));
}

/// Whether bf16 numbers equal `exact` but for rounding and what activations may be off before that,
/// each times its factor.
bool is_near(const std::vector<float>& halves, const std::vector<float>& exact,
             const std::vector<float>& factors) {
  for (size_t i = 0; i < exact.size(); ++i) {
    const float room = std::abs(exact[i]) * (0x1p-8f + 0x1p-11f) + 1.5e-5f * std::abs(factors[i]);
    if (!(std::abs(halves[i] - exact[i]) <= room)) return false;
  }
  return halves.size() == exact.size();
}

}  // namespace

TEST_CASE("a product is the sum of products, in every table and input form") {
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    for (const DType type : kWeightTypes) {
      for (const int64_t columns : column_counts(type)) {
        CAPTURE(case_name(k, type));
        CAPTURE(columns);
        const Matrix m(k, type, 35, columns, 1);
        Input input(k, 17, columns, 2);
        check_against_double(k, m, input, 3);
        check_against_double(k, m, input, 17);
      }
    }
  }
}

TEST_CASE("every table gives the scalar table's bits, whatever the number of rows") {
  const Kernels& scalar = kernels(Isa::scalar);
  for (const DType type : kWeightTypes) {
    for (const int64_t columns : column_counts(type)) {
      const Matrix m(scalar, type, 83, columns, 3);
      Input input(scalar, kMostRows, columns, 4);
      const std::vector<float> expected = run(scalar, m, input, {.rows = kMostRows});
      for (const Isa isa : machine_isas()) {
        const Kernels& k = kernels(isa);
        CAPTURE(case_name(k, type));
        CAPTURE(columns);
        for (const int64_t rows : kRowCounts) {
          CAPTURE(rows);
          if (is_bf16(k.matmul_input(type, columns, rows))) continue;
          const std::vector<float> prefix(expected.begin(), expected.begin() + rows * 83);
          CHECK(first_difference(run(k, m, input, {.rows = rows}), prefix) == -1);
        }
      }
    }
  }
}

TEST_CASE("two ranges of panels make the whole") {
  const Kernels& scalar = kernels(Isa::scalar);
  for (const DType type : kWeightTypes) {
    const Matrix m(scalar, type, 75, 256, 5);
    Input input(scalar, 33, 256, 6);
    for (const Isa isa : machine_isas()) {
      const Kernels& k = kernels(isa);
      CAPTURE(case_name(k, type));
      for (const int64_t rows : {1, 5, 33}) {
        CAPTURE(rows);
        const std::vector<float> whole = run(k, m, input, {.rows = rows});
        for (const int64_t split : {1, 2, 3}) {
          const auto first = run(k, m, input, {.rows = rows, .last_panel = split});
          auto both = run(k, m, input, {.rows = rows, .first_panel = split});
          for (size_t i = 0; i < both.size(); ++i) {
            const bool in_first = static_cast<int64_t>(i) % 75 < split * kPanelRows;
            CHECK((in_first ? both : first)[i] == kUntouched);  // a range writes its own columns
            if (in_first) both[i] = first[i];
          }
          CHECK(first_difference(both, whole) == -1);
        }
      }
    }
  }
}

TEST_CASE("rows in tiles have the same bits in one block of rows as in several") {
  constexpr int64_t kColumns = 1280;  // of several chunks, where there are several blocks
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    for (const DType type : {DType::bf16, DType::f16, DType::q8_0}) {
      CAPTURE(case_name(k, type));
      const Matrix m(k, type, 83, kColumns, 13);
      Input input(k, 49, kColumns, 14);
      const std::vector<float> expected = run(k, m, input, {.rows = 49});
      for (const int64_t rows : {17, 31, 32, 33}) {
        CAPTURE(rows);
        if (k.matmul_input(type, kColumns, rows) != InputForm::bf16_tiles) continue;
        const std::vector<float> prefix(expected.begin(), expected.begin() + rows * 83);
        CHECK(first_difference(run(k, m, input, {.rows = rows}), prefix) == -1);
      }
    }
  }
}

TEST_CASE("very wide matrices stay within their scratch") {
  constexpr int64_t kFewRows[] = {1, 3, 4};
  constexpr int64_t kManyRows[] = {1, 5, 6, 7, 14, 15, 16, 17, 33};
  // A tile of inputs takes more than the kernels mean to hold: of AVX-512's, then of AVX2's.
  for (const int64_t columns : {51200, 215040}) {
    CAPTURE(columns);
    const bool widest = columns > 100000;
    Input input(kernels(Isa::scalar), widest ? 4 : 33, columns, 12);
    for (const DType type : kWeightTypes) {
      const Matrix m(kernels(Isa::scalar), type, 1, columns, 11);
      for (const Isa isa : machine_isas()) {
        const Kernels& k = kernels(isa);
        CAPTURE(case_name(k, type));
        const bool few = isa == Isa::scalar || widest;
        for (const int64_t rows : few ? std::span<const int64_t>(kFewRows) : kManyRows) {
          CAPTURE(rows);
          run(k, m, input, {.rows = rows, .guard = rows * columns * 4});
          // The scratch of a plan serves fewer rows than it was asked for as well.
          CHECK(k.matmul_scratch(type, columns, rows) <= k.matmul_scratch(type, columns, rows + 1));
        }
      }
    }
  }
}

TEST_CASE("the epilogue adds the bias, activates, multiplies the gate and accumulates") {
  constexpr Activation kActivations[] = {Activation::none, Activation::relu,      Activation::silu,
                                         Activation::gelu, Activation::gelu_tanh, Activation::tanh};
  constexpr int64_t kRows = 128;  // of the matrix: 8 panels
  std::vector<float> bias(kRows);
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = 0.25f * static_cast<float>(i % 7) - 0.5f;
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    for (const DType type : {DType::q4_0, DType::f32, DType::bf16}) {
      CAPTURE(case_name(k, type));
      const Matrix m(k, type, kRows, 64, 7);
      Input input(k, 33, 64, 8, /*magnitude=*/0.03f);  // where activations are not flat
      for (int i = 0; i < 6 * 8; ++i) {
        const bool gated = i % 2 != 0, accumulate = i / 2 % 2 != 0, biased = i / 4 % 2 != 0;
        const Activation activation = kActivations[i / 8];
        CAPTURE(static_cast<int>(activation));
        CAPTURE(gated);
        CAPTURE(accumulate);
        CAPTURE(biased);
        for (const int64_t rows : {1, 3, 33}) {
          CAPTURE(rows);
          const std::vector<float> plain = run(k, m, input, {.rows = rows});
          const Call call{.rows = rows,
                          .epilogue = {.bias = biased ? bias.data() : nullptr,
                                       .activation = activation,
                                       .gated = gated,
                                       .accumulate = accumulate}};
          const std::vector<float> result =
              run(k, m, input, call, k.matmul_input(type, 64, rows), /*before=*/0.75f);
          const int64_t width = gated ? kRows / 2 : kRows;
          std::vector<float> expected, factors;
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < width; ++c) {
              const int64_t n = gated ? c / 16 * 32 + c % 16 : c;
              const float* first = &plain[static_cast<size_t>(r * kRows + n)];
              const float* b = biased ? &bias[static_cast<size_t>(n)] : nullptr;
              float value = first[0] + (b ? b[0] : 0);
              k.activate(activation, 1, &value);
              factors.push_back(gated ? first[16] + (b ? b[16] : 0) : 1);
              if (gated) value *= factors.back();
              expected.push_back(accumulate ? 0.75f + value : value);
            }
          }
          CHECK(first_difference(result, expected) == -1);
          if (accumulate) continue;
          Call rounded = call;
          rounded.to_bf16 = true;
          const std::vector<float> halves = run(k, m, input, rounded);
          Call tiled = call;
          tiled.to_tiles = true;
          CHECK(first_difference(run(k, m, input, tiled), halves) == -1);
          const bool tiles = k.matmul_input(type, 64, rows) == InputForm::bf16_tiles;
          if (tiles && activation != Activation::none) {
            CHECK(is_near(halves, expected, factors));
            continue;
          }
          for (float& value : expected) value = bf16_to_f32(f32_to_bf16(value));
          CHECK(first_difference(halves, expected) == -1);
        }
      }
    }
  }
}

TEST_CASE("a row that holds a NaN or an infinity gives NaN, and spoils no other row") {
  const Kernels& scalar = kernels(Isa::scalar);
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    for (const DType type : kWeightTypes) {
      CAPTURE(case_name(k, type));
      const Matrix m(scalar, type, 35, 256, 9);
      Input input(scalar, 17, 256, 10);
      const std::vector<float> good = run(k, m, input, {.rows = 17});
      input.f32[static_cast<size_t>(1 + 4 * input.stride + 100)] = NAN;
      input.round(k);
      const std::vector<float> spoilt = run(k, m, input, {.rows = 17});
      for (size_t i = 0; i < spoilt.size(); ++i) {
        const bool bad_row = i / 35 == 4;
        CHECK(std::isnan(spoilt[i]) == bad_row);
        if (!bad_row) CHECK(spoilt[i] == good[i]);
      }
    }
  }
}

}  // namespace heed
