#include "engine/kernels/dense.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "engine/core/aligned.h"
#include "engine/core/error.h"

namespace heed {
namespace {

using dnnl::memory;

/// Numbers of input rows that have a primitive, falling. The largest is the row block: larger ones
/// are no faster and their tile would leave the first-level cache. Steps of 8 and 16 keep the rows
/// that are computed twice few (Pieces), and a shape's primitives compile in some two milliseconds.
constexpr std::array<int64_t, 15> kSizes = {128, 112, 96, 80, 64, 56, 48, 40,
                                            32,  24,  16, 8,  4,  2,  1};
constexpr int64_t kBlockRows = kSizes.front();

constexpr int64_t kTileBytes = kBlockRows * kSliceRows * static_cast<int64_t>(sizeof(float));
constexpr int64_t kBiasBytes = kSliceRows * static_cast<int64_t>(sizeof(float));

int64_t padded(int64_t bytes) {
  return (bytes + kPanelAlign - 1) / kPanelAlign * kPanelAlign;
}

/// A form in oneDNN's terms, which refuses the last.
memory::data_type data_type(InputForm form) {
  constexpr memory::data_type kTypes[] = {memory::data_type::f32, memory::data_type::undef,
                                          memory::data_type::bf16};
  return kTypes[static_cast<int>(form)];
}

const char* name(InputForm form) {
  constexpr const char* kNames[] = {"f32", "q8", "bf16"};
  return kNames[static_cast<int>(form)];
}

[[noreturn]] void refuse(int64_t columns, InputForm form, const dnnl::error& e) {
  fail(Error::Code::unsupported, "oneDNN has no product of ", name(form), " matrices of ", columns,
       " columns on this machine: ", e.what());
}

/// While it lives, what this thread asks of oneDNN runs on this thread alone. Inside a parallel
/// region oneDNN sees to that itself, but not in a team of one, nor when primitives are made.
class OneThread {
 public:
  OneThread() noexcept : saved_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(saved_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int saved_;
};

memory::desc rows_desc(int64_t rows, int64_t columns, memory::data_type type) {
  return {{rows, columns}, type, memory::dims{columns, 1}};
}

}  // namespace

/// One size's primitive and the descriptions of what it reads and writes.
struct DensePrimitive {
  dnnl::matmul matmul;
  memory::desc input, out, scratchpad;
};

class DensePrimitives {
 public:
  DensePrimitives(int64_t columns, InputForm form) try : engine_(dnnl::engine::kind::cpu, 0) {
    const OneThread alone;
    const memory::data_type type = data_type(form);
    // The layout that the largest size asks for holds for all.
    weights_ = {{columns, kSliceRows}, type, memory::format_tag::any};
    bias_ = {{1, kSliceRows}, memory::data_type::f32, memory::format_tag::ab};
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    for (size_t i = 0; i < kSizes.size(); ++i) {
      const dnnl::matmul::desc desc(rows_desc(kSizes[i], columns, type), weights_, bias_,
                                    rows_desc(kSizes[i], kSliceRows, memory::data_type::f32));
      const dnnl::matmul::primitive_desc made(desc, attributes, engine_);
      sizes_[i] = {dnnl::matmul(made), made.src_desc(), made.dst_desc(), made.scratchpad_desc()};
      weights_ = made.weights_desc();
      scratchpad_bytes_ =
          std::max(scratchpad_bytes_, static_cast<int64_t>(made.scratchpad_desc().get_size()));
    }
  } catch (const dnnl::error& e) {
    refuse(columns, form, e);
  }

  const dnnl::engine& engine() const { return engine_; }
  const memory::desc& weights() const { return weights_; }
  const memory::desc& bias() const { return bias_; }
  const DensePrimitive& size(size_t i) const { return sizes_[i]; }
  int64_t scratchpad_bytes() const { return scratchpad_bytes_; }

