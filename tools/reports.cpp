#include "tools/reports.h"

#include "tools/numbers.h"

namespace heed {

FileInfo inspect_file(const std::string& name_or_path) {
  const Json json = Json::parse(inspect(name_or_path));
  FileInfo info{.path = json["path"].get<std::string>(),
                .architecture = json["architecture"],
                .parameters = json["parameters"],
                .bytes = json["bytes"],
                .metadata = json["metadata"]};
  for (const Json& tensor : json["tensors"]) {
    info.tensors.push_back({.name = tensor["name"],
                            .type = tensor["type"],
                            .shape = tensor["shape"],
                            .bytes = tensor["bytes"]});
  }
  return info;
}

std::vector<std::string> model_names() {
  return Json::parse(list_models());
}

MachineInfo this_machine() {
  const Json json = Json::parse(machine_info());
  return {.cpu = json["cpu"],
          .features = json["features"],
          .isas = json["isas"],
          .isa = json["isa"],
          .isa_reason = json["isa_reason"],
          .threads = json["threads"],
          .memory_bytes = json["memory_bytes"]};
}

MachineLimits machine_limits(int threads) {
  const Json json = Json::parse(measure_machine(threads));
  MachineLimits limits{.f32_gflops = json["f32_gflops"],
                       .bf16_gflops = json["bf16_gflops"],
                       .int8_gops = json["int8_gops"]};
  for (const Json& read : json["read"]) {
    limits.read.push_back({.working_set = read["working_set"],
                           .one_thread = read["one_thread"],
                           .all_threads = read["all_threads"]});
  }
  return limits;
}

std::vector<StepTime> take_steps(Session& session) {
  std::vector<StepTime> steps;
  for (const Json& step : Json::parse(session.take_profile())) {
    steps.push_back({.kind = step["kind"], .calls = step["calls"], .seconds = step["seconds"]});
  }
  return steps;
}

VerifyReport verify_model(const Model& model, const VerifyOptions& options) {
  const Json json = Json::parse(verify(model, options));
  VerifyReport report{.drifting = json["drifting"].is_null() ? "" : json["drifting"],
                      .texts = json["texts"],
                      .tokens = json["tokens"],
                      .agreements = json["agreements"],
                      .divergence = json["divergence"],
                      .similarity = json["similarity"]};
  for (const Json& layer : json["layers"]) {
    report.layers.push_back({.name = layer["name"], .error = layer["error"]});
  }
  return report;
}

}  // namespace heed
