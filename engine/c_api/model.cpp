// heed.h: models and text.
#include "engine/c_api/support.h"

namespace heed::c_api {
namespace {

LoadOptions load_options(const heed_load_params& params) {
  LoadOptions options{.exact = params.exact != 0,
                      .map = params.map != 0,
                      .vocabulary_only = params.vocabulary_only != 0,
                      .threads = params.threads};
  options.progress = progress_of(params.progress, params.progress_user);
  return options;
}

/// `load(options)` gives the model.
template <typename Load>
heed_status load_model(const heed_load_params* given, heed_model** model, const Load& load) {
  return guarded([&] {
    need(model, "model") = nullptr;
    const heed_load_params params = take(given, heed_load_params_init, "heed_load_params");
    const auto object = std::make_shared<ModelObject>(load(load_options(params)));
    const ModelInfo& info = object->model.info();
    object->path = info.path.string();
    if (params.log) {
      const std::string message = cat(object->path, ": ", info.architecture, ", ", info.parameters,
                                      " parameters, loaded in ", info.load_seconds, " s for ",
                                      info.isa.empty() ? "its vocabulary" : info.isa);
      params.log(params.log_user, message.c_str());
    }
    *model = as_handle(object);
  });
}

EncodeOptions encode_options(const heed_encode_params* given) {
  const auto params = take(given, heed_encode_params_init, "heed_encode_params");
  return {.add_special = params.add_special != 0, .parse_special = params.parse_special != 0};
}

}  // namespace
}  // namespace heed::c_api

using namespace heed::c_api;

extern "C" {

void heed_load_params_init(heed_load_params* params) {
  if (params) *params = {.size = sizeof *params, .map = 1};
}

heed_status heed_model_load(const char* name_or_path, const heed_load_params* params,
                            heed_model** model) {
  return load_model(params, model, [&](const heed::LoadOptions& options) {
    return heed::Model::load(std::string(text_of(name_or_path, "name_or_path")), options);
  });
}

heed_status heed_model_load_memory(const void* bytes, size_t length, const heed_load_params* params,
                                   heed_model** model) {
  return load_model(params, model, [&](const heed::LoadOptions& options) {
    const auto* begin = static_cast<const std::byte*>(bytes);
    return heed::Model::load_memory(span_of(begin, length, "bytes"), options);
  });
}

void heed_model_free(heed_model* model) {
  models().remove(model);
}

void heed_model_info_init(heed_model_info* info) {
  if (info) *info = {.size = sizeof *info};
}

heed_status heed_model_get_info(heed_model* model, heed_model_info* info) {
  return guarded([&] {
    const auto object = models().find(model);
    const heed::ModelInfo& from = object->model.info();
    const heed::Tokenizer& tokenizer = object->model.tokenizer();
    give(info,
         {.path = object->path.c_str(),
          .architecture = from.architecture.c_str(),
          .name = from.name.c_str(),
          .isa = from.isa.c_str(),
          .kind = static_cast<int32_t>(from.kind),
          .exact = from.exact,
          .parameters = from.parameters,
          .file_bytes = from.file_bytes,
          .weight_bytes = from.weight_bytes,
          .width = from.width,
          .layers = from.layers,
          .vocab = from.vocab,
          .context = from.context,
          .tokens = tokenizer.size(),
          .bos = tokenizer.bos().value_or(-1),
          .eos = tokenizer.eos().value_or(-1),
          .load_seconds = from.load_seconds},
         "heed_model_info");
  });
}

void heed_encode_params_init(heed_encode_params* params) {
  if (params) *params = {.size = sizeof *params, .add_special = 1, .parse_special = 1};
}

heed_status heed_encode(heed_model* model, const char* text, size_t length,
                        const heed_encode_params* params, heed_token* tokens, int64_t* ranges,
                        size_t* count) {
  return guarded([&] {
    const auto object = models().find(model);
    const heed::EncodeOptions options = encode_options(params);
    const std::string_view given = text_of(text, length, "text");
    std::vector<heed_token> ids;
    std::vector<int64_t> places;
    if (ranges) {
      for (const heed::TokenSpan& span : object->model.tokenizer().encode_spans(given, options)) {
        ids.push_back(span.id);
        places.insert(places.end(), {span.begin, span.end});
      }
    } else {
      ids = object->model.tokenizer().encode(given, options);
    }
    give(std::span<const heed_token>(ids), tokens, count, "count");
    if (ranges) std::ranges::copy(places, ranges);
  });
}

heed_status heed_decode(heed_model* model, const heed_token* tokens, size_t count,
                        int32_t skip_special, char* text, size_t* length) {
  return guarded([&] {
    const auto object = models().find(model);
    const auto given = span_of(tokens, count, "tokens");
    give_text(object->model.tokenizer().decode(given, skip_special != 0), text, length);
  });
}

heed_status heed_token_piece(heed_model* model, heed_token token, char* piece, size_t* length) {
  return guarded(
      [&] { give_text(models().find(model)->model.tokenizer().piece(token), piece, length); });
}

heed_status heed_source_token_piece(heed_model* model, heed_token token, char* piece,
                                    size_t* length) {
  return guarded([&] {
    give_text(models().find(model)->model.tokenizer().source_piece(token), piece, length);
  });
}

heed_status heed_token_ends_generation(heed_model* model, heed_token token, int32_t* ends) {
  return guarded([&] {
    const auto object = models().find(model);
    need(ends, "ends") = object->model.tokenizer().ends_generation(token);
  });
}

heed_status heed_chat_prompt(heed_model* model, const heed_message* messages, size_t count,
                             int32_t add_generation_prompt, char* prompt, size_t* length) {
  return guarded([&] {
    const auto object = models().find(model);
    const auto chat = messages_of(messages, count);
    give_text(object->model.chat_prompt(chat, add_generation_prompt != 0), prompt, length);
  });
}

heed_status heed_chat_prompt_json(heed_model* model, const char* json, size_t json_length,
                                  char* prompt, size_t* length) {
  return guarded([&] {
    const auto object = models().find(model);
    give_text(object->model.chat_prompt_json(text_of(json, json_length, "json")), prompt, length);
  });
}

heed_status heed_chat_template(heed_model* model, char* source, size_t* length) {
  return guarded([&] { give_text(models().find(model)->model.chat_template(), source, length); });
}

heed_status heed_render_template(const char* source, size_t source_length, const char* json,
                                 size_t json_length, char* text, size_t* length) {
  return guarded([&] {
    give_text(heed::render_template(text_of(source, source_length, "source"),
                                    text_of(json, json_length, "json")),
              text, length);
  });
}

}  // extern "C"