 private:
  dnnl::engine engine_;
  memory::desc weights_, bias_;
  std::array<DensePrimitive, kSizes.size()> sizes_;
  int64_t scratchpad_bytes_ = 0;
};

std::shared_ptr<const DensePrimitives> DenseCache::get(int64_t columns, InputForm form) {
  std::shared_ptr<const DensePrimitives>& made = made_[{columns, form}];
  if (!made) made = std::make_shared<const DensePrimitives>(columns, form);
  return made;
}

namespace {

/// What oneDNN would take for products of this form: "brg:avx512_core_bf16_amx_bf16"; empty:
/// nothing.
std::string implementation(InputForm form) try {
  const memory::data_type type = data_type(form);
  const dnnl::matmul::desc desc(rows_desc(kBlockRows, kSliceRows, type),
                                {{kSliceRows, kSliceRows}, type, memory::format_tag::any},
                                rows_desc(kBlockRows, kSliceRows, memory::data_type::f32));
  const dnnl::matmul::primitive_desc made(desc, dnnl::engine(dnnl::engine::kind::cpu, 0));
  return made.impl_info_str();
} catch (const dnnl::error&) {
  return "";
}

}  // namespace

bool dense_available(InputForm form) {
  return implementation(form).starts_with("brg");
}

bool dense_has_tiles() {
  return implementation(InputForm::bf16).find("amx") != std::string::npos;
}

std::string onednn_version() {
  const dnnl::version_t& v = *dnnl::version();
  return cat(v.major, ".", v.minor, ".", v.patch);
}

/// The weights, and oneDNN's handles of them.
struct DenseMatrix::Slices {
  AlignedBuffer bytes;
  std::vector<memory> handles;
};

DenseMatrix::DenseMatrix(const Spec& spec, DenseCache& cache, const RowSource& source,
                         ThreadTeam& team) try
    : spec_(spec), primitives_(cache.get(spec.columns, spec.form)) {
  const DensePrimitives& p = *primitives_;
  const int64_t count = (spec.rows + kSliceRows - 1) / kSliceRows;
  const int64_t slice_bytes = padded(static_cast<int64_t>(p.weights().get_size()));
  auto slices = std::make_unique<Slices>();
  slices->bytes = AlignedBuffer(count * slice_bytes, "a dense matrix");
  for (int64_t i = 0; i < count; ++i) {
    slices->handles.emplace_back(p.weights(), p.engine(), slices->bytes.data() + i * slice_bytes);
  }
  const memory::desc plain({spec.columns, kSliceRows}, memory::data_type::f32,
                           memory::dims{1, spec.columns});
  const auto reorder = [&] {
    const OneThread alone;
    return dnnl::reorder({p.engine(), plain, p.engine(), p.weights()});
  }();
  team.run([&](int thread) {
    const OneThread alone;
    dnnl::stream stream(p.engine());
    const Range mine = split(count, thread, team.size());
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      std::vector<float> rows(kSliceRows * spec.columns);  // zero: those that pad the last slice
      const int64_t first = i * kSliceRows;
      source(first, std::min(kSliceRows, spec.rows - first), rows.data());
      memory from(plain, p.engine(), rows.data());
      reorder.execute(stream, from, slices->handles[i]);
    }
  });
  slices_ = std::move(slices);
} catch (const dnnl::error& e) {
  refuse(spec.columns, spec.form, e);
}

DenseMatrix::~DenseMatrix() = default;
DenseMatrix::DenseMatrix(DenseMatrix&&) noexcept = default;

int64_t DenseMatrix::bytes() const {
  return slices_->bytes.size();
}

int64_t DenseMatrix::tiles(int64_t input_rows, bool gated) const {
  const auto slices = static_cast<int64_t>(slices_->handles.size());
  return (input_rows + kBlockRows - 1) / kBlockRows * (gated ? slices / 2 : slices);
}

int64_t DenseMatrix::scratch_bytes() const {
  return 2 * kTileBytes + kBiasBytes + padded(primitives_->scratchpad_bytes());
}

namespace {

/// Some input rows of a block for which there is a primitive, and oneDNN's handles for it.
struct Piece {
  int64_t first = 0;  ///< row of the block
  const DensePrimitive* primitive = nullptr;
  memory input, out, scratchpad;
};

/// The pieces that a block of `rows` rows is computed in: one if it has the size of a primitive,
/// else the largest that fits and the smallest that covers the rest, which overlap: rows in both
/// are computed twice, to the same bits.
class Pieces {
 public:
  Pieces() = default;
  Pieces(const DensePrimitives& p, int64_t rows, std::byte* scratchpad) {
    size_t size = 0;
    while (kSizes[size] > rows) ++size;
    add(p, 0, size, scratchpad);
    const int64_t rest = rows - kSizes[size];
    if (rest == 0) return;
    size = kSizes.size() - 1;
    while (kSizes[size] < rest) --size;
    add(p, rows - kSizes[size], size, scratchpad);
  }

  std::span<Piece> all() { return {pieces_.data(), count_}; }

 private:
  void add(const DensePrimitives& p, int64_t first, size_t size, std::byte* scratchpad) {
    const DensePrimitive& primitive = p.size(size);
    pieces_[count_++] = {first, &primitive, memory(primitive.input, p.engine(), nullptr),
                         memory(primitive.out, p.engine(), nullptr),
                         memory(primitive.scratchpad, p.engine(), scratchpad)};
  }

  std::array<Piece, 2> pieces_;
  size_t count_ = 0;
};

/// One thread's part of a product.
class Product {
 public:
  Product(const DensePrimitives& primitives, const DenseArgs& args)
      : args_(args),
        stream_(primitives.engine()),
        bias_(primitives.bias(), primitives.engine(), nullptr),
        padded_bias_(reinterpret_cast<float*>(args.scratch + 2 * kTileBytes)) {
    std::byte* scratchpad = args.scratch + 2 * kTileBytes + kBiasBytes;
    const int64_t tail = args.input.rows % kBlockRows;
    if (args.input.rows >= kBlockRows) block_ = Pieces(primitives, kBlockRows, scratchpad);
    if (tail != 0) tail_ = Pieces(primitives, tail, scratchpad);
  }

