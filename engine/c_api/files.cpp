// heed.h: converting, verifying, what files and the machine are.
#include <nlohmann/json.hpp>

#include "engine/c_api/support.h"

namespace heed::c_api {
namespace {

using Json = nlohmann::ordered_json;

/// Bytes that are not UTF-8, as a path may have, become U+FFFD.
std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::pair<std::string, std::string>> pairs_of(const heed_pair* pairs, size_t count,
                                                          const char* name) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const heed_pair& pair : span_of(pairs, count, name)) {
    result.emplace_back(text_of(pair.name, name), text_of(pair.value, name));
  }
  return result;
}

ConvertOptions convert_options(const heed_convert_params* given) {
  const auto params = take(given, heed_convert_params_init, "heed_convert_params");
  return {.type = optional_text(params.type),
          .tensor_types = pairs_of(params.tensor_types, params.tensor_type_count, "tensor_types"),
          .metadata = pairs_of(params.metadata, params.metadata_count, "metadata"),
          .imatrix = optional_text(params.imatrix),
          .record = params.record != 0,
          .threads = params.threads,
          .progress = progress_of(params.progress, params.user)};
}

Json as_json(const VerifyReport& report) {
  Json json = {{"layers", Json::array()},
               {"drifting", report.drifting.empty() ? Json() : Json(report.drifting)},
               {"texts", report.texts},
               {"tokens", report.tokens},
               {"agreements", report.agreements},
               {"divergence", report.divergence},
               {"similarity", report.similarity}};
  for (const VerifyReport::Layer& layer : report.layers) {
    json["layers"].push_back({{"name", layer.name}, {"error", layer.error}});
  }
  return json;
}

Json as_json(const FileInfo& info) {
  Json json = {{"path", info.path.string()},    {"architecture", info.architecture},
               {"parameters", info.parameters}, {"bytes", info.bytes},
               {"metadata", info.metadata},     {"tensors", Json::array()}};
  for (const TensorInfo& tensor : info.tensors) {
    json["tensors"].push_back({{"name", tensor.name},
                               {"type", tensor.type},
                               {"shape", tensor.shape},
                               {"bytes", tensor.bytes}});
  }
  return json;
}

Json as_json(const MachineInfo& info) {
  return {{"cpu", info.cpu},
          {"features", info.features},
          {"isas", info.isas},
          {"isa", info.isa},
          {"isa_reason", info.isa_reason},
          {"threads", info.threads},
          {"memory_bytes", info.memory_bytes}};
}

Json as_json(const MachineLimits& limits) {
  Json json = {{"read", Json::array()},
               {"f32_gflops", limits.f32_gflops},
               {"bf16_gflops", limits.bf16_gflops},
               {"int8_gops", limits.int8_gops}};
  for (const MachineLimits::Bandwidth& read : limits.read) {
    json["read"].push_back({{"working_set", read.working_set},
                            {"one_thread", read.one_thread},
                            {"all_threads", read.all_threads}});
  }
  return json;
}

}  // namespace
}  // namespace heed::c_api

using namespace heed::c_api;

extern "C" {

void heed_convert_params_init(heed_convert_params* params) {
  if (params) *params = {.size = sizeof *params, .record = 1};
}

heed_status heed_convert(const char* source, const char* out, const heed_convert_params* params,
                         heed_text_callback report, void* user) {
  return guarded([&] {
    const heed::ConvertReport done =
        heed::convert(text_of(source, "source"), text_of(out, "out"), convert_options(params));
    give_text(text({{"quantized", done.quantized},
                    {"quantized_twice", done.quantized_twice},
                    {"unweighted", done.unweighted},
                    {"record_problem", done.record_problem}}),
              report, user);
  });
}

void heed_imatrix_params_init(heed_imatrix_params* params) {
  if (params) *params = {.size = sizeof *params, .context = 512};
}

heed_status heed_write_imatrix(heed_model* model, const char* given, size_t text_length,
                               const char* out, const heed_imatrix_params* imatrix_params,
                               heed_text_callback report, void* user) {
  return guarded([&] {
    const auto object = models().find(model);
    const auto params = take(imatrix_params, heed_imatrix_params_init, "heed_imatrix_params");
    const heed::ImatrixReport done =
        heed::write_imatrix(object->model, text_of(given, text_length, "text"), text_of(out, "out"),
                            {.context = params.context,
                             .threads = params.threads,
                             .dataset = optional_text(params.dataset),
                             .progress = progress_of(params.progress, params.user)});
    give_text(text({{"matrices", done.matrices}, {"tokens", done.tokens}, {"chunks", done.chunks}}),
              report, user);
  });
}

void heed_verify_params_init(heed_verify_params* params) {
  if (params) *params = {.size = sizeof *params};
}

heed_status heed_verify(heed_model* model, const heed_verify_params* given,
                        heed_text_callback report, void* user) {
  return guarded([&] {
    const auto object = models().find(model);
    const auto params = take(given, heed_verify_params_init, "heed_verify_params");
    const heed::VerifyReport found = heed::verify(
        object->model,
        {.threads = params.threads, .progress = progress_of(params.progress, params.user)});
    give_text(text(as_json(found)), report, user);
  });
}

heed_status heed_find_model(const char* name_or_path, char* path, size_t* length) {
  return guarded([&] {
    const std::string name(text_of(name_or_path, "name_or_path"));
    give_text(heed::find_model(name).string(), path, length);
  });
}

heed_status heed_model_store(char* path, size_t* length) {
  return guarded([&] { give_text(heed::model_store().string(), path, length); });
}

heed_status heed_list_models(char* names, size_t* length) {
  return guarded([&] { give_text(text(heed::list_models()), names, length); });
}

heed_status heed_inspect(const char* name_or_path, char* json, size_t* length) {
  return guarded([&] {
    const std::string name(text_of(name_or_path, "name_or_path"));
    give_text(text(as_json(heed::inspect(name))), json, length);
  });
}

heed_status heed_describe_graph(const char* name_or_path, int32_t dot, char* graph,
                                size_t* length) {
  return guarded([&] {
    const std::string name(text_of(name_or_path, "name_or_path"));
    give_text(heed::describe_graph(name, dot != 0), graph, length);
  });
}

heed_status heed_machine_info(char* json, size_t* length) {
  return guarded([&] { give_text(text(as_json(heed::machine_info())), json, length); });
}

heed_status heed_measure_machine(int32_t threads, heed_text_callback report, void* user) {
  return guarded([&] { give_text(text(as_json(heed::measure_machine(threads))), report, user); });
}

void heed_work_init(heed_work* work) {
  if (work) *work = {.size = sizeof *work};
}

heed_status heed_session_work(heed_session* session, int64_t position, int64_t tokens,
                              heed_work* work) {
  return with_session(session, [&](SessionObject& object) {
    const heed::Work found = object.session.work(position, tokens);
    give(work,
         {.passes = found.passes,
          .bytes = found.bytes,
          .f32_operations = found.f32_operations,
          .bf16_operations = found.bf16_operations,
          .int8_operations = found.int8_operations},
         "heed_work");
  });
}

heed_status heed_session_profile(heed_session* session, heed_text_callback report, void* user) {
  return with_session(session, [&](SessionObject& object) {
    Json json = Json::array();
    for (const heed::StepTime& step : object.session.take_profile()) {
      json.push_back({{"kind", step.kind}, {"calls", step.calls}, {"seconds", step.seconds}});
    }
    give_text(text(json), report, user);
  });
}

}  // extern "C"
