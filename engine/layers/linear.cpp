#include "engine/layers/linear.h"

#include <algorithm>

namespace heed {
namespace {

/// Up to this many rows every thread prepares the whole input for itself: normalising and rounding
/// a few rows costs less than the barrier that sharing them would need.
constexpr int64_t kPrivateRows = 4;

/// From so many rows a thread on, threads split the rows instead of the matrix: each prepares its
/// own and waits for nobody, where otherwise every thread would bring all of them into its tiles.
constexpr int64_t kRowsApiece = 48;

/// Columns that a fine product makes at a time: its rows then stay in the nearest caches until
/// they are added up.
constexpr int64_t kFineColumns = 512;

/// x -= what row `row` of `rounded` holds of it.
void subtract(const Q8Rows& rounded, int64_t row, float* x) {
  const int8_t* values = rounded.values + row * rounded.blocks() * kRecordColumns;
  const float* scales = rounded.scales + row * rounded.blocks();
  for (int64_t c = 0; c < rounded.columns; ++c) {
    x[c] -= static_cast<float>(values[c]) * scales[c / kRecordColumns];
  }
  if (rounded.rest[row] < 0) return;
  float* block = x + rounded.rest[row] * kRecordColumns;
  for (int64_t i = 0; i < kRecordColumns; ++i) {
    block[i] -= static_cast<float>(values[rounded.columns + i]) * scales[rounded.blocks() - 1];
  }
}

/// The arrays of Q8Rows, or rows of floats (the larger form serves both), in one block.
MatmulInput carve(InputForm form, int64_t columns, int64_t rows, ScratchSplitter& memory) {
  MatmulInput input{.form = form, .stride = columns, .rows = rows};
  if (form == InputForm::q8) {
    input.q8.columns = columns;
    input.q8.rest = memory.take<int32_t>(rows);
    const int64_t blocks = rows * input.q8.blocks();
    input.q8.values = memory.take<int8_t>(blocks * kRecordColumns);
    input.q8.scales = memory.take<float>(blocks);
    input.q8.sums = memory.take<int32_t>(blocks * 2);
  } else if (form == InputForm::bf16) {
    input.bf16 = memory.take<uint16_t>(rows * columns);
  } else if (in_tiles(form)) {
    if (form == InputForm::f32_tiles) input.stride = kF32Parts * columns;
    input.bf16 = memory.take<uint16_t>(input_tiles(rows) * kInputTileRows * input.stride);
  } else {
    input.f32 = memory.take<float>(rows * columns);
  }
  return input;
}

MatmulInput some_rows(MatmulInput input, Range rows) {
  if (input.form == InputForm::q8) {
    const int64_t blocks = rows.begin * input.q8.blocks();
    input.q8.values += blocks * kRecordColumns;
    input.q8.scales += blocks;
    input.q8.sums += blocks * 2;
    input.q8.rest += rows.begin;
  } else if (input.form == InputForm::f32) {
    input.f32 += rows.begin * input.stride;
  } else {  // tiles: a whole number of them
    input.bf16 += rows.begin * input.stride;
  }
  input.rows = rows.end - rows.begin;
  return input;
}

}  // namespace

int64_t LinearStep::input_bytes(int64_t rows) const {
  // Floats are the largest form, larger than two rows of int8, but for the block that those have
  // more, and but for tiles of few rows and of parts; four paddings are the most that carve() adds.
  const int64_t columns = parts.front().panels.columns + kRecordColumns;
  if (parts.front().many_rows)
    return input_tiles(rows) * kInputTileRows * columns * kF32Parts * int64_t{sizeof(uint16_t)};
  return std::max(rows, kInputTileRows / 2) * columns * static_cast<int64_t>(sizeof(float)) +
         4 * kPanelAlign;
}

int64_t LinearStep::scratch_bytes(const Kernels& kernels, int64_t rows) const {
  const int64_t tile = fine ? 2 * rows * kFineColumns * static_cast<int64_t>(sizeof(float)) : 0;
  int64_t matmul = 0;
  for (const LinearPart& part : parts) {
    matmul = std::max(matmul, part.scratch_bytes(kernels, fine ? 2 * rows : rows));
  }
  return input_bytes(kPrivateRows) + input_bytes(1) + ScratchSplitter::padded(tile) +
         ScratchSplitter::padded(matmul);
}

int64_t LinearStep::row_count(const Run& run) const {
  return wanted_only ? static_cast<int64_t>(run.pass.wanted.size())
                     : run.pass.rows() - run.first_row(tail);
}

/// Brings rows of the input into the form that the kernels asked for.
void LinearStep::prepare_rows(const Run& run, const MatmulInput& input, Range rows,
                              float* normed) const {
  const float* x = run.rows(in);
  const int64_t first = run.first_row(tail);
  const int64_t columns = parts.front().panels.columns;
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const float* row = x + (wanted_only ? run.pass.wanted[r] : first + r) * in.width;
    const bool keep = input.form == InputForm::f32;
    float* plain = keep ? const_cast<float*>(input.f32) + r * input.stride : normed;
    if (norm) {
      norm->apply(run.kernels, row, columns, plain);
      row = plain;
    } else if (keep) {
      std::copy_n(row, columns, plain);
    }
    if (input.form == InputForm::q8 && fine) {
      run.kernels.quantize_q8(row, input.q8, 2 * r);
      if (row != normed) std::copy_n(row, columns, normed);
      subtract(input.q8, 2 * r, normed);
      run.kernels.quantize_q8(normed, input.q8, 2 * r + 1);
    } else if (input.form == InputForm::q8) {
      run.kernels.quantize_q8(row, input.q8, r);
    }
    if (input.bf16)
      write_row(run.kernels, input.form, row, columns, r, const_cast<uint16_t*>(input.bf16));
  }
}

