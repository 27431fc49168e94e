// What a file holds, without loading its weights: `heed show`.
#include "engine/api/library.h"
#include "engine/core/error.h"
#include "engine/format/gguf.h"
#include "models/registry.h"

namespace heed {

FileInfo inspect(const std::string& name_or_path) {
  FileInfo result{.path = find_model(name_or_path)};
  const GgufFile file = GgufFile::open(result.path);
  const Metadata& metadata = file.metadata();
  result.architecture = metadata.get_or<std::string>("general.architecture", "");
  result.bytes = file.size();
  for (const Metadata::Entry& entry : metadata.entries()) {
    result.metadata.emplace_back(entry.key, to_text(entry.value));
  }
  for (const TensorView& tensor : file.tensors()) {
    result.parameters += element_count(tensor.shape);
    result.tensors.push_back({.name = tensor.name,
                              .type = std::string(info(tensor.type).name),
                              .shape = tensor.shape,
                              .bytes = static_cast<int64_t>(tensor.data.size())});
  }
  return result;
}

std::string describe_graph(const std::string& name_or_path, bool dot) {
  const GgufFile file = GgufFile::open(find_model(name_or_path));
  const ModelGraph model = make_graph(file.metadata());
  return dot ? to_dot(model) : to_text(model);
}

}  // namespace heed
