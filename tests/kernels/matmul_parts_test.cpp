// Products of floats in parts (InputForm::f32_tiles), of the tables that have tiles.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/core/thread_team.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/pack.h"
#include "tests/kernels/matrices.h"

namespace heed {
namespace {

constexpr int64_t kRows = 100;     // of the input
constexpr int64_t kOutputs = 128;  // rows of the matrix

std::vector<const Kernels*> tables_with_tiles() {
  std::vector<const Kernels*> tables;
  for (const Isa isa : machine_isas()) {
    if (kernels(isa).has_tiles) tables.push_back(&kernels(isa));
  }
  return tables;
}

/// A random matrix and random rows, as floats and in parts.
struct Product {
  Matrix plain;
  Input input;
  AlignedBytes bytes;
  Panels panels;
  std::vector<uint16_t> tiles;

  Product(const Kernels& k, int64_t columns, int64_t outputs = kOutputs)
      : plain(k, DType::f32, outputs, columns, 1),
        input(k, kRows, columns, 2, /*magnitude=*/0.3f),
        bytes(plain.panels.count() * panel_bytes_in_parts(columns)),
        panels(plain.panels),
        tiles(static_cast<size_t>(input_tiles(kRows) * kInputTileRows * columns * kF32Parts)) {
    panels.panel_bytes = panel_bytes_in_parts(columns);
    panels.data = bytes.data();
    panels.in_parts = true;
    for (int64_t p = 0; p < panels.count(); ++p) {
      pack_parts(plain.file.data() + p * kPanelRows * columns * int64_t{sizeof(float)},
                 std::min<int64_t>(kPanelRows, outputs - p * kPanelRows), columns,
                 bytes.data() + p * panels.panel_bytes);
    }
    split(k);
  }

  float* row(int64_t r) { return input.f32.data() + 1 + r * input.stride; }
  void split(const Kernels& k) {
    for (int64_t r = 0; r < kRows; ++r) k.to_f32_tiles(row(r), panels.columns, r, tiles.data());
  }

  /// [rows, width] that held `before`; a range of panels leaves other columns as they are.
  std::vector<float> run(const Kernels& k, int64_t rows, bool in_parts = true,
                         const Epilogue& epilogue = {}, float before = 0, Range range = {}) {
    const int64_t width = epilogue.gated ? panels.rows / 2 : panels.rows;
    std::vector<float> out(static_cast<size_t>(rows * width), before);
    const AlignedBytes scratch(k.matmul_scratch(DType::f32, panels.columns, rows));
    MatmulInput in = input.view(InputForm::f32, rows);
    if (in_parts) {
      in.form = InputForm::f32_tiles;
      in.bf16 = tiles.data();
      in.stride = kF32Parts * panels.columns;
    }
    k.matmul({.w = in_parts ? &panels : &plain.panels,
              .first_panel = range.begin,
              .last_panel = range.end ? range.end : panels.count(),
              .input = in,
              .epilogue = epilogue,
              .out = out.data(),
              .out_stride = width,
              .scratch = scratch.data()});
    return out;
  }

  /// The largest error of products, against sums in double of magnitudes.
  double worst_error(const std::vector<float>& found) {
    double worst = 0;
    const auto* w = reinterpret_cast<const float*>(plain.file.data());
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t n = 0; n < panels.rows; ++n) {
        double sum = 0, magnitude = 0;
        for (int64_t c = 0; c < panels.columns; ++c) {
          const double term = double{row(r)[c]} * w[n * panels.columns + c];
          sum += term;
          magnitude += std::abs(term);
        }
        const double error = found[static_cast<size_t>(r * panels.rows + n)] - sum;
        worst = std::max(worst, std::abs(error) / magnitude);
      }
    }
    return worst;
  }
};

}  // namespace

TEST_CASE("floats in parts are multiplied as exactly as floats") {
  for (const Kernels* k : tables_with_tiles()) {
    for (const int64_t columns : {32, 96, 384, 416, 1536}) {
      CAPTURE(columns);
      Product product(*k, columns);
      const double in_parts = product.worst_error(product.run(*k, kRows));
      const double floats = product.worst_error(product.run(*k, kRows, /*in_parts=*/false));
      CAPTURE(in_parts);
      CAPTURE(floats);
      CHECK(in_parts <= floats);
    }
  }
}

TEST_CASE("products of parts have the same bits, however many rows and panels a call has") {
  for (const Kernels* k : tables_with_tiles()) {
    for (const int64_t columns : {96, 1536}) {
      for (const int64_t outputs : {kOutputs, int64_t{83}}) {
        CAPTURE(columns);
        CAPTURE(outputs);
        Product product(*k, columns, outputs);
        const std::vector<float> all = product.run(*k, kRows);
        for (const int64_t rows : {1, 2, 15, 16, 17, 32, 33, 64}) {
          CAPTURE(rows);
          CHECK(product.run(*k, rows) ==
                std::vector<float>(all.begin(), all.begin() + rows * outputs));
        }
        const int64_t panels = product.panels.count();
        const auto first = product.run(*k, kRows, true, {}, 0, {0, 3});
        auto both = product.run(*k, kRows, true, {}, 0, {3, panels});
        for (size_t i = 0; i < both.size(); ++i) both[i] += first[i];
        CHECK(both == all);
      }
    }
  }
}

TEST_CASE("products of parts go through the epilogue as floats") {
  std::vector<float> bias(kOutputs);
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = 0.25f * static_cast<float>(i % 7) - 0.5f;
  for (const Kernels* k : tables_with_tiles()) {
    Product product(*k, 64);
    const std::vector<float> plain = product.run(*k, kRows);
    const auto biased = [&](int64_t r, int64_t n) {
      return plain[static_cast<size_t>(r * kOutputs + n)] + bias[static_cast<size_t>(n)];
    };
    for (const Activation activation : {Activation::none, Activation::gelu, Activation::silu}) {
      for (const bool gated : {false, true}) {
        for (const bool accumulate : {false, true}) {
          CAPTURE(static_cast<int>(activation));
          CAPTURE(gated);
          CAPTURE(accumulate);
          const int64_t width = gated ? kOutputs / 2 : kOutputs;
          std::vector<float> expected;
          for (int64_t i = 0; i < kRows * width; ++i) {
            const int64_t c = i % width, n = gated ? c / 16 * 32 + c % 16 : c;
            float value = biased(i / width, n);
            k->activate(activation, 1, &value);
            if (gated) value *= biased(i / width, n + 16);
            expected.push_back(accumulate ? 0.75f + value : value);
          }
          const Epilogue epilogue{.bias = bias.data(),
                                  .activation = activation,
                                  .gated = gated,
                                  .accumulate = accumulate};
          CHECK(product.run(*k, kRows, true, epilogue, 0.75f) == expected);
        }
      }
    }
  }
}

TEST_CASE("a row in parts that holds a NaN or an infinity gives NaN, and spoils no other row") {
  for (const Kernels* k : tables_with_tiles()) {
    for (const float bad : {NAN, INFINITY}) {
      Product product(*k, 384);
      const std::vector<float> good = product.run(*k, kRows);
      product.row(4)[100] = bad;
      product.split(*k);
      const std::vector<float> spoilt = product.run(*k, kRows);
      for (size_t i = 0; i < spoilt.size(); ++i) {
        const bool bad_row = i / kOutputs == 4;
        CHECK(std::isnan(spoilt[i]) == bad_row);
        if (!bad_row) CHECK(spoilt[i] == good[i]);
      }
    }
  }
}

}  // namespace heed
