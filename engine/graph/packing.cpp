// Cutting matrices into slices and packing these: see packing.h.
#include "engine/graph/packing.h"

#include <algorithm>
#include <atomic>

#include "engine/kernels/pack.h"
#include "engine/quant/quant.h"

namespace heed {
namespace {

/// Of panels in a slice, about: a huge page, so that two threads seldom wait for the same one.
constexpr int64_t kSliceBytes = int64_t{2} << 20;

/// Of tensors that are released together.
constexpr size_t kReleaseBytes = size_t{16} << 20;

/// The rows of a panel lie in which tensor, from which row on, and how many there are.
struct PanelSource {
  const TensorView* tensor;
  int64_t first_row;
  int64_t rows;
};

PanelSource source(const RowGroup& group, int64_t panel) {
  size_t which = 0;
  if (group.alternate) {
    which = panel % group.tensors.size();
    panel /= static_cast<int64_t>(group.tensors.size());
  } else {
    while (panel >= panel_count(*group.tensors[which])) {
      panel -= panel_count(*group.tensors[which++]);
    }
  }
  const TensorView& tensor = *group.tensors[which];
  const int64_t first = panel * kPanelRows;
  return {&tensor, first, std::min<int64_t>(kPanelRows, tensor.shape[0] - first)};
}

/// Packs panels one by one; keeps the memory for converting rows.
class PanelPacker {
 public:
  explicit PanelPacker(const Kernels& kernels) : kernels_(kernels) {}

  void pack(const PanelSource& from, const Panels& panels, std::byte* panel) {
    const int64_t bytes = row_bytes(from.tensor->type, panels.columns);
    const int64_t count = from.rows * panels.columns;
    const std::byte* bytes_in = from.tensor->data.data() + from.first_row * bytes;
    const bool convert = from.tensor->type != panels.type;  // to f32, or by way of it to bf16
    if (convert) {
      rows_.resize(kPanelRows * panels.columns);
      dequantize_row(from.tensor->type, bytes_in, rows_.data(), count);
      bytes_in = reinterpret_cast<const std::byte*>(rows_.data());
    }
    if (panels.in_parts) return pack_parts(bytes_in, from.rows, panels.columns, panel);
    if (convert && panels.type == DType::bf16) {
      halves_.resize(rows_.size());
      kernels_.to_bf16(rows_.data(), count, halves_.data());
      bytes_in = reinterpret_cast<const std::byte*>(halves_.data());
    }
    kernels_.pack(panels.type, bytes_in, from.rows, panels.columns, panel);
  }

 private:
  const Kernels& kernels_;
  std::vector<float> rows_;
  std::vector<uint16_t> halves_;
};

}  // namespace

void Packing::add(RowGroup group, std::vector<Form> forms) {
  int64_t bytes = 0;  // of a panel in all forms
  for (const Form& form : forms) bytes += form.panels.panel_bytes;
  const int64_t count = group.panels();
  const int64_t step = std::max<int64_t>(1, kSliceBytes / std::max<int64_t>(1, bytes));
  Matrix& matrix = matrices_.emplace_back(std::move(group), std::move(forms), bytes * count,
                                          (count + step - 1) / step);
  for (int64_t begin = 0; begin < count; begin += step) {
    slices_.push_back({&matrix, {begin, std::min(begin + step, count)}});
  }
}

/// The largest matrix, most often the head, goes first: once all panels are there, little of the
/// file is to be in memory beside them.
void Packing::largest_first() {
  const auto largest = std::ranges::max_element(matrices_, {}, &Matrix::bytes);
  if (largest == matrices_.end()) return;
  std::ranges::stable_partition(slices_, [&](const Slice& s) { return s.matrix == &*largest; });
}

void Packing::run(ThreadTeam& team, const PackHooks& hooks) {
  largest_first();
  std::atomic<size_t> next = 0;
  std::atomic<size_t> done = 0;
  team.run([&](int thread) {
    if (thread == 0 && hooks.meanwhile) hooks.meanwhile();
    for (size_t i = 0; (i = next++) < slices_.size() && !team.failed();) {
      pack(slices_[i]);
      Matrix& matrix = *slices_[i].matrix;
      if (--matrix.left == 0 && hooks.release) finish(matrix, hooks);
      const auto share = static_cast<double>(++done) / static_cast<double>(slices_.size());
      if (thread == 0 && hooks.progress) hooks.progress(share);
    }
  });
  if (!finished_.empty()) hooks.release(finished_);
}

void Packing::finish(const Matrix& matrix, const PackHooks& hooks) {
  std::vector<const TensorView*> released;
  {
    const std::scoped_lock lock(mutex_);
    for (const TensorView* tensor : matrix.group.tensors) {
      finished_.push_back(tensor);
      finished_bytes_ += tensor->data.size();
    }
    if (finished_bytes_ < kReleaseBytes) return;
    released.swap(finished_);
    finished_bytes_ = 0;
  }
  hooks.release(released);
}

void Packing::pack(const Slice& slice) const {
  PanelPacker packer(*kernels_);
  for (int64_t i = slice.panels.begin; i < slice.panels.end; ++i) {
    const PanelSource from = source(slice.matrix->group, i);
    for (const Form& form : slice.matrix->forms) {
      packer.pack(from, form.panels, form.data + i * form.panels.panel_bytes);
    }
  }
}

}  // namespace heed
