// heed::Model and heed::Tokenizer.
#include "python/src/long_call.h"

namespace heed::python {
namespace {

Model load(const std::string& name_or_path, LoadOptions options, const OptionalProgress& progress) {
  options.progress = Progress(progress);
  return long_call(nullptr, [&] { return Model::load(name_or_path, options); });
}

std::vector<Token> encode(const Tokenizer& tokenizer, std::string_view text, bool add_special,
                          bool parse_special) {
  return tokenizer.encode(text, {.add_special = add_special, .parse_special = parse_special});
}

nb::bytes bytes(const std::string& piece) {
  return nb::bytes(piece.data(), piece.size());
}

}  // namespace

void bind_model(nb::module_& module) {
  using namespace nb::literals;
  const nb::call_guard<nb::gil_scoped_release> released;
  nb::class_<Tokenizer>(module, "Tokenizer")
      .def("encode", encode, "text"_a, nb::kw_only(), "add_special"_a, "parse_special"_a, released)
      .def(
          "decode",
          [](const Tokenizer& self, const std::vector<Token>& tokens, bool skip_special) {
            return self.decode(tokens, skip_special);
          },
          "tokens"_a, nb::kw_only(), "skip_special"_a, released)
      .def("piece", [](const Tokenizer& self, Token token) { return bytes(self.piece(token)); })
      .def("source_piece",
           [](const Tokenizer& self, Token token) { return bytes(self.source_piece(token)); })
      .def("size", &Tokenizer::size)
      .def("bos", &Tokenizer::bos)
      .def("eos", &Tokenizer::eos)
      .def("ends_generation", &Tokenizer::ends_generation);

  nb::class_<Model>(module, "Model")
      .def_static("load", load, "name_or_path"_a, "options"_a, "progress"_a.none())
      .def("info", &Model::info)
      .def("tokenizer", &Model::tokenizer, nb::rv_policy::reference_internal)
      .def("chat_template", &Model::chat_template)
      .def("chat_prompt_json", &Model::chat_prompt_json, "json_object"_a, released);
}

}  // namespace heed::python
