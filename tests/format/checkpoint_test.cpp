// Which files are opened, and what is said where some are missing.
#include "engine/format/checkpoint.h"

#include <doctest/doctest.h>

#include "engine/core/error.h"
#include "tests/support/bytes.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

std::string names_in(const Checkpoint& checkpoint) {
  std::string result;
  for (const TensorView& view : checkpoint.tensors()) result += view.name + " ";
  return result;
}

}  // namespace

TEST_CASE("a directory is read through model.safetensors or through its index") {
  const TemporaryDirectory directory;
  const auto one = [](std::string_view name) {
    return Bytes()
        .string(cat(R"({")", name, R"(":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}})"))
        .raw("x")
        .text();
  };
  const auto index = directory / "model.safetensors.index.json";
  const auto check_index = [&](std::string_view json, const std::string& sentence) {
    write_text(index, json);
    CHECK_THROWS_WITH(Checkpoint::open(directory.path()), doctest::Contains(sentence.c_str()));
  };
  CHECK_THROWS_WITH(
      Checkpoint::open(directory.path()),
      doctest::Contains("' holds no weights: expected model.safetensors or pytorch_model.bin"));

  write_text(directory / "x-1.safetensors", one("a"));
  write_text(directory / "x-2.safetensors", one("b"));
  const std::string good = R"({"metadata":{"total_size":2},
    "weight_map":{"a":"x-1.safetensors","b":"x-2.safetensors"}})";
  write_text(index, good);
  for (const FileAccess access : {FileAccess::map, FileAccess::read}) {
    CHECK(names_in(Checkpoint::open(directory.path(), access)) == "a b ");
    CHECK(names_in(Checkpoint::open(index, access)) == "a b ");
    CHECK(names_in(Checkpoint::open(directory / "x-2.safetensors", access)) == "b ");
  }

  check_index("{", "index.json: not valid JSON near byte");
  check_index("[]", "expected an object 'weight_map'");
  check_index(R"({"weight_map":[]})", "expected an object 'weight_map'");
  const std::string names_expected =
      "expected names of .safetensors or .bin files in 'weight_map', found ";
  check_index(R"({"weight_map":{"a":7}})", names_expected + "number");
  check_index(R"({"weight_map":{"a":"../x-1.safetensors"}})",
              names_expected + "\"../x-1.safetensors\"");
  check_index(R"({"weight_map":{"a":"model.pt"}})", names_expected + "\"model.pt\"");
  check_index(
      R"({"weight_map":{"a":"no.safetensors","b":"x-1.safetensors","c":"nor.safetensors"}})",
      "index.json: these shards are missing: no.safetensors, nor.safetensors");
  check_index(R"({"weight_map":{"a":"x-1.safetensors","c":"x-2.safetensors"}})",
              "tensor \"c\" is in none of the shards");
  write_text(directory / "x-3.safetensors", one("a"));
  check_index(R"({"weight_map":{"a":"x-1.safetensors","b":"x-3.safetensors"}})",
              "x-3.safetensors: tensor 'a': is in another shard as well");

  write_text(directory / "model.safetensors", one("whole"));
  CHECK(names_in(Checkpoint::open(directory.path())) == "whole ");
}

TEST_CASE("a directory is read through pytorch_model.bin or through its index") {
  const auto goldens = test_dir() / "format/goldens/torch";
  const TemporaryDirectory directory;
  const auto copy = [&](const char* from, const char* to) {
    std::filesystem::copy_file(goldens / from, directory / to);
  };
  copy("shard-1.bin", "pytorch_model-1.bin");
  copy("pytorch_model.bin.index.json", "pytorch_model.bin.index.json");
  CHECK(Checkpoint::missing_files(directory.path()) ==
        std::vector<std::string>{"pytorch_model-2.bin"});
  CHECK_THROWS_WITH_AS(
      Checkpoint::open(directory.path()),
      doctest::Contains("index.json: these shards are missing: pytorch_model-2.bin"), Error);
  copy("shard-2.bin", "pytorch_model-2.bin");
  CHECK(Checkpoint::missing_files(directory.path()).empty());
  CHECK(names_in(Checkpoint::open(directory.path())) == "embed.weight norm.weight ");
  CHECK(names_in(Checkpoint::open(directory / "pytorch_model-2.bin")) == "norm.weight ");
  copy("plain.bin", "pytorch_model.bin");
  const Checkpoint whole = Checkpoint::open(directory.path());
  CHECK(names_in(whole) == "embed.weight norm.weight scalar none ");
  float second = 0;
  whole.copy(whole.require("embed.weight"), 4, std::as_writable_bytes(std::span(&second, 1)));
  CHECK(second == 1);
  write_text(directory / "model.safetensors", Bytes().string("{}").text());
  CHECK(names_in(Checkpoint::open(directory.path())) == "");
}

}  // namespace heed
