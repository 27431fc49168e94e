// The converter as a whole: goldens from the PyPI package gguf, the types, the many forms that one
// checkpoint comes in, and what is left behind when it fails.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "engine/api/library.h"
#include "engine/core/half.h"
#include "engine/format/gguf.h"
#include "engine/quant/quant.h"
#include "engine/text/tokenizer.h"
#include "tests/convert/model_directory.h"
#include "tests/support/file_size_limit.h"

namespace heed {
namespace {

const std::filesystem::path kGoldens = HEED_TEST_DIR "/models/goldens";

std::string converted(const ModelDirectory& model, const std::string& type, int threads = 2) {
  convert(model.path(), model.out(), {.type = type, .threads = threads});
  return read_text(model.out());
}

std::string text_of(const TensorView& tensor) {
  return {reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()};
}

std::vector<float> floats_of(const TensorView& tensor) {
  std::vector<float> values(static_cast<size_t>(element_count(tensor.shape)));
  dequantize_row(tensor.type, tensor.data.data(), values.data(), std::ssize(values));
  return values;
}

/// What `reference` becomes when it is stored as `type`.
std::vector<float> rounded(const TensorView& reference, DType type) {
  std::vector<float> values = floats_of(reference);
  std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(type, std::ssize(values))));
  quantize_row(type, values.data(), bytes.data(), std::ssize(values));
  dequantize_row(type, bytes.data(), values.data(), std::ssize(values));
  return values;
}

bool is_table_of_positions_or_types(std::string_view name) {
  return name == "position_embd.weight" || name == "token_types.weight";
}

/// What the converter makes of a directory: the file `golden` and the keys `more`.
void check_becomes(const std::string& name, const std::set<std::string>& more) {
  const ModelDirectory model(name);
  convert(model.path(), model.out(), {.type = "f32", .record = false});
  const GgufFile ours = GgufFile::open(model.out());
  const GgufFile golden = GgufFile::open(kGoldens / (name + ".gguf"));
  for (const Metadata::Entry& entry : golden.metadata().entries()) {
    CAPTURE(entry.key);
    const Metadata::Value* value = ours.metadata().find(entry.key);
    REQUIRE(value);
    if (entry.key != "general.name") CHECK((*value == entry.value));
  }
  CHECK(ours.metadata().require<std::string>("general.name") == name);
  std::set<std::string> found;
  for (const Metadata::Entry& entry : ours.metadata().entries()) {
    if (!golden.metadata().contains(entry.key)) found.insert(entry.key);
  }
  CHECK(found == more);
  REQUIRE(ours.tensors().size() == golden.tensors().size());
  for (const TensorView& tensor : golden.tensors()) {
    CAPTURE(tensor.name);
    const TensorView& same = ours.require(tensor.name);
    CHECK(same.type == tensor.type);
    CHECK(same.shape == tensor.shape);
    CHECK(text_of(same) == text_of(tensor));
  }
}

}  // namespace

TEST_CASE("a directory becomes the file that llama.cpp's converter makes of it") {
  check_becomes("tiny-bert",
                {"tokenizer.ggml.cls_token_id", "tokenizer.ggml.normalizer.lowercase",
                 "tokenizer.ggml.normalizer.strip_accents", "tokenizer.huggingface.json"});
  check_becomes("tiny-llama", {"llama.rope.scaling.type", "tokenizer.chat_template",
                               "tokenizer.huggingface.json"});
}

TEST_CASE("the tokenizer in the file gives transformers' ids") {
  const ModelDirectory model;
  for (const bool from_json : {true, false}) {
    CAPTURE(from_json);
    if (!from_json) model.remove("tokenizer.json");
    converted(model, "f16");
    const GgufFile file = GgufFile::open(model.out());
    const TextTokenizer tokenizer(read_tokenizer_spec(file.metadata()));
    const Json golden = Json::parse(read_text(kGoldens / "tiny-bert.json"));
    for (const Json& example : golden["cases"]) {
      CHECK(tokenizer.encode(example["text"].get<std::string>()) ==
            example["ids"].get<std::vector<Token>>());
    }
  }
}

