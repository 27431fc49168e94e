// Writes a decoder of random weights in the shape of a known model, for benchmarks of models larger
// than the caches: what a weight is does not change how long it takes. Not a test: build the target
// random-model; scripts/bench-large uses it. Types as llama.cpp's quantiser mixes them.
//
// usage: random-model SHAPE TYPE OUT.gguf      e.g. random-model llama-3.2-1b q4_k_m /tmp/1b.gguf
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "engine/convert/type_mix.h"
#include "engine/core/error.h"
#include "engine/core/half.h"
#include "engine/format/gguf.h"
#include "engine/quant/blocks.h"

namespace heed {
namespace {

/// All have heads of 64 and use the table of embeddings as their head.
struct ModelShape {
  std::string_view name;
  int64_t width, heads, kv_heads, ffn_width, blocks, vocab;
  float rope_base, epsilon;
};

constexpr int64_t kHeadDim = 64;
constexpr std::array kShapes = {
    ModelShape{"qwen2.5-0.5b", 896, 14, 2, 4864, 24, 151936, 1e6f, 1e-6f},
    ModelShape{"llama-3.2-1b", 2048, 32, 8, 8192, 16, 128256, 5e5f, 1e-5f},
    ModelShape{"smollm2-1.7b", 2048, 32, 32, 8192, 24, 49152, 1.3e5f, 1e-5f},
};

std::vector<GgufWriter::Tensor> tensors_of(const ModelShape& s, const TypeMix& mix) {
  std::vector<GgufWriter::Tensor> tensors;
  const auto vector = [&](const std::string& name) {
    tensors.push_back({.name = name, .type = DType::f32, .shape = {s.width}});
  };
  Params matrices;
  const auto matrix = [&](const std::string& name, int64_t rows, int64_t columns) {
    matrices.push_back({.name = name, .shape = {rows, columns}});
  };
  matrix("token_embd.weight", s.vocab, s.width);
  for (int64_t i = 0; i < s.blocks; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    vector(block + "attn_norm.weight");
    matrix(block + "attn_q.weight", s.heads * kHeadDim, s.width);
    matrix(block + "attn_k.weight", s.kv_heads * kHeadDim, s.width);
    matrix(block + "attn_v.weight", s.kv_heads * kHeadDim, s.width);
    matrix(block + "attn_output.weight", s.width, s.heads * kHeadDim);
    vector(block + "ffn_norm.weight");
    matrix(block + "ffn_gate.weight", s.ffn_width, s.width);
    matrix(block + "ffn_up.weight", s.ffn_width, s.width);
    matrix(block + "ffn_down.weight", s.width, s.ffn_width);
  }
  vector("output_norm.weight");
  const std::vector<DType> types = mixed_types(mix, matrices);
  for (size_t i = 0; i < types.size(); ++i) {
    tensors.push_back({.name = matrices[i].name, .type = types[i], .shape = matrices[i].shape});
  }
  return tensors;
}

/// The least vocabulary that both engines take: sentencepiece's special tokens and bytes, and as
/// many words as it lacks.
void add_vocabulary(int64_t vocab, Metadata& metadata) {
  enum TokenType : int32_t { normal = 1, unknown = 2, control = 3, byte = 6 };
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<int32_t> types = {unknown, control, control};
  for (int i = 0; i < 256; ++i) {
    std::array<char, 8> text;
    std::snprintf(text.data(), text.size(), "<0x%02X>", i);
    tokens.emplace_back(text.data());
    types.push_back(byte);
  }
  while (static_cast<int64_t>(tokens.size()) < vocab) {
    tokens.push_back("word" + std::to_string(tokens.size()));
    types.push_back(normal);
  }
  metadata.set("tokenizer.ggml.model", "llama");
  metadata.set("tokenizer.ggml.tokens", std::move(tokens));
  metadata.set("tokenizer.ggml.scores", std::vector<float>(static_cast<size_t>(vocab)));
  metadata.set("tokenizer.ggml.token_type", std::move(types));
  metadata.set("tokenizer.ggml.bos_token_id", uint32_t{1});
  metadata.set("tokenizer.ggml.eos_token_id", uint32_t{2});
  metadata.set("tokenizer.ggml.unknown_token_id", uint32_t{0});
}

Metadata metadata_of(const ModelShape& shape, const TypeMix& mix) {
  Metadata metadata;
  const auto count = [&](const std::string& key, int64_t value) {
    metadata.set("llama." + key, static_cast<uint32_t>(value));
  };
  metadata.set("general.architecture", "llama");
  metadata.set("general.name", cat("random ", shape.name, " ", mix.name));
  count("block_count", shape.blocks);
  count("context_length", 8192);
  count("embedding_length", shape.width);
  count("feed_forward_length", shape.ffn_width);
  count("attention.head_count", shape.heads);
  count("attention.head_count_kv", shape.kv_heads);
  count("rope.dimension_count", kHeadDim);
  count("vocab_size", shape.vocab);
  metadata.set("llama.rope.freq_base", shape.rope_base);
  metadata.set("llama.attention.layer_norm_rms_epsilon", shape.epsilon);
  add_vocabulary(shape.vocab, metadata);
  return metadata;
}

/// Blocks of random codes whose values have a mean of zero and a standard deviation of about
/// kDeviation, as a model's weights do: activations then stay of ordinary size.
class RandomBlocks {
 public:
  static constexpr float kDeviation = 0.02f;

