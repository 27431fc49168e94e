// The structs that functions of heed.hpp return; what it returns as JSON is read in Python.
#include <array>

#include "python/src/bindings.h"

namespace heed::python {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"decoder", "encoder", "encoder_decoder"};
constexpr std::array<std::string_view, 5> kReasons = {"end_of_text", "max_tokens", "stop_text",
                                                      "context_full", "callback"};

void bind_answer_records(nb::module_& module) {
  Record<Generation>(module, "Generation")
      .get("text", &Generation::text)
      .get("tokens", &Generation::tokens)
      .get("reason", [](const Generation& self) { return name_of(kReasons, self.reason); })
      .get("prompt_tokens", &Generation::prompt_tokens)
      .get("cached_tokens", &Generation::cached_tokens)
      .get("prefill_seconds", &Generation::prefill_seconds)
      .get("decode_seconds", &Generation::decode_seconds);
  Record<Hypothesis>(module, "Hypothesis")
      .get("text", &Hypothesis::text)
      .get("tokens", &Hypothesis::tokens)
      .get("score", &Hypothesis::score);
  Record<Translation>(module, "Translation")
      .get("hypotheses", &Translation::hypotheses)
      .get("source_tokens", &Translation::source_tokens);
  Record<PairScore>(module, "PairScore")
      .get("tokens", &PairScore::tokens)
      .get("logprobs", &PairScore::logprobs);
}

}  // namespace

nb::str show_record(nb::handle record, const std::vector<const char*>& names) {
  constexpr size_t kLong = 16;
  std::string text = std::string(nb::str(record.type().attr("__name__")).c_str()) + "(";
  const char* separator = "";
  for (const char* name : names) {
    const nb::object value = nb::getattr(record, name);
    const bool list = nb::isinstance<nb::list>(value);
    text += std::string(separator) + name + "=";
    text += list && nb::len(value) > kLong ? "[" + std::to_string(nb::len(value)) + " items]"
                                           : std::string(nb::repr(value).c_str());
    separator = ", ";
  }
  return nb::str((text + ")").c_str());
}

void bind_records(nb::module_& module) {
  Record<ModelInfo>(module, "ModelInfo")
      .get("path", &ModelInfo::path)
      .get("architecture", &ModelInfo::architecture)
      .get("name", &ModelInfo::name)
      .get("kind", [](const ModelInfo& self) { return name_of(kKinds, self.kind); })
      .get("parameters", &ModelInfo::parameters)
      .get("file_bytes", &ModelInfo::file_bytes)
      .get("weight_bytes", &ModelInfo::weight_bytes)
      .get("width", &ModelInfo::width)
      .get("layers", &ModelInfo::layers)
      .get("vocab", &ModelInfo::vocab)
      .get("context", &ModelInfo::context)
      .get("isa", &ModelInfo::isa)
      .get("exact", &ModelInfo::exact)
      .get("load_seconds", &ModelInfo::load_seconds);
  bind_answer_records(module);
}

}  // namespace heed::python