TEST_CASE("matrices take the type asked for, the table of tokens more bits, all else stays F32") {
  struct Case {
    const char* name;
    uint32_t file_type;
    DType type;   // of rows of 32 or 64
    DType table;  // Q6_K, but of blocks of 32
  };
  using enum DType;
  const Case cases[] = {
      {"f16", 1, f16, f16},     {"bf16", 32, bf16, bf16},     {"q8_0", 7, q8_0, q8_0},
      {"q4_0", 2, q4_0, q8_0},  {"Q4_1", 3, q4_1, q8_0},      {"q5_0", 8, q5_0, q8_0},
      {"q5_1", 9, q5_1, q8_0},  {"iq4_nl", 25, iq4_nl, q8_0}, {"q3_k", 11, q4_0, q4_0},
      {"q4_k", 14, q5_0, q5_0}, {"q5_k", 16, q5_1, q5_1},     {"q6_k", 18, q8_0, q8_0}};
  const ModelDirectory model;
  const GgufFile golden = GgufFile::open(kGoldens / "tiny-bert.gguf");
  for (const Case& c : cases) {
    CAPTURE(c.name);
    convert(model.path(), model.out(), {.type = c.name, .record = false});
    const GgufFile file = GgufFile::open(model.out());
    CHECK(file.metadata().require<uint32_t>("general.file_type") == c.file_type);
    for (const TensorView& tensor : file.tensors()) {
      CAPTURE(tensor.name);
      const bool f32 = tensor.shape.size() < 2 || is_table_of_positions_or_types(tensor.name);
      const DType type = tensor.name == "token_embd.weight" ? c.table : c.type;
      REQUIRE(tensor.type == (f32 ? DType::f32 : type));
      CHECK(floats_of(tensor) == rounded(golden.require(tensor.name), tensor.type));
    }
  }
}

TEST_CASE("rows that a type's blocks do not divide become F16") {
  const ModelDirectory model;
  model.edit_json("config.json", [](Json& config) { config["intermediate_size"] = 48; });
  model.edit_weights([](RawTensors& tensors) {
    for (auto& [name, tensor] : tensors) {
      for (int64_t& size : tensor.shape) {
        if (size == 64) size = 48;
      }
      int64_t bytes = sizeof(float);
      for (const int64_t size : tensor.shape) bytes *= size;
      tensor.bytes.resize(static_cast<size_t>(bytes));
    }
  });
  converted(model, "q8_0");
  const GgufFile file = GgufFile::open(model.out());
  CHECK(file.require("blk.0.ffn_down.weight").shape == Shape{32, 48});
  CHECK(file.require("blk.0.ffn_down.weight").type == DType::f16);
  CHECK(file.require("blk.0.ffn_up.weight").type == DType::q8_0);
}

TEST_CASE("the file is the same for any number of threads and any form of the checkpoint") {
  const ModelDirectory model;
  const std::string expected = converted(model, "q8_0", 1);
  CHECK(converted(model, "q8_0", 2) == expected);
  CHECK(converted(model, "q8_0", 3) == expected);
  SUBCASE("in shards") {
    const RawTensors tensors = read_safetensors(model / "model.safetensors");
    RawTensors shards[2];
    Json index = {{"metadata", {{"total_size", 1}}}};
    size_t turn = 0;
    for (const auto& [name, tensor] : tensors) {
      const size_t shard = turn++ % 2;
      shards[shard][name] = tensor;
      index["weight_map"][name] = shard ? "model-2.safetensors" : "model-1.safetensors";
    }
    write_safetensors(model / "model-1.safetensors", shards[0]);
    write_safetensors(model / "model-2.safetensors", shards[1]);
    write_text(model / "model.safetensors.index.json", index.dump());
    model.remove("model.safetensors");
  }
  SUBCASE("saved by torch") {
    model.remove("model.safetensors");
    std::filesystem::copy(ModelDirectory::golden("tiny-bert-torch"), model.path());
  }
  SUBCASE("saved by torch, with an index") {
    Json index;
    for (const auto& [name, tensor] : read_safetensors(model / "model.safetensors")) {
      index["weight_map"][name] = "pytorch_model-00001-of-00001.bin";
    }
    write_text(model / "pytorch_model.bin.index.json", index.dump());
    model.remove("model.safetensors");
    std::filesystem::copy(ModelDirectory::golden("tiny-bert-torch") / "pytorch_model.bin",
                          model / "pytorch_model-00001-of-00001.bin");
  }
  SUBCASE("below a head, with the names TensorFlow gave") {
    model.edit_weights([](RawTensors& tensors) {
      RawTensors renamed;
      for (const auto& [name, tensor] : tensors) {
        std::string old = "bert." + name;
        if (old.ends_with("LayerNorm.weight")) old.replace(old.size() - 6, 6, "gamma");
        if (old.ends_with("LayerNorm.bias")) old.replace(old.size() - 4, 4, "beta");
        renamed[old] = tensor;
      }
      renamed["cls.predictions.bias"] = {"F32", {1}, std::string(4, '\0')};
      renamed["bert.embeddings.position_ids"] = {"I64", {1, 1}, std::string(8, '\0')};
      tensors = renamed;
    });
  }
  SUBCASE("without vocab.txt, as tokenizer.json says it all") {
    model.remove("vocab.txt");
  }
  SUBCASE("without tokenizer_config.json") {
    model.remove("tokenizer_config.json");
  }
  CHECK(converted(model, "q8_0") == expected);
}

