#include "engine/convert/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/quant/quant.h"

namespace heed {
namespace {

/// Values a thread converts at a time: the floats stay in its second-level cache.
constexpr int64_t kPieceValues = int64_t{1} << 16;
/// Pieces between two writes: large enough that neither the barrier nor the call counts.
constexpr int64_t kPiecesAThread = 16;

/// "[3, 17]": the place of a value in a tensor.
std::string place(const Shape& shape, int64_t index) {
  Shape at(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    at[i] = index % shape[i];
    index /= shape[i];
  }
  return to_string(at);
}

/// The index of the first value that rows of `type` cannot hold, or values.size().
size_t find_misfit(std::span<const float> values, DType type) {
  // Halfway between the largest value and what would follow it rounds to infinity.
  const float limit = type == DType::f16    ? 65520
                      : type == DType::bf16 ? 0x1.ffp127f
                                            : std::numeric_limits<float>::infinity();
  size_t i = 0;
  while (i < values.size() && std::abs(values[i]) < limit) ++i;
  return i;
}

/// Values `range` of the tensor, as its target's type has them, to `out`; `floats` has room for
/// them.
void convert_values(const PlannedTensor& tensor, Range range, std::span<float> floats,
                    std::byte* out) {
  const TensorView& source = *tensor.source;
  const DType type = tensor.target.type;
  const int64_t count = range.end - range.begin;
  const auto values = floats.first(static_cast<size_t>(count));
  dequantize_row(source.type, source.data.data() + row_bytes(source.type, range.begin),
                 values.data(), count);
  if (type != DType::f32) {
    const size_t misfit = find_misfit(values, type);
    if (misfit < values.size()) {
      fail(Error::Code::format, "tensor '", source.name, "': the value ", values[misfit], " at ",
           place(source.shape, range.begin + static_cast<int64_t>(misfit)),
           " does not fit into type ", info(type).name);
    }
  }
  quantize_row(type, values.data(), out, count);
}

}  // namespace

void write_weights(std::span<const PlannedTensor> tensors, const Checkpoint& weights,
                   ThreadTeam& team, GgufWriter& writer, const ConvertProgress& progress) {
  const int64_t step = kPieceValues * kPiecesAThread * team.size();
  std::vector<float> floats(static_cast<size_t>(kPieceValues * team.size()));
  std::vector<std::byte> bytes;
  int64_t all = 0;
  int64_t done = 0;
  for (const PlannedTensor& tensor : tensors) all += std::ssize(tensor.source->data);
  for (const PlannedTensor& tensor : tensors) {
    const DType type = tensor.target.type;
    const int64_t count = element_count(tensor.target.shape);
    for (int64_t begin = 0; begin < count; begin += step) {
      const int64_t end = std::min(begin + step, count);
      bytes.resize(static_cast<size_t>(row_bytes(type, end - begin)));
      team.run([&](int thread) {
        const auto mine = std::span(floats).subspan(static_cast<size_t>(kPieceValues * thread));
        const int64_t pieces = (end - begin + kPieceValues - 1) / kPieceValues;
        const Range share = split(pieces, thread, team.size());
        for (int64_t piece = share.begin; piece < share.end; ++piece) {
          const int64_t first = begin + piece * kPieceValues;
          const Range range = {first, std::min(first + kPieceValues, end)};
          convert_values(tensor, range, mine, bytes.data() + row_bytes(type, first - begin));
        }
      });
      writer.write(tensor.target.name, bytes);
      done += row_bytes(tensor.source->type, end - begin);
      if (progress) progress(done, all);
    }
    weights.drop(*tensor.source);
  }
}

}  // namespace heed
