// What heed.hpp does with files, without a session: looking for them, converting, proving what was
// converted.
#include "python/src/long_call.h"

namespace heed::python {
namespace {

std::string run_convert(const std::string& source, const std::string& out, ConvertOptions options,
                        const OptionalProgress& progress) {
  options.progress = Progress(progress);
  return long_call(nullptr, [&] { return convert(source, out, options); });
}

std::string run_write_imatrix(const Model& model, std::string_view text, const std::string& out,
                              ImatrixOptions options, const OptionalProgress& progress) {
  options.progress = Progress(progress);
  return long_call(nullptr, [&] { return write_imatrix(model, text, out, options); });
}

std::string run_verify(const Model& model, int threads, const OptionalProgress& progress) {
  const VerifyOptions options{.threads = threads, .progress = Progress(progress)};
  return long_call(nullptr, [&] { return verify(model, options); });
}

}  // namespace

void bind_files(nb::module_& module) {
  using namespace nb::literals;
  module.def("version", &version);
  module.def("model_store", &model_store);
  module.def("find_model", &find_model, "name_or_path"_a);
  module.def("list_models", &list_models);
  module.def("inspect", &inspect, "name_or_path"_a);
  module.def("describe_graph", &describe_graph, "name_or_path"_a, "dot"_a);
  module.def("render_template", &render_template, "source"_a, "json_object"_a);
  module.def("machine_info", &machine_info);
  module.def("convert", run_convert, "source"_a, "out"_a, "options"_a, "progress"_a.none());
  module.def("write_imatrix", run_write_imatrix, "model"_a, "text"_a, "out"_a, "options"_a,
             "progress"_a.none());
  module.def("verify", run_verify, "model"_a, "threads"_a, "progress"_a.none());
}

}  // namespace heed::python