/// Whether each thread multiplies some rows with the whole matrix.
bool LinearStep::splits_rows(const Run& run) const {
  return !fine && row_count(run) >= kRowsApiece * run.team.size();
}

/// The rows that a thread prepares: if it multiplies no others, whole tiles, where it reads or
/// writes tiles.
Range LinearStep::rows_of(const Run& run, int thread) const {
  const int64_t rows = row_count(run);
  const auto takes_tiles = [&](const LinearPart& part) {
    return in_tiles(part.input_form(run.kernels, rows));
  };
  if (!splits_rows(run) || !(takes_tiles(parts.front()) || (reader && takes_tiles(*reader)))) {
    return split(rows, thread, run.team.size());
  }
  const Range tiles = split(input_tiles(rows), thread, run.team.size());
  const auto row_at = [=](int64_t tile) { return std::min(tile * kInputTileRows, rows); };
  return {row_at(tiles.begin), row_at(tiles.end)};
}

MatmulInput LinearStep::prepare(const Run& run, int thread, ScratchSplitter& scratch) const {
  const int64_t rows = row_count(run);
  const InputForm form = parts.front().input_form(run.kernels, rows);
  const int64_t columns = parts.front().panels.columns;
  const Range mine = rows_of(run, thread);
  const int64_t first = run.first_row(tail) * in.width;
  if (rounded_in && form_for(run, parts.front(), *rounded_in, rows) != InputForm::f32) {
    const MatmulInput input{
        .form = form, .bf16 = run.halves(*rounded_in) + first, .stride = in.width, .rows = rows};
    return splits_rows(run) ? some_rows(input, mine) : input;
  }
  if (form == InputForm::f32 && !norm && !wanted_only && in.width == columns) {
    const MatmulInput input{
        .form = form, .f32 = run.rows(in) + first, .stride = in.width, .rows = rows};
    return splits_rows(run) ? some_rows(input, mine) : input;
  }
  const int64_t given = fine && form == InputForm::q8 ? 2 * rows : rows;
  float* normed = scratch.take<float>(columns);
  if (rows <= kPrivateRows) {
    const MatmulInput input = carve(form, columns, given, scratch);
    prepare_rows(run, input, {0, rows}, normed);
    return input;
  }
  ScratchSplitter shared(run.arena + shared_input);
  const MatmulInput input = carve(form, columns, given, shared);
  prepare_rows(run, input, mine, normed);
  if (splits_rows(run)) return some_rows(input, mine);
  run.team.barrier(thread);
  return input;
}

