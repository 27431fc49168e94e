#include "engine/convert/imatrix.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/core/error.h"
#include "engine/format/gguf.h"

namespace heed {
namespace {

constexpr std::string_view kSums = ".in_sum2";
constexpr std::string_view kCounts = ".counts";
constexpr std::string_view kType = "imatrix";

/// The values of an F32 tensor, all finite and none negative.
std::vector<float> read_floats(const GgufFile& file, const TensorView& tensor) {
  if (tensor.type != DType::f32) {
    fail(Error::Code::format, file.name(), ": tensor '", tensor.name, "' has type ",
         info(tensor.type).name, ", expected f32");
  }
  std::vector<float> values(static_cast<size_t>(element_count(tensor.shape)));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  for (const float value : values) {
    if (value >= 0 && std::isfinite(value)) continue;
    fail(Error::Code::format, file.name(), ": tensor '", tensor.name, "' holds ", value,
         ", expected finite numbers of 0 or more");
  }
  return values;
}

/// Sums divided by counts, of which there is one for each matrix of a tensor that stacks several
/// (a mixture's experts); Heed has matrices alone.
std::vector<float> read_means(const GgufFile& file, const TensorView& sums,
                              const std::string& matrix) {
  const std::vector<float> counts = read_floats(file, file.require(matrix + std::string(kCounts)));
  std::vector<float> values = read_floats(file, sums);
  if (counts.size() != 1) {
    fail(Error::Code::unsupported, file.name(), ": tensor '", matrix, kCounts, "' has ",
         counts.size(), " values, expected 1");
  }
  if (counts[0] == 0) return {};
  for (float& value : values) value /= counts[0];
  return values;
}

std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void check_magic(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path);
  const auto bytes = file.bytes();
  if (bytes.size() >= 4 && as_text(bytes.first(4)) == "GGUF") return;
  fail(
      Error::Code::unsupported, path.string(),
      ": not GGUF: expected an importance matrix of `heed imatrix` or of llama-imatrix since 2025");
}

}  // namespace

Imatrix Imatrix::read(const std::filesystem::path& path) {
  check_magic(path);
  const GgufFile file = GgufFile::open(path);
  const Metadata& metadata = file.metadata();
  if (const auto type = metadata.get_or<std::string>("general.type", ""); type != kType) {
    fail(Error::Code::format, path.string(), ": expected general.type to be 'imatrix', found ",
         to_text(Metadata::Value(type)));
  }
  Imatrix result;
  result.path_ = path;
  result.text_ = {.datasets = metadata.get_or<std::vector<std::string>>("imatrix.datasets", {}),
                  .chunks = metadata.get_or<uint32_t>("imatrix.chunk_count", 0),
                  .chunk_tokens = metadata.get_or<uint32_t>("imatrix.chunk_size", 0)};
  for (const TensorView& tensor : file.tensors()) {
    if (!tensor.name.ends_with(kSums)) continue;
    const std::string matrix = tensor.name.substr(0, tensor.name.size() - kSums.size());
    result.means_[matrix] = read_means(file, tensor, matrix);
  }
  if (result.means_.empty()) {
    fail(Error::Code::format, path.string(), ": has no tensors '...", kSums, "'");
  }
  return result;
}

Imatrix::Imatrix(const AllInputSquares& squares, ImatrixText text) : text_(std::move(text)) {
  for (const InputSquares& input : squares) {
    std::vector<float> means;
    for (const double sum : input.sums) {
      const double mean = sum / static_cast<double>(input.rows);
      if (!(mean <= std::numeric_limits<float>::max())) break;
      means.push_back(static_cast<float>(mean));
    }
    if (means.size() != input.sums.size()) means.clear();
    for (const std::string& matrix : input.matrices) means_[matrix] = means;
  }
}

std::span<const float> Imatrix::find(std::string_view matrix, int64_t columns) const {
  const auto it = means_.find(matrix);
  if (it == means_.end() || it->second.empty()) return {};
  if (std::ssize(it->second) != columns) {
    fail(Error::Code::format, path_.string(), ": tensor '", matrix, kSums, "' has ",
         it->second.size(), " columns, the model's matrix ", columns,
         ": it was measured with another model");
  }
  return it->second;
}

void write_imatrix(const std::filesystem::path& out, const AllInputSquares& squares,
                   const ImatrixText& text) {
  Metadata metadata;
  metadata.set("general.type", std::string(kType));
  metadata.set("imatrix.datasets", text.datasets);
  metadata.set("imatrix.chunk_count", text.chunks);
  metadata.set("imatrix.chunk_size", text.chunk_tokens);
  std::vector<GgufWriter::Tensor> tensors;
  for (const InputSquares& input : squares) {
    for (const std::string& matrix : input.matrices) {
      tensors.push_back({.name = matrix + std::string(kSums),
                         .type = DType::f32,
                         .shape = {1, std::ssize(input.sums)}});
      tensors.push_back(
          {.name = matrix + std::string(kCounts), .type = DType::f32, .shape = {1, 1}});
    }
  }
  GgufWriter writer(out, metadata, tensors);
  auto tensor = tensors.begin();
  for (const InputSquares& input : squares) {
    const std::vector<float> sums(input.sums.begin(), input.sums.end());
    const float rows = static_cast<float>(input.rows);
    for (size_t i = 0; i < input.matrices.size(); ++i) {
      writer.write((tensor++)->name, std::as_bytes(std::span(sums)));
      writer.write((tensor++)->name, std::as_bytes(std::span(&rows, 1)));
    }
  }
  writer.commit();
}

}  // namespace heed
