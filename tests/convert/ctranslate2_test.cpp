// CTranslate2's directories: that they become what transformers' do, and what is refused of them.
// The golden is tiny-marian as CTranslate2 saved it (goldens/make_tiny_marian_ct2.py).
#include "engine/convert/ctranslate2.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/api/library.h"
#include "engine/format/gguf.h"
#include "engine/quant/quant.h"
#include "engine/text/tokenizer_spec.h"
#include "tests/convert/model_directory.h"
#include "tests/support/ctranslate2_file.h"

namespace heed {
namespace {

/// A copy of the golden with the sentencepiece models of tiny-marian.
class CTranslate2Directory : public ModelDirectory {
 public:
  CTranslate2Directory() : ModelDirectory("tiny-marian-ct2") {
    for (const char* file : {"source.spm", "target.spm"}) {
      std::filesystem::copy(golden("tiny-marian") / file, path());
    }
  }

  void take_int8() const { std::filesystem::rename(*this / "model-int8.bin", *this / "model.bin"); }

  /// Writes model.bin anew; what was an alias is a variable of its own.
  void edit_variables(const std::function<void(std::vector<CTranslate2Variable>&)>& edit) const {
    CTranslate2File file;
    {
      const Checkpoint weights = Checkpoint::open(*this / "model.bin");
      for (const TensorView& tensor : weights.tensors()) {
        constexpr DType kTypes[] = {DType::f32, DType::i8, DType::i16};
        const auto type = std::ranges::find(kTypes, tensor.type) - std::begin(kTypes);
        file.variables.push_back(
            {tensor.name,
             {tensor.shape.begin(), tensor.shape.end()},
             static_cast<uint8_t>(type),
             {reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()}});
      }
    }
    edit(file.variables);
    write_text(*this / "model.bin", file.text());
  }
  void edit_variable(const std::string& name,
                     const std::function<void(CTranslate2Variable&)>& edit) const {
    edit_variables([&](std::vector<CTranslate2Variable>& variables) {
      const auto it = std::ranges::find(variables, name, &CTranslate2Variable::name);
      REQUIRE(it != variables.end());
      edit(*it);
    });
  }
};

std::vector<float> f32_values(const TensorView& tensor) {
  std::vector<float> values(static_cast<size_t>(element_count(tensor.shape)));
  dequantize_row(tensor.type, tensor.data.data(), values.data(), std::ssize(values));
  return values;
}

/// tiny-marian, converted from what transformers saved. Its record is left out: the bias that
/// CTranslate2 does not keep is in its logits.
struct Reference {
  ModelDirectory model{"tiny-marian"};
  GgufFile file = [this] {
    convert(model.path(), model.out(), {.type = "f32", .record = false});
    return GgufFile::open(model.out());
  }();
};

/// CTranslate2 does not keep the bias of the token that texts begin with; it is never an answer.
std::vector<float> expected_values(const TensorView& tensor) {
  std::vector<float> values = f32_values(tensor);
  if (tensor.name == "output.bias") values.back() = 0;
  return values;
}

void check_same_values(const GgufFile& file, const GgufFile& reference) {
  REQUIRE(file.tensors().size() == reference.tensors().size());
  for (const TensorView& tensor : reference.tensors()) {
    CAPTURE(tensor.name);
    const TensorView& ours = file.require(tensor.name);
    CHECK(ours.shape == tensor.shape);
    CHECK(f32_values(ours) == expected_values(tensor));
  }
}

void check_conversion_refused(const CTranslate2Directory& model, const std::string& sentence,
                              Error::Code code) {
  CAPTURE(sentence);
  try {
    convert(model.path(), model.out(), {});
    FAIL_CHECK("was converted");
  } catch (const Error& error) {
    CHECK(std::string_view(error.what()) == sentence);
    CHECK(error.code() == code);
  }
}

}  // namespace

TEST_CASE("CTranslate2's directory becomes the file that transformers' becomes") {
  const Reference reference;
  const CTranslate2Directory model;
  SUBCASE("as it was saved") {}
  SUBCASE("with every table under each of its names") {
    model.edit_variables([](auto&) {});
  }
  SUBCASE("as CTranslate2 saved it once: lines of tokens, no config.json") {
    std::string lines;
    for (const Json& token : Json::parse(read_text(model / "shared_vocabulary.json"))) {
      lines += token.get<std::string>() + "\n";
    }
    write_text(model / "shared_vocabulary.txt", lines);
    model.remove("shared_vocabulary.json");
    model.remove("config.json");
  }
  SUBCASE("with a flag for the scale of embeddings") {
    for (const char* side : {"encoder", "decoder"}) {
      model.edit_variable(cat(side, "/scale_embeddings"), [](CTranslate2Variable& scale) {
        scale.type = 1;
        scale.bytes = "\1";
      });
    }
  }
  convert(model.path(), model.out(), {.type = "f32"});
  const GgufFile file = GgufFile::open(model.out());
  check_same_values(file, reference.file);
  for (const Metadata::Entry& entry : reference.file.metadata().entries()) {
    CAPTURE(entry.key);
    // CTranslate2 keeps nothing of generation_config.json.
    const bool dropped =
        entry.key.starts_with("generation.") && entry.key != "generation.forbidden_tokens";
    const Metadata::Value* value = file.metadata().find(entry.key);
    REQUIRE((value != nullptr) == !dropped);
    if (value && entry.key != "general.name") CHECK((*value == entry.value));
  }
}

TEST_CASE("weights of 8 bits are those of F32 to half a step") {
  const Reference reference;
  const CTranslate2Directory model;
  model.take_int8();
  convert(model.path(), model.out(), {.type = "f32"});
  const GgufFile file = GgufFile::open(model.out());
  for (const TensorView& tensor : reference.file.tensors()) {
    CAPTURE(tensor.name);
    const std::vector<float> expected = expected_values(tensor);
    const std::vector<float> found = f32_values(file.require(tensor.name));
    REQUIRE(found.size() == expected.size());
    if (tensor.shape.size() < 2) {
      CHECK(found == expected);
      continue;
    }
    const auto columns = static_cast<size_t>(tensor.shape.back());
    for (size_t row = 0; row < found.size(); row += columns) {
      float largest = 0;
      float error = 0;
      for (size_t i = row; i < row + columns; ++i) {
        largest = std::max(largest, std::abs(expected[i]));
        error = std::max(error, std::abs(found[i] - expected[i]));
      }
      CHECK(error <= largest / 127 / 2 * 1.0001f);
    }
  }
}

TEST_CASE("weights of 8 bits that become blocks are rounded twice") {
  const CTranslate2Directory model;
  CHECK(convert(model.path(), model.out(), {.type = "q8_0"}).quantized_twice == 0);
  model.take_int8();
  const ConvertReport report = convert(model.path(), model.out(), {.type = "q8_0"});
  CHECK(report.quantized == 1 + 2 * 6 + 2 * 10);
  CHECK(report.quantized_twice == report.quantized);
}

TEST_CASE("weights of 16 bits have one scale each") {
  const Reference reference;
  const CTranslate2Directory model;
  const std::string name = "encoder/layer_1/self_attention/linear_0/weight";
  std::vector<int16_t> integers;
  model.edit_variables([&](std::vector<CTranslate2Variable>& variables) {
    auto& weight = *std::ranges::find(variables, name, &CTranslate2Variable::name);
    for (size_t i = 0; i < weight.bytes.size() / sizeof(float); ++i) {
      integers.push_back(static_cast<int16_t>(i * 7 - 9000));
    }
    weight.type = 2;
    weight.bytes = {reinterpret_cast<const char*>(integers.data()), integers.size() * 2};
    variables.push_back({name + "_scale", {}, 0, bytes_of(1024.0f)});
  });
  convert(model.path(), model.out(), {.type = "f32"});
  const GgufFile file = GgufFile::open(model.out());
  std::vector<float> found;
  for (const char* part : {"q", "k", "v"}) {
    const auto values = f32_values(file.require(cat("enc.blk.1.attn_", part, ".weight")));
    found.insert(found.end(), values.begin(), values.end());
  }
  REQUIRE(found.size() == integers.size());
  for (size_t i = 0; i < found.size(); ++i) CHECK(found[i] == integers[i] / 1024.0f);
}

TEST_CASE("one sentencepiece model for both languages") {
  const CTranslate2Directory model;
  std::filesystem::rename(model / "source.spm", model / "sentencepiece.model");
  model.remove("target.spm");
  convert(model.path(), model.out(), {});
  const GgufFile file = GgufFile::open(model.out());
  const TokenizerSpec spec = read_tokenizer_spec(file.metadata());
  CHECK(spec.source_model == read_text(model / "sentencepiece.model"));
  CHECK(spec.target_model == spec.source_model);
}

TEST_CASE("what a CTranslate2 directory lacks") {
  const CTranslate2Directory model;
  model.remove("target.spm");
  model.remove("shared_vocabulary.json");
  check_conversion_refused(model,
                           "'" + model.path().string() +
                               "' is not a complete model directory: it lacks target.spm, "
                               "shared_vocabulary.json (or .txt)",
                           Error::Code::io);
}

TEST_CASE("models that are not like Marian") {
  const CTranslate2Directory model;
  const auto check = [&](const std::string& sentence) {
    check_conversion_refused(model, (model / "model.bin").string() + ": " + sentence,
                             Error::Code::unsupported);
  };
  SUBCASE("norms before the layers of one side") {
    model.edit_variable("decoder/pre_norm", [](auto& flag) { flag.bytes = "\1"; });
    check("'same.pre_norm' is false, and Heed's marian has true only");
  }
  SUBCASE("an activation of its own") {
    for (const char* side : {"encoder", "decoder"}) {
      model.edit_variable(cat(side, "/activation"), [](auto& kind) { kind.bytes = "\1"; });
    }
    check("'encoder/activation' is \"1\", and Heed's marian has 0, 2, 3 only");
  }
  SUBCASE("sides with activations of their own") {
    model.edit_variable("decoder/activation",
                        [](auto& kind) { kind.bytes = std::string(1, '\0'); });
    check("'same.activation' is false, and Heed's marian has true only");
  }
  SUBCASE("positions that were learned") {
    model.edit_variable("encoder/position_encodings/encodings",
                        [](auto& table) { table.bytes.replace(4, 4, bytes_of(0.5f)); });
    check("'positions' is \"others\", and Heed's marian has halves, interleaved only");
  }
}

TEST_CASE("an encoder and a head with tables of their own") {
  const CTranslate2Directory model;
  for (const char* table : {"encoder/embeddings_0/weight", "decoder/projection/weight"}) {
    model.edit_variable(table,
                        [](CTranslate2Variable& t) { t.bytes.replace(0, 4, bytes_of(7.0f)); });
  }
  convert(model.path(), model.out(), {.type = "f32"});
  const GgufFile file = GgufFile::open(model.out());
  CHECK(file.metadata().require<std::string>("marian.embeddings") == "separate");
  const std::vector<float> shared = f32_values(file.require("token_embd.weight"));
  for (const char* table : {"enc.token_embd.weight", "output.weight"}) {
    const std::vector<float> own = f32_values(file.require(table));
    REQUIRE(own.size() == shared.size());
    CHECK(own[0] == 7);
    CHECK(std::equal(own.begin() + 1, own.end(), shared.begin() + 1));
  }
}

TEST_CASE("a translation that begins with a token of the vocabulary") {
  const CTranslate2Directory model;
  model.edit_variable("decoder/start_from_zero_embedding",
                      [](auto& flag) { flag.bytes = std::string(1, '\0'); });
  const auto start_of = [&] {
    convert(model.path(), model.out(), {});
    const GgufFile file = GgufFile::open(model.out());
    CHECK(file.require("token_embd.weight").shape.front() == 112);
    CHECK(!file.metadata().contains("generation.forbidden_tokens"));
    return file.metadata().require<uint32_t>("marian.decoder_start_token_id");
  };
  CHECK(start_of() == 0);
  model.edit_json("config.json", [](Json& config) { config["decoder_start_token"] = ">>de<<"; });
  CHECK(start_of() == 2);
  model.edit_json("config.json", [](Json& config) { config["decoder_start_token"] = "no"; });
  check_conversion_refused(model,
                           (model / "model.bin").string() +
                               ": 'decoder_start_token' is \"no\", which is not in the vocabulary",
                           Error::Code::format);
}

TEST_CASE("vocabularies of two languages that do not fit") {
  const ModelDirectory model("tiny-opennmt-ct2");
  const auto refused = [&](const std::string& sentence) {
    CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}),
                         doctest::Contains(sentence.c_str()), Error);
  };
  refused("it lacks source.spm, target.spm");
  for (const char* file : {"source.spm", "target.spm"}) {
    std::filesystem::copy(ModelDirectory::golden("tiny-marian") / file, model.path());
  }
  model.edit_json("source_vocabulary.json", [](Json& list) { list[7] = list[8]; });
  refused(
      "source_vocabulary.json: expected 72 different tokens, one for each row of the "
      "embedding, found 72");
  model.edit_json("source_vocabulary.json", [](Json& list) {
    list[7] = "other";
    list[3] = "<end>";
  });
  refused("tokenizer.heed.source_tokens: expected the token '</s>', found none");
  model.remove("source_vocabulary.json");
  refused("it lacks source_vocabulary.json (or .txt)");
}

