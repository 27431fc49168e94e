// Writes the seed corpora of the binary formats, which no reader would guess from nothing:
// make_seeds DIR fills DIR/<target>_fuzz/. Seeds that are text are committed as files instead.
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/format/gguf.h"
#include "engine/graph/bind.h"
#include "engine/quant/quant.h"
#include "models/registry.h"
#include "tests/support/bytes.h"
#include "tests/support/ctranslate2_file.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A file with every kind of value and several tensors, and the smallest file there is.
void write_gguf_seeds(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  Metadata metadata;
  metadata.set("general.architecture", std::string("llama"));
  metadata.set("general.alignment", uint32_t{32});
  metadata.set("u8", uint8_t{1});
  metadata.set("i16", int16_t{-1});
  metadata.set("u64", uint64_t{1});
  metadata.set("f32", 1.0f);
  metadata.set("f64", 1.0);
  metadata.set("flag", true);
  metadata.set("flags", std::vector<bool>{true, false});
  metadata.set("types", std::vector<int32_t>{1, 2, 3});
  metadata.set("tokens", std::vector<std::string>{"a", "bc", ""});
  const std::vector<GgufWriter::Tensor> tensors = {{"token_embd.weight", DType::q4_0, {2, 32}},
                                                   {"output_norm.weight", DType::f32, {8}},
                                                   {"scalar", DType::bf16, {}}};
  GgufWriter writer(directory / "full", metadata, tensors);
  for (const GgufWriter::Tensor& tensor : tensors) {
    const auto size = static_cast<size_t>(*checked_bytes(tensor.type, tensor.shape));
    writer.write(tensor.name, std::vector<std::byte>(size));
  }
  writer.commit();
  write(directory / "empty", Bytes().header(0, 0).text());
  write(directory / "version2", Bytes().header(0, 1, 2).key("k", 0).raw("x").text());
}

/// Sentencepiece models, behind the byte that says what the rest is.
void write_tokenizer_seeds(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  for (const char* name : {"source.spm", "target.spm"}) {
    const std::string model =
        read_text(std::filesystem::path(HEED_TEST_DIR) / "convert/goldens/tiny-marian" / name);
    write(directory / name, "\x98" + model);
  }
}

void write_safetensors_seeds(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  write(directory / "empty", Bytes().string("{}").text());
  write(directory / "full",
        Bytes()
            .string(R"({"__metadata__":{"format":"pt"},)"
                    R"("a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
                    R"("b":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]},)"
                    R"("c":{"dtype":"F16","shape":[0,2],"data_offsets":[11,11]}})")
            .raw(std::string(11, 'x'))
            .text());
}

/// What torch wrote, as whole files and as the pickles within: behind the byte that tells them
/// apart.
void write_torch_seeds(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const auto goldens = std::filesystem::path(HEED_TEST_DIR) / "format/goldens/torch";
  for (const auto& golden : std::filesystem::directory_iterator(goldens)) {
    if (golden.path().extension() != ".bin") continue;
    const std::string name = golden.path().stem();
    const std::string file = read_text(golden.path());
    write(directory / name, std::string(1, '\0') + file);
    const size_t begin = file.find("\x80");
    const size_t end = file.find("PK", begin);
    write(directory / (name + "-pickle"), "\x01" + file.substr(begin, end - begin));
  }
}

/// The smallest Marian: one block on each side, of four columns. With norms before the layers, as
/// OpenNMT's, it has a norm after them and a table of the encoder's own.
CTranslate2File tiny_ctranslate2(bool norm_first) {
  CTranslate2File file;
  const auto add = [&](const std::string& name, const std::vector<uint32_t>& shape) {
    size_t count = 1;
    for (const uint32_t size : shape) count *= size;
    file.variables.push_back({name, shape, 0, std::string(4 * count, '\x3E')});
  };
  const auto add_linear = [&](const std::string& name, uint32_t rows) {
    add(name + "/weight", {rows, 4});
    add(name + "/bias", {rows});
  };
  const auto add_norm = [&](const std::string& name) {
    for (const char* part : {"/gamma", "/beta"}) add(name + part, {4});
  };
  add("decoder/embeddings/weight", {3, 4});
  for (const std::string side : {"encoder", "decoder"}) {
    const std::string layer = side + "/layer_0/";
    add_linear(layer + "self_attention/linear_0", 12);
    add_linear(layer + "self_attention/linear_1", 4);
    add_norm(layer + "self_attention/layer_norm");
    if (side == "decoder") {
      add_linear(layer + "attention/linear_0", 4);
      add_linear(layer + "attention/linear_1", 8);
      add_linear(layer + "attention/linear_2", 4);
      add_norm(layer + "attention/layer_norm");
    }
    add_linear(layer + "ffn/linear_0", 4);
    add_linear(layer + "ffn/linear_1", 4);
    add_norm(layer + "ffn/layer_norm");
    file.variables.push_back({side + "/num_heads", {}, 2, bytes_of(int16_t{2})});
    file.variables.push_back(
        {side + "/pre_norm", {}, 1, bytes_of(static_cast<int8_t>(norm_first))});
    if (norm_first) add_norm(side + "/layer_norm");
    file.variables.push_back(
        {side + "/position_encodings/encodings", {1, 4}, 0, bytes_of(0.0f, 0.0f, 1.0f, 1.0f)});
  }
  file.variables.push_back(
      {"decoder/start_from_zero_embedding", {}, 1, bytes_of(static_cast<int8_t>(!norm_first))});
  file.aliases.emplace_back("decoder/projection/weight", "decoder/embeddings/weight");
  if (norm_first) {
    add("encoder/embeddings_0/weight", {5, 4});
  } else {
    file.aliases.emplace_back("encoder/embeddings_0/weight", "decoder/embeddings/weight");
  }
  return file;
}

