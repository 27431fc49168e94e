// Matrix products on oneDNN, for weights of f32 or bf16: reordered once into the blocked layout of
// its kernels, in slices of 64 rows. Each call of oneDNN takes one slice and a block of input rows
// and runs on the thread that makes it, so that a result has the same bits for any number of
// threads. Reference: oneDNN 2.6, matmul primitive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "engine/core/thread_team.h"
#include "engine/kernels/kernels.h"

namespace heed {

/// Rows of a matrix in one slice. With 64 a call reaches 97 % of what wider ones do, and the few
/// hundred rows of a small model still divide well among threads.
inline constexpr int64_t kSliceRows = 64;

/// Whether oneDNN has a compiled kernel for products of this form (f32, bf16) here: under a forced
/// lesser instruction set it may have a slow stand-in, or none.
bool dense_available(InputForm form);
/// Whether those of bf16 multiply tiles in hardware (AMX).
bool dense_has_tiles();

/// "2.6.3": the oneDNN that runs.
std::string onednn_version();

/// oneDNN's primitives for one number of columns and one form: compiled once, for several numbers
/// of input rows. Immutable.
class DensePrimitives;

/// Shares primitives among the matrices of a model; they keep them alive. Not thread-safe.
class DenseCache {
 public:
  /// Error(unsupported) if oneDNN cannot do it on this machine.
  std::shared_ptr<const DensePrimitives> get(int64_t columns, InputForm form);

 private:
  std::map<std::pair<int64_t, InputForm>, std::shared_ptr<const DensePrimitives>> made_;
};

/// out[r, n] = epilogue(sum_k input[r, k] * w[n, k]) for some tiles: see DenseMatrix::tiles.
struct DenseArgs {
  const Kernels* kernels = nullptr;  ///< for the epilogue
  int64_t first_tile = 0;
  int64_t last_tile = 0;
  MatmulInput input;  ///< of the matrix's form; stride equal to the matrix's columns
  /// Gated: slices alternate (gate slice, up slice), both padded with zero rows to whole slices;
  /// otherwise as for panels.
  Epilogue epilogue;
  float* out = nullptr;  // [input.rows, out_stride]; column 0 is the matrix's row 0
  int64_t out_stride = 0;
  std::byte* scratch = nullptr;  ///< scratch_bytes(), this thread's own, kPanelAlign
};

class DenseMatrix {
 public:
  /// Writes rows [first, first + count) of the matrix to `out` [count, columns].
  using RowSource = std::function<void(int64_t first, int64_t count, float* out)>;

  struct Spec {
    int64_t rows = 0;
    int64_t columns = 0;
    InputForm form = InputForm::f32;  ///< of weights and input: f32, bf16
  };

  /// Takes the rows from `source`, which all threads of the team call, and reorders them, rounded
  /// to bf16 (to nearest even) if that is the form. Throws what `source` throws.
  DenseMatrix(const Spec& spec, DenseCache& cache, const RowSource& source, ThreadTeam& team);
  ~DenseMatrix();
  DenseMatrix(DenseMatrix&&) noexcept;

  const Spec& spec() const { return spec_; }
  int64_t bytes() const;

  /// Parts that a product of `input_rows` rows falls into, which any thread may compute; those of
  /// the same rows of the matrix lie next to each other.
  int64_t tiles(int64_t input_rows, bool gated) const;
  int64_t scratch_bytes() const;

  /// Computes the tiles of `args`. Any number of threads and sessions may call it at once. oneDNN
  /// allocates some hundred bytes in every call; should that fail, the tile becomes NaN.
  void run(const DenseArgs& args) const noexcept;

 private:
  struct Slices;

  Spec spec_;
  std::shared_ptr<const DensePrimitives> primitives_;
  std::unique_ptr<const Slices> slices_;
};

}  // namespace heed
