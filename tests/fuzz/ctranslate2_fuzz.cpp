// Any bytes at all: as CTranslate2's model.bin they are refused with an Error, or every tensor can
// be found again and read, and has the bytes that its shape asks for; and so it is with what the
// converter makes of them, as long as it makes something of them.
#include <cstdint>
#include <string>
#include <vector>

#include "engine/convert/config_keys.h"
#include "engine/convert/ctranslate2.h"
#include "engine/convert/row_order.h"
#include "engine/core/error.h"
#include "engine/text/json_node.h"
#include "engine/text/tokenizer_spec.h"
#include "tests/fuzz/checks.h"

namespace heed {
namespace {

constexpr int64_t kMaxTokens = 1 << 16;

void read(const PlannedTensor& tensor, const Checkpoint& weights) {
  const int64_t elements = element_count(tensor.target.shape);
  std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(tensor.source->type, elements)));
  const auto copy = [&](const TensorView& view, int64_t offset, std::span<std::byte> out) {
    require(offset >= 0 && offset <= std::ssize(view.data) - std::ssize(out));
    weights.copy(view, offset, out);
  };
  read_rows(tensor, 0, copy, bytes);
}

void convert(const Checkpoint& weights) {
  const JsonFile config = read_ctranslate2_config("nowhere", weights);
  const Recipe recipe = find_recipe(config);
  Metadata metadata;
  metadata.set("general.architecture", std::string(recipe.architecture));
  set_config_keys(recipe, config, metadata);
  // As many tokens as the file says that there are, on either side.
  const auto set_tokens = [&](std::string_view key, const JsonNode& count) {
    const auto tokens = static_cast<size_t>(count.integer(1, kMaxTokens));
    metadata.set(key, std::vector<std::string>(tokens));
  };
  const JsonNode root(config.root(), config.name());
  set_tokens("tokenizer.ggml.tokens", root.at("vocab_size"));
  if (const auto table = root.find("encoder/embeddings_0/weight")) {
    if (metadata.require<std::string>("marian.embeddings") == "separate") {
      set_tokens(kSourceTokensKey, table->at("rows"));
    }
  }
  for (const PlannedTensor& tensor : plan_tensors(recipe, metadata, weights)) read(tensor, weights);
}

}  // namespace

void fuzz(std::string_view input) {
  const Checkpoint checkpoint = Checkpoint::parse(std::as_bytes(std::span(input)), "model.bin");
  check_tensors(checkpoint);
  convert(checkpoint);
}

}  // namespace heed