TEST_CASE("models that CTranslate2 has and Heed does not") {
  const CTranslate2Directory model;
  write_text(model / "model.bin", CTranslate2File{.model = "WhisperSpec"}.text());
  CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}),
                       doctest::Contains("model_type \"WhisperSpec\" is not one"), Error);
}

TEST_CASE("scales that are none") {
  const CTranslate2Directory model;
  model.take_int8();
  const std::string name = "decoder/layer_0/ffn/linear_0/weight";
  const auto check = [&](const std::string& sentence) {
    check_conversion_refused(model, model.path().string() + ": tensor " + sentence,
                             Error::Code::format);
  };
  SUBCASE("not there") {
    model.edit_variables([&](std::vector<CTranslate2Variable>& variables) {
      std::erase_if(variables, [&](const auto& v) { return v.name == name + "_scale"; });
    });
    check("'" + name + "' has type i8, expected f64, f32, f16 or bf16");
  }
  SUBCASE("too few") {
    model.edit_variable(name + "_scale", [](CTranslate2Variable& scale) {
      scale.shape = {63};
      scale.bytes.resize(63 * 4);
    });
    check("'" + name + "_scale' is f32 [63], expected f32, one number for all of '" + name +
          "' [64, 32] or one for each row");
  }
  SUBCASE("zero") {
    model.edit_variable(name + "_scale", [](CTranslate2Variable& scale) {
      scale.bytes.replace(8, 4, bytes_of(0.0f));
    });
    check("'" + name + "_scale': expected numbers above 0, found 0 at 2");
  }
}

TEST_CASE("a vocabulary that does not fit") {
  const CTranslate2Directory model;
  const std::string file = (model / "shared_vocabulary.json").string();
  const std::string expected =
      ": expected 112 different tokens, one for each row of the embedding, and none that is called "
      "\"<pad>\", found ";
  const auto check = [&](const std::string& sentence) {
    check_conversion_refused(model, file + sentence, Error::Code::format);
  };
  SUBCASE("too few tokens") {
    model.edit_json("shared_vocabulary.json", [](Json& list) { list.erase(7); });
    check(expected + "111");
  }
  SUBCASE("a token twice") {
    model.edit_json("shared_vocabulary.json", [](Json& list) { list[7] = list[8]; });
    check(expected + "112");
  }
  SUBCASE("the name of the token behind the last one") {
    model.edit_json("shared_vocabulary.json", [](Json& list) { list[7] = "<pad>"; });
    check(expected + "112");
  }
  SUBCASE("not tokens") {
    model.edit_json("shared_vocabulary.json", [](Json& list) { list[7] = 7; });
    check(": expected a list of tokens, found 7");
  }
  SUBCASE("no list") {
    write_text(file, "{}");
    check(": expected a list of tokens");
  }
}

}  // namespace heed
