#include "engine/convert/ctranslate2.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/layers/sinusoid.h"
#include "engine/quant/quant.h"

namespace heed {
namespace {

/// Far above any model (2,048), far below what would exhaust memory.
constexpr int64_t kMaxPositionValues = int64_t{1} << 26;

/// What BF16 rounds away below 1; other ways to compute positions differ by far more.
constexpr float kPositionTolerance = 1.0f / 512;

bool is_integer(DType type) {
  return type == DType::i8 || type == DType::i16 || type == DType::i32;
}

template <typename T>
T number_of(const TensorView& tensor) {
  T number;
  std::memcpy(&number, tensor.data.data(), sizeof number);
  return number;
}

/// The value of a tensor without dimensions.
Json to_json(const TensorView& tensor) {
  switch (tensor.type) {
    case DType::i8:
      return number_of<int8_t>(tensor);
    case DType::i16:
      return number_of<int16_t>(tensor);
    case DType::i32:
      return number_of<int32_t>(tensor);
    default: {
      float number;
      dequantize_row(tensor.type, tensor.data.data(), &number, 1);
      return number;
    }
  }
}

class ConfigWriter {
 public:
  ConfigWriter(Json root, const Checkpoint& weights) : root_(std::move(root)), weights_(weights) {}

  Json write() {
    // What CTranslate2 takes where the file says nothing.
    root_["pre_norm"] = 1;
    root_["decoder/start_from_zero_embedding"] = 0;
    if (!root_.contains("decoder_start_token")) root_["decoder_start_token"] = "<s>";
    for (const TensorView& tensor : weights_.tensors()) add(tensor);
    add_embeddings();
    root_["model_type"] = weights_.model_spec();
    root_["layers"] = {{"encoder", count_layers("encoder")}, {"decoder", count_layers("decoder")}};
    root_["positions"] = positions();
    return std::move(root_);
  }

 private:
  void add(const TensorView& tensor) {
    if (tensor.shape.empty()) {
      root_[tensor.name] = to_json(tensor);
    } else {
      root_[tensor.name] = {{"rows", tensor.shape.front()}, {"columns", tensor.shape.back()}};
    }
  }

  int64_t count_layers(std::string_view side) const {
    int64_t count = 0;
    while (weights_.find(cat(side, "/layer_", count, "/ffn/linear_0/weight"))) ++count;
    return count;
  }

  void add_embeddings() {
    constexpr std::string_view kTable = "decoder/embeddings/weight";
    root_["share_encoder_decoder_embeddings"] = is_same("encoder/embeddings_0/weight", kTable);
    root_["tie_word_embeddings"] = is_same("decoder/projection/weight", kTable);
    root_["same"] = {
        {"pre_norm", is_same("encoder/pre_norm", "decoder/pre_norm")},
        {"activation", is_same("encoder/activation", "decoder/activation")},
        {"embedding_scale", is_same("encoder/scale_embeddings", "decoder/scale_embeddings")}};
    const TensorView* table = weights_.find(kTable);
    if (!table || table->shape.size() != 2) return;  // the tensors will be missed later
    root_["embedding_scale"] = embedding_scale(table->shape.back());
    const int64_t rows = table->shape.front();
    root_["vocab_size"] = rows;
    if (root_["decoder/start_from_zero_embedding"] == 0) return;
    root_["vocab_size"] = rows + 1;
    root_["decoder_start_token_id"] = rows;
    root_["bad_words_ids"] = Json::array({Json::array({rows})});
  }

  /// The scale itself, or a flag: the root of the width, or none.
  double embedding_scale(int64_t width) const {
    const TensorView* scale = weights_.find("decoder/scale_embeddings");
    if (!scale || !scale->shape.empty()) return 1;
    const auto number = to_json(*scale).get<double>();
    if (scale->type != DType::i8) return number;
    return number == 0 ? 1 : std::sqrt(static_cast<double>(width));
  }

  /// Whether two tensors, and what their integers were multiplied by, have the same bytes.
  bool is_same(std::string_view a, std::string_view b) const {
    return has_same_bytes(a, b) && has_same_bytes(cat(a, "_scale"), cat(b, "_scale"));
  }
  bool has_same_bytes(std::string_view a, std::string_view b) const {
    const TensorView* first = weights_.find(a);
    const TensorView* second = weights_.find(b);
    if (!first || !second) return !first && !second;
    if (first->type != second->type || first->shape != second->shape) return false;
    return first->data.data() == second->data.data() ||
           std::ranges::equal(first->data, second->data);
  }

  std::string_view positions() const {
    const auto both_have = [&](Sinusoid layout) {
      return has_sinusoids("encoder", layout) && has_sinusoids("decoder", layout);
    };
    if (both_have(Sinusoid::halves)) return "halves";
    return both_have(Sinusoid::interleaved) ? "interleaved" : "others";
  }

  bool has_sinusoids(std::string_view side, Sinusoid layout) const {
    const TensorView* table = weights_.find(cat(side, "/position_encodings/encodings"));
    if (!table || table->shape.size() != 2 || is_integer(table->type)) return false;
    const int64_t count = element_count(table->shape);
    if (count > kMaxPositionValues) return false;
    std::vector<float> values(static_cast<size_t>(count));
    dequantize_row(table->type, table->data.data(), values.data(), count);
    const auto expected = sinusoid_table(layout, table->shape[0], table->shape[1]);
    return std::ranges::equal(values, expected, [](float value, float sinusoid) {
      return std::abs(value - sinusoid) <= kPositionTolerance;
    });
  }

  Json root_;
  const Checkpoint& weights_;
};

}  // namespace

JsonFile read_ctranslate2_config(const std::filesystem::path& directory,
                                 const Checkpoint& weights) {
  const auto path = directory / "config.json";
  std::error_code ignored;
  const bool has_config = std::filesystem::is_regular_file(path, ignored);
  JsonFile config = has_config ? JsonFile::read(path) : JsonFile(path.string(), Json::object());
  if (!config.root().is_object()) config.refuse("expected an object");
  Json root = ConfigWriter(config.root(), weights).write();
  return JsonFile((directory / "model.bin").string(), std::move(root));
}

}  // namespace heed
