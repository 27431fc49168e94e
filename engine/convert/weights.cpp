#include "engine/convert/weights.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/quant/quant.h"

namespace heed {
namespace {

/// Values a thread converts at a time, in whole rows: the floats stay in its second-level cache.
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
  constexpr size_t kAtOnce = 64;  // are looked at together: there almost never is a misfit
  size_t i = 0;
  for (; i + kAtOnce <= values.size(); i += kAtOnce) {
    int misfits = 0;
    for (size_t j = 0; j < kAtOnce; ++j) misfits |= !(std::abs(values[i + j]) < limit);
    if (misfits != 0) break;
  }
  while (i < values.size() && std::abs(values[i]) < limit) ++i;
  return i;
}

/// Rows of one tensor on their way from the source to the file.
struct Batch {
  const PlannedTensor* tensor = nullptr;  ///< null: nothing to write yet
  Range rows;
  std::vector<std::byte> bytes;  ///< in the target's type

  int64_t columns() const { return tensor->target.shape.back(); }
};

/// What a thread needs to convert a piece.
struct Piece {
  std::vector<std::byte> source;
  std::vector<float> values;
};

/// Converts one batch while the one before it is written, so that all threads are busy.
class Pipeline {
 public:
  Pipeline(const TensorReader& read, ThreadTeam& team, GgufWriter& writer)
      : read_(read), team_(team), writer_(writer), pieces_(static_cast<size_t>(team.size())) {}

  /// Rows that one batch should have.
  int64_t batch_rows(int64_t columns) const {
    return piece_rows(columns) * kPiecesAThread * team_.size();
  }

  void add(const PlannedTensor& tensor, Range rows) {
    next_.tensor = &tensor;
    next_.rows = rows;
    const int64_t values = (rows.end - rows.begin) * next_.columns();
    next_.bytes.resize(static_cast<size_t>(row_bytes(tensor.target.type, values)));
    run();
  }

  /// Writes the last batch.
  void finish() {
    next_.tensor = nullptr;
    run();
  }

 private:
  static int64_t piece_rows(int64_t columns) {
    return std::max<int64_t>(1, kPieceValues / std::max<int64_t>(1, columns));
  }

  void run() {
    std::atomic<int64_t> begin = next_.rows.begin;
    team_.run([&](int thread) {
      if (thread == 0 && ready_.tensor) writer_.write(ready_.tensor->target.name, ready_.bytes);
      if (!next_.tensor) return;
      const int64_t step = piece_rows(next_.columns());
      for (int64_t row; (row = begin.fetch_add(step)) < next_.rows.end;) {
        convert({row, std::min(row + step, next_.rows.end)}, pieces_[static_cast<size_t>(thread)]);
      }
    });
    std::swap(ready_, next_);
  }

  /// Some rows of the batch, into their place in it.
  void convert(Range rows, Piece& piece) {
    const TensorView& source = *next_.tensor->source;
    const DType type = next_.tensor->target.type;
    const int64_t columns = next_.columns();
    const int64_t count = (rows.end - rows.begin) * columns;
    const int64_t first = rows.begin * columns;
    const int64_t at = row_bytes(type, first - next_.rows.begin * columns);
    const auto out =
        std::span(next_.bytes)
            .subspan(static_cast<size_t>(at), static_cast<size_t>(row_bytes(type, count)));
    if (source.type == type) return read_rows(*next_.tensor, first, read_, out);
    piece.values.resize(static_cast<size_t>(count));
    read_floats(*next_.tensor, first, read_, piece.source, piece.values);
    check_values(piece.values, first);
    quantize(piece.values, out);
  }

  /// `first`: the element of the target that the values begin with.
  void check_values(std::span<const float> values, int64_t first) const {
    const TensorView& source = *next_.tensor->source;
    const DType type = next_.tensor->target.type;
    if (type == DType::f32) return;
    const size_t misfit = find_misfit(values, type);
    if (misfit == values.size()) return;
    fail(Error::Code::format, "tensor '", source.name, "': the value ", values[misfit], " at ",
         place(source.shape, source_element(*next_.tensor, first + static_cast<int64_t>(misfit))),
         " does not fit into type ", info(type).name);
  }

  void quantize(std::span<const float> values, std::span<std::byte> out) const {
    const DType type = next_.tensor->target.type;
    const std::span<const float> importance = next_.tensor->importance;
    if (importance.empty()) {
      return quantize_row(type, values.data(), out.data(), std::ssize(values));
    }
    const int64_t columns = next_.columns();
    std::byte* row = out.data();
    for (int64_t at = 0; at < std::ssize(values); at += columns, row += row_bytes(type, columns)) {
      quantize_row(type, values.data() + at, row, columns, importance);
    }
  }

  const TensorReader& read_;
  ThreadTeam& team_;
  GgufWriter& writer_;
  std::vector<Piece> pieces_;  // [threads]
  Batch next_;                 // being converted
  Batch ready_;                // being written
};

}  // namespace

int64_t source_bytes(std::span<const PlannedTensor> tensors) {
  int64_t bytes = 0;
  for (const PlannedTensor& tensor : tensors) {
    bytes += row_bytes(tensor.source->type, element_count(tensor.target.shape));
  }
  return bytes;
}

void write_weights(std::span<const PlannedTensor> tensors, const TensorReader& read,
                   ThreadTeam& team, GgufWriter& writer, const ProgressCallback& progress) {
  const int64_t all = source_bytes(tensors);
  int64_t done = 0;
  Pipeline pipeline(read, team, writer);
  for (const PlannedTensor& tensor : tensors) {
    const Shape& shape = tensor.target.shape;
    const int64_t columns = shape.back();
    const int64_t rows = columns == 0 ? 0 : element_count(shape) / columns;
    const int64_t step = pipeline.batch_rows(columns);
    for (int64_t begin = 0; begin < rows; begin += step) {
      const int64_t end = std::min(begin + step, rows);
      pipeline.add(tensor, {begin, end});
      done += row_bytes(tensor.source->type, (end - begin) * columns);
      if (progress) progress(done, all);
    }
  }
  pipeline.finish();
}

}  // namespace heed