  /// tile [rows, kSliceRows] = input rows times a slice, of which the first `count` rows, from row
  /// `first` of the matrix on, are not padding; and their bias.
  void slice(const memory& weights, int64_t first, int64_t count, Range rows, float* tile) {
    set_bias(first, count);
    for (Piece& piece : (rows.end - rows.begin == kBlockRows ? block_ : tail_).all()) {
      const int64_t at = (rows.begin + piece.first) * args_.input.stride;
      piece.input.set_data_handle(args_.input.form == InputForm::bf16
                                      ? static_cast<void*>(const_cast<uint16_t*>(bf16() + at))
                                      : const_cast<float*>(args_.input.f32 + at));
      piece.out.set_data_handle(tile + piece.first * kSliceRows);
      // The C function: the C++ one wants its arguments in a map.
      const dnnl_exec_arg_t memories[] = {{DNNL_ARG_SRC, piece.input.get()},
                                          {DNNL_ARG_WEIGHTS, weights.get()},
                                          {DNNL_ARG_BIAS, bias_.get()},
                                          {DNNL_ARG_DST, piece.out.get()},
                                          {DNNL_ARG_SCRATCHPAD, piece.scratchpad.get()}};
      dnnl::error::wrap_c_api(
          dnnl_primitive_execute(piece.primitive->matmul.get(), stream_.get(), 5, memories),
          "matmul");
    }
  }

 private:
  const uint16_t* bf16() const { return args_.input.bf16; }

  void set_bias(int64_t first, int64_t count) {
    const float* bias = args_.epilogue.bias ? args_.epilogue.bias + first : nullptr;
    if (!bias || count < kSliceRows) {
      std::fill_n(padded_bias_, kSliceRows, 0.0f);
      if (bias) std::copy_n(bias, count, padded_bias_);
      bias = padded_bias_;
    }
    bias_.set_data_handle(const_cast<float*>(bias));
  }

  const DenseArgs& args_;
  dnnl::stream stream_;
  memory bias_;
  float* padded_bias_;
  Pieces block_, tail_;
};

/// What of the matrix and of the input a tile is made of.
struct Tile {
  Range rows;              ///< of the input
  int64_t slice = 0;       ///< the first of two, if gated
  int64_t out_column = 0;  ///< its first
  int64_t columns = 0;     ///< of the output
};

/// What comes after product and bias. `up`: the tile of the second slice of a gated product.
void store(const DenseArgs& args, const Tile& t, float* tile, const float* up) {
  const int64_t count = (t.rows.end - t.rows.begin) * kSliceRows;
  if (args.epilogue.activation != Activation::none) {
    args.kernels->activate(args.epilogue.activation, count, tile);
  }
  for (int64_t i = 0; up && i < count; ++i) tile[i] *= up[i];
  for (int64_t r = t.rows.begin; r < t.rows.end; ++r, tile += kSliceRows) {
    float* out = args.out + r * args.out_stride + t.out_column;
    if (args.epilogue.accumulate) {
      args.kernels->add(tile, t.columns, out);
    } else {
      std::copy_n(tile, t.columns, out);
    }
  }
}

}  // namespace

void DenseMatrix::run(const DenseArgs& args) const noexcept {
  const bool gated = args.epilogue.gated;
  const int64_t blocks = (args.input.rows + kBlockRows - 1) / kBlockRows;
  const auto tile_at = [&](int64_t i) {
    const int64_t row = i % blocks * kBlockRows;
    const int64_t first = i / blocks * kSliceRows;
    return Tile{.rows = {row, std::min(row + kBlockRows, args.input.rows)},
                .slice = i / blocks * (gated ? 2 : 1),
                .out_column = first,
                .columns = gated ? kSliceRows : std::min(kSliceRows, spec_.rows - first)};
  };
  auto* tile = reinterpret_cast<float*>(args.scratch);
  float* up = gated ? tile + kBlockRows * kSliceRows : nullptr;
  const OneThread alone;
  try {
    Product product(*primitives_, args);
    for (int64_t i = args.first_tile; i < args.last_tile; ++i) {
      const Tile t = tile_at(i);
      const memory* slice = &slices_->handles[t.slice];
      const int64_t first = t.slice * kSliceRows;
      product.slice(slice[0], first, t.columns, t.rows, tile);
      if (gated) product.slice(slice[1], first + kSliceRows, t.columns, t.rows, up);
      store(args, t, tile, up);
    }
  } catch (...) {  // no memory for oneDNN's small change
    std::fill_n(tile, kBlockRows * kSliceRows, std::numeric_limits<float>::quiet_NaN());
    for (int64_t i = args.first_tile; i < args.last_tile; ++i) {
      store(args, tile_at(i), tile, nullptr);
    }
  }
}

}  // namespace heed