/// A model that can be converted, with floats and with integers in one place; and the least file.
void write_ctranslate2_seeds(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  write(directory / "empty", CTranslate2File{}.text());
  write(directory / "norms-first", tiny_ctranslate2(true).text());
  CTranslate2File file = tiny_ctranslate2(false);
  write(directory / "floats", file.text());
  CTranslate2Variable& table = file.variables.front();
  table.type = 1;
  table.bytes.resize(table.bytes.size() / 4);
  file.variables.push_back({table.name + "_scale", {3}, 0, bytes_of(1.0f, 2.0f, 3.0f)});
  write(directory / "integers", file.text());
}

/// A copy of a golden model with sizes of a few dozen, and random weights that fit them.
void write_model(const std::filesystem::path& path, const std::string& golden, DType type,
                 const std::vector<std::pair<std::string, uint32_t>>& sizes) {
  const GgufFile file =
      GgufFile::open(std::filesystem::path(HEED_TEST_DIR) / "models/goldens" / golden);
  Metadata metadata = file.metadata();
  for (const auto& [key, size] : sizes) metadata.set(key, size);
  std::vector<GgufWriter::Tensor> tensors;
  std::unordered_set<std::string> names;
  for (const Param& param : all_params(make_graph(metadata))) {
    if (!names.insert(param.name).second) continue;
    const bool fits = param.shape.size() == 2 && param.shape.back() % info(type).block == 0;
    tensors.push_back({param.name, fits ? type : DType::f32, param.shape});
  }
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  GgufWriter writer(path, metadata, tensors);
  for (const GgufWriter::Tensor& tensor : tensors) {
    std::vector<float> values(static_cast<size_t>(element_count(tensor.shape)));
    for (float& value : values) value = normal(random);
    std::vector<std::byte> bytes(static_cast<size_t>(*checked_bytes(tensor.type, tensor.shape)));
    quantize_row(tensor.type, values.data(), bytes.data(), static_cast<int64_t>(values.size()));
    writer.write(tensor.name, bytes);
  }
  writer.commit();
}

void write_model_seeds(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  for (const DType type : {DType::f32, DType::bf16, DType::q4_0, DType::q8_0}) {
    const std::string name(info(type).name);
    write_model(directory / ("llama-" + name), "tiny-llama.gguf", type,
                {{"llama.block_count", 1},
                 {"llama.embedding_length", 32},
                 {"llama.feed_forward_length", 32},
                 {"llama.attention.head_count", 2},
                 {"llama.attention.head_count_kv", 1},
                 {"llama.rope.dimension_count", 16},
                 {"llama.context_length", 32}});
    write_model(directory / ("bert-" + name), "tiny-bert.gguf", type,
                {{"bert.block_count", 1},
                 {"bert.embedding_length", 32},
                 {"bert.feed_forward_length", 32},
                 {"bert.attention.head_count", 2},
                 {"bert.context_length", 16}});
  }
}

}  // namespace
}  // namespace heed

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path directory = argv[1];
  heed::write_gguf_seeds(directory / "gguf_fuzz");
  heed::write_tokenizer_seeds(directory / "tokenizer_fuzz");
  heed::write_safetensors_seeds(directory / "safetensors_fuzz");
  heed::write_torch_seeds(directory / "torch_file_fuzz");
  heed::write_ctranslate2_seeds(directory / "ctranslate2_fuzz");
  heed::write_model_seeds(directory / "model_fuzz");
}
