// Loading a model: file, graph, weights, tokenizer, chat template.
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/api/model_impl.h"
#include "engine/core/error.h"
#include "engine/kernels/kernels.h"
#include "models/registry.h"

namespace heed {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool has_head(const Graph& graph) {
  return !graph.layers.empty() && std::holds_alternative<Head>(graph.layers.back().spec);
}

int64_t block_count(const Graph& graph) {
  int64_t count = 0;
  for (const Layer& layer : graph.layers) {
    if (const auto* blocks = std::get_if<Blocks>(&layer.spec)) count += blocks->count;
  }
  return count;
}

/// What a model is can be seen from its graphs.
ModelKind kind_of(const ModelGraph& graph) {
  if (graph.memory) return ModelKind::encoder_decoder;
  return has_head(graph.main) ? ModelKind::decoder : ModelKind::encoder;
}

/// Packs the weights of all graphs, and does `meanwhile` beside it.
void load_weights(LoadedModel& model, const LoadOptions& options, std::function<void()> meanwhile) {
  const GgufFile& file = model.file;
  model.bound = bind_model(
      model.graph, [&](std::string_view name) { return file.find(name); }, file.name());
  ThreadTeam team(options.threads > 0 ? options.threads : default_threads());
  const auto pack = [&](const BoundGraph& graph, PackOptions how, double begin, double end) {
    const auto progress = [&, begin, end](double done) {
      const double share = begin + (end - begin) * done;
      const auto bytes = static_cast<double>(file.size());
      if (options.progress) options.progress(static_cast<int64_t>(share * bytes), file.size());
    };
    how.exact = options.exact;
    how.hooks = {.meanwhile = std::exchange(meanwhile, nullptr),
                 .release = [&](const auto& tensors) { file.drop(tensors); },
                 .progress = progress};
    return std::make_unique<const Weights>(graph, kernels(preferred_isa()), team, how);
  };
  const double half = model.bound.memory ? 0.5 : 0;  // about as large as each other
  if (model.bound.memory) {
    model.memory_weights = pack(*model.bound.memory, {.many_rows = true}, 0, half);
  }
  model.weights =
      pack(model.bound.main,
           {.many_rows = !has_head(model.graph.main), .batches = model.bound.memory.has_value()},
           half, 1);
}

ModelInfo describe(const LoadedModel& model, const std::filesystem::path& path) {
  const Metadata& metadata = model.file.metadata();
  ModelInfo result{.path = path,
                   .architecture = metadata.require<std::string>("general.architecture"),
                   .name = metadata.get_or<std::string>("general.name", path.stem().string()),
                   .kind = kind_of(model.graph),
                   .file_bytes = model.file.size(),
                   .width = model.graph.main.dims.width,
                   .layers = block_count(model.graph.main),
                   .vocab = model.graph.main.dims.vocab,
                   .context = model.graph.main.dims.context};
  if (model.graph.memory) result.layers += block_count(*model.graph.memory);
  if (model.memory_weights) result.weight_bytes = model.memory_weights->bytes();
  if (model.weights) {
    result.weight_bytes += model.weights->bytes();
    result.isa = model.weights->kernels().name;
    result.exact = model.weights->exact();
  }
  for (const TensorView& tensor : model.file.tensors()) {
    result.parameters += element_count(tensor.shape);
  }
  return result;
}

void read_chat_template(Model::Impl& impl) {
  const GgufFile& file = impl.loaded.file;
  impl.template_source = file.metadata().get_or<std::string>("tokenizer.chat_template", "");
  if (impl.template_source.empty()) {
    impl.template_problem =
        Error(Error::Code::unsupported, file.name() + ": the file has no chat template");
    return;
  }
  try {
    impl.chat_template.emplace(impl.template_source);
  } catch (const Error& problem) {
    impl.template_problem = Error(problem.code(), file.name() + ": " + problem.what());
  }
}

/// What both ways to a model have in common.
std::shared_ptr<Model::Impl> load_file(GgufFile opened, const std::filesystem::path& path,
                                       const LoadOptions& options, Clock::time_point start) {
  auto impl = std::make_shared<Model::Impl>(std::move(opened));
  const Metadata& metadata = impl->loaded.file.metadata();
  impl->loaded.graph = make_graph(metadata);
  const auto read_vocabulary = [&] {
    impl->text =
        std::make_shared<const Tokenizer::Impl>(TextTokenizer(read_tokenizer_spec(metadata)));
    impl->tokenizer = Tokenizer(impl->text);
    read_chat_template(*impl);
  };
  if (options.vocabulary_only) {
    read_vocabulary();
  } else {
    load_weights(impl->loaded, options, read_vocabulary);
  }
  impl->info = describe(impl->loaded, path);
  impl->info.load_seconds = seconds_since(start);
  return impl;
}

}  // namespace

Model Model::load(const std::string& name_or_path, const LoadOptions& options) {
  const Clock::time_point start = Clock::now();
  const std::filesystem::path path = find_model(name_or_path);
  const FileAccess access = options.map ? FileAccess::map : FileAccess::read;
  return Model(load_file(GgufFile::open(path, access), path, options, start));
}

Model Model::load_memory(std::span<const std::byte> bytes, const LoadOptions& options) {
  constexpr uintptr_t kAlignment = 8;
  const auto address = reinterpret_cast<uintptr_t>(bytes.data());
  if (address % kAlignment != 0) {
    fail(Error::Code::argument, "a model in memory at address ", address,
         ": expected a multiple of ", kAlignment);
  }
  return Model(load_file(GgufFile::parse(bytes, "memory"), "memory", options, Clock::now()));
}

const ModelInfo& Model::info() const {
  return impl_->info;
}

const Tokenizer& Model::tokenizer() const {
  return impl_->tokenizer;
}

const std::string& Model::chat_template() const {
  return impl_->template_source;
}

std::string Model::chat_prompt(std::span<const Message> messages,
                               bool add_generation_prompt) const {
  const ChatTemplate& chat_template = impl_->need_chat_template();
  Chat chat{.add_generation_prompt = add_generation_prompt};
  for (const Message& message : messages) {
    chat.messages.push_back({.role = message.role, .content = message.content});
  }
  chat.bos_token = impl_->special_piece(impl_->tokenizer.bos());
  chat.eos_token = impl_->special_piece(impl_->tokenizer.eos());
  return chat_template.render(chat);
}

std::string Model::chat_prompt_json(std::string_view json_object) const {
  const ChatTemplate& chat_template = impl_->need_chat_template();
  const auto member = [&](const char* name, std::optional<Token> id) {
    const nlohmann::json piece = impl_->special_piece(id);
    return cat('"', name,
               "\":", piece.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  };
  // Ours come first: of members that are given twice, the last value counts.
  const size_t open = json_object.find_first_not_of(" \t\r\n");
  if (open == json_object.npos || json_object[open] != '{') {
    fail(Error::Code::argument, "chat variables: expected a JSON object");
  }
  const std::string_view rest = json_object.substr(open + 1);
  const size_t first = rest.find_first_not_of(" \t\r\n");
  const bool none = first != rest.npos && rest[first] == '}';
  return chat_template.render(cat('{', member("bos_token", impl_->tokenizer.bos()), ',',
                                  member("eos_token", impl_->tokenizer.eos()), none ? "" : ",",
                                  rest));
}

std::string render_template(std::string_view source, std::string_view json_object) {
  return ChatTemplate(source).render(json_object);
}

}  // namespace heed
