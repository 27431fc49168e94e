// Tiny models with a lie in them, for the tests of what reads model files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.h"
#include "engine/format/gguf.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"

namespace heed {

/// A copy of a tiny model with one key changed.
class Forgery {
 public:
  Forgery(const std::string& model, std::string_view key, const Metadata::Value& value) {
    const GgufFile file = GgufFile::open(test_dir() / "models/goldens" / (model + ".gguf"));
    Metadata metadata = file.metadata();
    metadata.set(key, value);
    std::vector<GgufWriter::Tensor> tensors;
    for (const TensorView& t : file.tensors()) tensors.push_back({t.name, t.type, t.shape});
    GgufWriter writer(path(), metadata, tensors);
    for (const TensorView& t : file.tensors()) writer.write(t.name, t.data);
    writer.commit();
  }

  std::string path() const { return (directory_ / "forged.gguf").string(); }

  /// The sentence of the error that loading ends in; empty if it loads.
  std::string error() const {
    try {
      Model::load(path());
      return "";
    } catch (const Error& e) {
      return e.what();
    }
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace heed
