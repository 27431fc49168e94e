#include "engine/layers/embedding.h"

#include "engine/quant/quant.h"

namespace heed {
namespace {

/// Row `index` of a table as floats.
void read_row(const TensorView& table, int64_t index, int64_t width, float* out) {
  const int64_t bytes = row_bytes(table.type, width);
  dequantize_row(table.type, table.data.data() + index * bytes, out, width);
}

}  // namespace

Params params(const Embedding& embedding, const Dims& dims) {
  Params list = {{embedding.name + ".weight", {dims.vocab, dims.width}}};
  if (!embedding.positions.empty()) {
    list.push_back({embedding.positions + ".weight", {dims.context, dims.width}});
  }
  if (!embedding.segments.empty()) {
    list.push_back({embedding.segments + ".weight", {embedding.segment_types, dims.width}});
  }
  return list;
}

void EmbeddingStep::run(const Run& run, int thread) const {
  float* x = run.rows(out);  // [rows, width]
  float* row = ScratchSplitter(run.thread_scratch(thread)).take<float>(out.width);
  const Range mine = split(run.pass.rows(), thread, run.team.size());
  for (int64_t r = mine.begin; r < mine.end; ++r) {
    float* at = x + r * out.width;
    read_row(*table, run.pass.tokens[r], out.width, at);
    if (scale != 1) run.kernels.scale(scale, out.width, at);
    if (positions) {
      read_row(*positions, run.pass.positions[r], out.width, row);
      run.kernels.add(row, out.width, at);
    }
    if (sinusoids) {
      run.kernels.add(sinusoids->data() + run.pass.positions[r] * out.width, out.width, at);
    }
    if (segments) {
      read_row(*segments, 0, out.width, row);
      run.kernels.add(row, out.width, at);
    }
  }
}

int64_t EmbeddingStep::scratch_bytes(int64_t width) {
  return ScratchSplitter::padded(width * static_cast<int64_t>(sizeof(float)));
}

}  // namespace heed