TEST_CASE("F16 and BF16 checkpoints") {
  const ModelDirectory model;
  for (const bool bf16 : {false, true}) {
    CAPTURE(bf16);
    model.edit_weights([&](RawTensors& tensors) {
      for (auto& [name, tensor] :
           read_safetensors(ModelDirectory::golden() / "model.safetensors")) {
        std::string halves;
        for (size_t at = 0; at < tensor.bytes.size(); at += sizeof(float)) {
          float value;
          tensor.bytes.copy(reinterpret_cast<char*>(&value), sizeof value, at);
          const uint16_t half = bf16 ? f32_to_bf16(value) : f32_to_f16(value);
          halves.append(reinterpret_cast<const char*>(&half), sizeof half);
        }
        tensors[name] = {bf16 ? "BF16" : "F16", tensor.shape, halves};
      }
    });
    converted(model, "f32");
    const GgufFile file = GgufFile::open(model.out());
    const GgufFile golden = GgufFile::open(kGoldens / "tiny-bert.gguf");
    for (const TensorView& tensor : golden.tensors()) {
      CAPTURE(tensor.name);
      CHECK(floats_of(file.require(tensor.name)) ==
            rounded(tensor, bf16 ? DType::bf16 : DType::f16));
    }
  }
}

TEST_CASE("a translation model: one table, two stacks of blocks, a bias of one row") {
  const ModelDirectory model("tiny-marian");
  const RawTensors source = read_safetensors(model / "model.safetensors");
  for (const char* type : {"f32", "f16", "q8_0"}) {
    CAPTURE(type);
    converted(model, type);
    const GgufFile file = GgufFile::open(model.out());
    CHECK(file.tensors().size() == 2 + 2 * 16 + 2 * 26);
    CHECK(file.require("token_embd.weight").type == *dtype_from_name(type));
    CHECK(file.require("token_embd.weight").shape == Shape{113, 32});
    CHECK(file.require("output.bias").type == DType::f32);
    CHECK(file.require("output.bias").shape == Shape{113});
    CHECK(text_of(file.require("output.bias")) == source.at("final_logits_bias").bytes);
    CHECK(load_tokenizer(file.metadata()).size() == 113);
  }
  converted(model, "f32");
  const GgufFile file = GgufFile::open(model.out());
  for (const auto& [ours, theirs] : std::map<std::string, std::string>{
           {"token_embd.weight", "model.shared.weight"},
           {"enc.blk.1.attn_q.weight", "model.encoder.layers.1.self_attn.q_proj.weight"},
           {"enc.blk.0.layer_output_norm.bias", "model.encoder.layers.0.final_layer_norm.bias"},
           {"dec.blk.0.attn_output_norm.weight",
            "model.decoder.layers.0.self_attn_layer_norm.weight"},
           {"dec.blk.1.cross_attn_k.weight", "model.decoder.layers.1.encoder_attn.k_proj.weight"},
           {"dec.blk.0.cross_attn_output_norm.bias",
            "model.decoder.layers.0.encoder_attn_layer_norm.bias"},
           {"dec.blk.1.ffn_down.weight", "model.decoder.layers.1.fc2.weight"}}) {
    CHECK(text_of(file.require(ours)) == source.at(theirs).bytes);
  }
  CHECK(inspect(model.out().string()).metadata.size() == file.metadata().entries().size());
}

TEST_CASE("a translation model whose table is there under each of its names") {
  const ModelDirectory model("tiny-marian");
  const std::string expected = converted(model, "q8_0", 1);
  model.edit_weights([](RawTensors& tensors) {
    const RawTensor table = tensors["model.shared.weight"];
    for (const char* name :
         {"lm_head.weight", "model.encoder.embed_tokens.weight",
          "model.decoder.embed_tokens.weight", "model.encoder.embed_positions.weight",
          "model.decoder.embed_positions.weight"}) {
      tensors[name] = table;
    }
  });
  CHECK(converted(model, "q8_0", 2) == expected);
}

TEST_CASE("a table of another size than the vocabulary is refused with both") {
  const ModelDirectory model("tiny-marian");
  model.edit_weights([](RawTensors& tensors) {
    RawTensor& table = tensors["model.shared.weight"];
    table.shape[0] = 112;
    table.bytes.resize(table.bytes.size() - 32 * sizeof(float));
  });
  CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}),
                       (model.path().string() +
                        ": tensor 'model.shared.weight' has shape [112, 32], expected [113, 32]")
                           .c_str(),
                       Error);
}

