#include "models/hyperparameters.h"

#include <vector>

#include "engine/core/error.h"
#include "engine/text/tokenizer_spec.h"

namespace heed {
namespace {

/// Far above any real model; low enough that products of two cannot overflow 64 bits, and that a
/// position and the one after it fit into 32.
constexpr int64_t kMaxCount = (int64_t{1} << 31) - 1;
constexpr int64_t kMaxBlocks = 1024;

}  // namespace

std::string Hyperparameters::full(std::string_view key) const {
  return cat(architecture_, ".", key);
}

int64_t Hyperparameters::count(std::string_view key) const {
  const int64_t value = metadata_.require<int64_t>(full(key));
  if (value < 1 || value > kMaxCount) {
    fail(Error::Code::format, "key '", full(key), "': expected 1 to ", kMaxCount, ", found ",
         value);
  }
  return value;
}

int64_t Hyperparameters::count_or(std::string_view key, int64_t fallback) const {
  return has(key) ? count(key) : fallback;
}

int64_t Hyperparameters::blocks(std::string_view key) const {
  const int64_t value = count(key);
  if (value > kMaxBlocks) {
    fail(Error::Code::format, "key '", full(key), "': expected 1 to ", kMaxBlocks, ", found ",
         value);
  }
  return value;
}

float Hyperparameters::real(std::string_view key) const {
  return metadata_.require<float>(full(key));
}

float Hyperparameters::real_or(std::string_view key, float fallback) const {
  return metadata_.get_or<float>(full(key), fallback);
}

std::string Hyperparameters::text_or(std::string_view key, const std::string& fallback) const {
  return metadata_.get_or<std::string>(full(key), fallback);
}

Dims Hyperparameters::dims() const {
  const auto& tokens = metadata_.require<std::vector<std::string>>("tokenizer.ggml.tokens");
  return {.width = count("embedding_length"),
          .vocab = static_cast<int64_t>(tokens.size()),
          .context = count("context_length")};
}

Dims Hyperparameters::source_dims() const {
  Dims result = dims();
  if (metadata_.contains(kSourceTokensKey)) {
    result.vocab = std::ssize(metadata_.require<std::vector<std::string>>(kSourceTokensKey));
  }
  return result;
}

void Hyperparameters::check_divides(std::string_view key, int64_t number, int64_t divisor) const {
  if (number % divisor == 0) return;
  fail(Error::Code::format, "key '", full(key), "': ", divisor, " does not divide ", number);
}

}  // namespace heed