/// The product of 2 * rows rows, pairs of which are added up, bias last. The sums of some columns
/// at a time lie at the start of the scratch memory.
void LinearStep::multiply_fine(const Run& run, MatmulArgs args) const {
  const Panels& whole = *args.w;
  const int64_t end = std::min(args.last_panel * kPanelRows, whole.rows);
  const float* bias = args.epilogue.bias;
  float* rows_out = args.out;
  ScratchSplitter scratch(args.scratch);
  args.out = scratch.take<float>(args.input.rows * kFineColumns);
  args.out_stride = kFineColumns;
  args.scratch = scratch.take<std::byte>(0);
  args.epilogue = {};
  for (int64_t begin = args.first_panel * kPanelRows; begin < end; begin += kFineColumns) {
    const int64_t columns = std::min(kFineColumns, end - begin);
    const Panels part{.type = whole.type,
                      .rows = columns,
                      .columns = whole.columns,
                      .panel_bytes = whole.panel_bytes,
                      .data = whole.panel(begin / kPanelRows)};
    args.w = &part;
    args.first_panel = 0;
    args.last_panel = part.count();
    run.kernels.matmul(args);
    for (int64_t r = 0; r < args.input.rows / 2; ++r) {
      const float* pair = args.out + 2 * r * kFineColumns;
      float* to = rows_out + r * out.width + begin;
      for (int64_t c = 0; c < columns; ++c) {
        to[c] = pair[c] + pair[c + kFineColumns] + (bias ? bias[begin + c] : 0);
      }
    }
  }
}

/// This thread's share of one part.
void LinearStep::multiply(const Run& run, int thread, const LinearPart& part,
                          MatmulArgs args) const {
  args.epilogue.bias = part.bias;
  const int64_t unit = epilogue.gated ? 2 : 1;  // panels that one thread must have together
  const int64_t units = part.panels.count() / unit;
  const Range mine = splits_rows(run) ? Range{0, units} : split(units, thread, run.team.size());
  if (mine.begin == mine.end) return;
  args.w = &part.panels_for(args.input.form);
  args.first_panel = mine.begin * unit;
  args.last_panel = mine.end * unit;
  if (fine && args.input.rows == 2 * row_count(run)) {
    multiply_fine(run, args);
  } else {
    run.kernels.matmul(args);
  }
}

void LinearStep::run(const Run& run, int thread) const {
  const int64_t rows = row_count(run);
  if (rows == 0) return;
  ScratchSplitter scratch(run.thread_scratch(thread));
  MatmulArgs args{.input = prepare(run, thread, scratch), .epilogue = epilogue};
  args.scratch = scratch.take<std::byte>(0);
  args.out_stride = out.width;
  const InputForm form = reader ? form_for(run, *reader, out, rows) : InputForm::f32;
  const bool bf16 = form != InputForm::f32 || (rounds_out && !run.traced);
  args.out_tiles = form == InputForm::bf16_tiles;
  const int64_t mine = splits_rows(run) ? rows_of(run, thread).begin : 0;
  int64_t at = (run.first_row(tail) + mine) * out.width;
  for (const LinearPart& part : parts) {
    args.out = bf16 ? nullptr : run.rows(out) + at;
    args.out_bf16 = bf16 ? run.halves(out) + at : nullptr;
    multiply(run, thread, part, args);
    at += epilogue.gated ? part.panels.rows / 2 : part.panels.rows;
  }
}

}  // namespace heed