TEST_CASE("progress counts the bytes of the source up to all of them") {
  const ModelDirectory model;
  bool record = false;
  SUBCASE("written") {}
  SUBCASE("run and written") {
    record = true;
  }
  std::vector<int64_t> seen;
  int64_t total = 0;
  convert(model.path(), model.out(), {.record = record, .progress = [&](int64_t done, int64_t all) {
                                        seen.push_back(done);
                                        total = all;
                                      }});
  CHECK(std::ranges::is_sorted(seen));
  // All but the pooler, [32, 32] and [32], is read.
  int64_t bytes = -4 * (32 * 32 + 32);
  for (const auto& [name, tensor] : read_safetensors(model / "model.safetensors")) {
    bytes += std::ssize(tensor.bytes);
  }
  CHECK(total == (record ? 2 : 1) * bytes);
  CHECK(seen.back() == total);
}

TEST_CASE("whatever stops a conversion, the old file stays and no other is left") {
  const ModelDirectory model;
  write_text(model.out(), "old");
  SUBCASE("a full disk") {
    const FileSizeLimit limit(10'000);
    CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}),
                         doctest::Contains("out.gguf': File too large"), Error);
  }
  SUBCASE("a truncated checkpoint") {
    const std::string whole = read_text(model / "model.safetensors");
    write_text(model / "model.safetensors", whole.substr(0, whole.size() - 100));
    CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}),
                         doctest::Contains("the file is truncated"), Error);
  }
  SUBCASE("a callback that throws") {
    const auto stop = [](int64_t, int64_t) { throw std::runtime_error("stop"); };
    CHECK_THROWS_WITH(convert(model.path(), model.out(), {.progress = stop}), "stop");
  }
  SUBCASE("a value that does not fit") {
    model.edit_weights([](RawTensors& tensors) {
      const float huge = 70000;
      tensors["encoder.layer.1.output.dense.weight"].bytes.replace(
          4 * (64 * 3 + 5), 4, reinterpret_cast<const char*>(&huge), 4);
    });
    CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {.type = "f16"}),
                         "tensor 'encoder.layer.1.output.dense.weight': the value 70000 at [3, 5] "
                         "does not fit into type f16",
                         Error);
  }
  CHECK(read_text(model.out()) == "old");
  CHECK(model.entries() == 2);
}

TEST_CASE("outputs that cannot be written") {
  const ModelDirectory model;
  const auto nowhere = model.path() / "no/such/out.gguf";
  CHECK_THROWS_WITH_AS(convert(model.path(), nowhere, {}),
                       doctest::Contains("no/such/out.gguf': No such file or directory"), Error);
  CHECK_THROWS_WITH_AS(convert(model.path(), model.path(), {}), doctest::Contains("tiny-bert'"),
                       Error);
  const std::string weights = (model / "model.safetensors").string();
  CHECK_THROWS_WITH_AS(
      convert(model.path(), weights, {}),
      ("'" + weights +
       "' is a file of the directory to convert: expected an output of another name")
          .c_str(),
      Error);
  convert(model.path(), model / "model.gguf", {});
  convert(model.path(), model / "model.gguf", {});
  CHECK_THROWS_WITH_AS(convert(model.path(), "/dev/full", {}),
                       doctest::Contains("'/dev/full': No space left on device"), Error);
}

TEST_CASE("types that are not written") {
  const ModelDirectory model;
  CHECK_THROWS_WITH_AS(
      convert(model.path(), model.out(), {.type = "q9_9"}),
      "type 'q9_9' is not one that Heed writes; it writes f32, f16, bf16, q4_0, "
      "q4_1, q5_0, q5_1, q8_0, iq4_nl, q3_k, q4_k, q5_k, q6_k, q2_k, q3_k_s, q3_k_m, "
      "q3_k_l, q4_k_s, q4_k_m, q5_k_s, q5_k_m",
      Error);
  CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {.type = "i32"}),
                       doctest::Contains("type 'i32' is not one"), Error);
  CHECK(!std::filesystem::exists(model.out()));
}

TEST_CASE("a real sentence encoder") {
  const auto directory = model_store() / "all-minilm-l6-v2";
  if (!std::filesystem::is_directory(directory)) {
    MESSAGE("skipped: '", directory.string(), "' is not there");
    return;
  }
  const TemporaryDirectory temporary;
  const auto out = temporary / "minilm.gguf";
  convert(directory, out, {.type = "q8_0"});
  const GgufFile file = GgufFile::open(out);
  CHECK(file.tensors().size() == 5 + 6 * 16);
  CHECK(file.require("token_embd.weight").shape == Shape{30522, 384});
  CHECK(file.metadata().require<uint32_t>("bert.pooling_type") == 1);
  CHECK(file.metadata().require<uint32_t>("bert.context_length") == 512);
  const TextTokenizer tokenizer(read_tokenizer_spec(file.metadata()));
  CHECK(tokenizer.encode("Hello, world! unbelievable") ==
        std::vector<Token>{101, 7592, 1010, 2088, 999, 23653, 102});
}

}  // namespace heed