  /// Fills whole blocks.
  void fill(DType type, std::span<std::byte> bytes) {
    if (type == DType::f32) return ones(bytes);
    for (size_t i = 0; i + sizeof(uint64_t) <= bytes.size(); i += sizeof(uint64_t)) {
      const uint64_t random = next();
      std::memcpy(&bytes[i], &random, sizeof random);
    }
    switch (type) {
      // Codes of b bits are spread evenly: their deviation is 2^b / sqrt(12).
      case DType::q4_0:
        return scale<BlockQ4_0>(bytes, 4.6f);
      case DType::q5_0:
        return scale<BlockQ5_0>(bytes, 9.2f);
      case DType::q8_0:
        return scale<BlockQ8_0>(bytes, 73.9f);
      case DType::q6_k:
        return scale<BlockQ6_K>(bytes, 73.9f * 18.5f);
      case DType::q4_k:
        return scale<BlockQ4_K>(bytes, 254);
      case DType::f16:
        return halves(bytes);
      default:
        fail(Error::Code::unsupported, "no random blocks of type ", info(type).name);
    }
  }

 private:
  /// SplitMix64: Steele, Lea and Flood 2014.
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

  template <typename Block>
  static void each(std::span<std::byte> bytes, const std::function<void(Block&)>& change) {
    for (size_t i = 0; i + sizeof(Block) <= bytes.size(); i += sizeof(Block)) {
      Block block;
      std::memcpy(&block, &bytes[i], sizeof block);
      change(block);
      std::memcpy(&bytes[i], &block, sizeof block);
    }
  }

  /// Sets each block's scale so that codes of this standard deviation give kDeviation.
  template <typename Block>
  static void scale(std::span<std::byte> bytes, float deviation) {
    const uint16_t d = f32_to_f16(kDeviation / deviation);
    // Scales and mins are spread alike, and a code's mean is 7.5: so the mean is zero.
    const uint16_t dmin = f32_to_f16(7.5f * kDeviation / deviation);
    each<Block>(bytes, [&](Block& block) {
      block.d = d;
      if constexpr (requires { block.dmin; }) block.dmin = dmin;
    });
  }

  /// Any sign and fraction, with the exponent of 2^-6: 0.016 to 0.031.
  static void halves(std::span<std::byte> bytes) {
    each<uint16_t>(bytes, [](uint16_t& x) { x = (x & 0x83ff) | (15 - 6) << 10; });
  }

  static void ones(std::span<std::byte> bytes) {
    each<float>(bytes, [](float& x) { x = 1; });
  }

  uint64_t state_ = 1;
};

template <typename Entries>
const auto& named(const Entries& entries, std::string_view name) {
  const auto found = std::ranges::find(entries, name, [](const auto& e) { return e.name; });
  if (found == entries.end()) {
    std::string names;
    for (const auto& entry : entries) names += cat(" ", entry.name);
    fail(Error::Code::argument, "'", name, "': expected one of", names);
  }
  return *found;
}

void write_model(const ModelShape& shape, const TypeMix& mix, const std::string& out) {
  const std::vector<GgufWriter::Tensor> tensors = tensors_of(shape, mix);
  GgufWriter writer(out, metadata_of(shape, mix), tensors);
  RandomBlocks random;
  std::vector<std::byte> bytes;
  for (const GgufWriter::Tensor& tensor : tensors) {
    const int64_t row = row_bytes(tensor.type, tensor.shape.back());
    const int64_t rows = element_count(tensor.shape) / tensor.shape.back();
    constexpr int64_t kRowsAtOnce = 256;
    for (int64_t done = 0; done < rows; done += kRowsAtOnce) {
      bytes.resize(static_cast<size_t>(row * std::min(kRowsAtOnce, rows - done)));
      random.fill(tensor.type, bytes);
      writer.write(tensor.name, bytes);
    }
  }
  writer.commit();
}

}  // namespace
}  // namespace heed

int main(int count, char** words) {
  if (count != 4) {
    std::fprintf(stderr, "usage: random-model SHAPE TYPE OUT.gguf\n");
    return 2;
  }
  try {
    heed::write_model(heed::named(heed::kShapes, words[1]), heed::find_type_mix(words[2]),
                      words[3]);
  } catch (const heed::Error& error) {
    std::fprintf(stderr, "random-model: %s\n", error.what());
    return 1;
  }
  return 0;
}
