// The option structs of heed.hpp: made with the library's own defaults, changed by attribute.
// Progress callbacks are arguments of the functions that call them.
#include <array>

#include "python/src/bindings.h"

namespace heed::python {
namespace {

constexpr std::array<std::string_view, 4> kPoolings = {"model", "mean", "cls", "last"};
constexpr std::array<std::string_view, 4> kKvTypes = {"f32", "bf16", "f16", "q8"};
constexpr std::array<std::string_view, 3> kEarlyStoppings = {"no", "yes", "never"};

/// A member that is an enum here and a string in Python.
template <typename T, typename Enum>
void choice(nb::class_<T>& options, const char* name, Enum T::*member,
            std::span<const std::string_view> names) {
  options.def_prop_rw(
      name, [=](const T& self) { return name_of(names, self.*member); },
      [=](T& self, std::string_view value) {
        self.*member = static_cast<Enum>(find_choice(name, names, value));
      });
}

/// A member of GenerateOptions::sampling.
template <typename V>
void sampling(nb::class_<GenerateOptions>& options, const char* name, V Sampling::*member) {
  options.def_prop_rw(
      name, [=](const GenerateOptions& self) { return self.sampling.*member; },
      [=](GenerateOptions& self, V value) { self.sampling.*member = std::move(value); });
}

void bind_generate_options(nb::module_& module) {
  nb::class_<GenerateOptions> options(module, "GenerateOptions");
  options.def(nb::init<>())
      .def_rw("max_tokens", &GenerateOptions::max_tokens)
      .def_rw("stop", &GenerateOptions::stop)
      .def_rw("ignore_eos", &GenerateOptions::ignore_eos);
  sampling(options, "temperature", &Sampling::temperature);
  sampling(options, "top_k", &Sampling::top_k);
  sampling(options, "top_p", &Sampling::top_p);
  sampling(options, "min_p", &Sampling::min_p);
  sampling(options, "repeat_penalty", &Sampling::repeat_penalty);
  sampling(options, "presence_penalty", &Sampling::presence_penalty);
  sampling(options, "frequency_penalty", &Sampling::frequency_penalty);
  sampling(options, "repeat_last_n", &Sampling::repeat_last_n);
  sampling(options, "logit_bias", &Sampling::logit_bias);
  sampling(options, "seed", &Sampling::seed);
}

void bind_translate_options(nb::module_& module) {
  nb::class_<TranslateOptions> options(module, "TranslateOptions");
  options.def(nb::init<>())
      .def_rw("beam_size", &TranslateOptions::beam_size)
      .def_rw("hypotheses", &TranslateOptions::hypotheses)
      .def_rw("length_penalty", &TranslateOptions::length_penalty)
      .def_rw("min_length", &TranslateOptions::min_length)
      .def_rw("max_length", &TranslateOptions::max_length)
      .def_rw("no_repeat_ngram", &TranslateOptions::no_repeat_ngram)
      .def_rw("prefix", &TranslateOptions::prefix)
      .def_rw("batch", &TranslateOptions::batch)
      .def_rw("truncate", &TranslateOptions::truncate)
      .def_prop_rw(
          "early_stopping",
          [](const TranslateOptions& self) {
            return self.early_stopping
                       ? std::optional(name_of(kEarlyStoppings, *self.early_stopping))
                       : std::nullopt;
          },
          [](TranslateOptions& self, std::string_view value) {
            self.early_stopping =
                static_cast<EarlyStopping>(find_choice("early_stopping", kEarlyStoppings, value));
          });
}

}  // namespace

void bind_options(nb::module_& module) {
  nb::class_<LoadOptions>(module, "LoadOptions")
      .def(nb::init<>())
      .def_rw("exact", &LoadOptions::exact)
      .def_rw("map", &LoadOptions::map)
      .def_rw("vocabulary_only", &LoadOptions::vocabulary_only)
      .def_rw("threads", &LoadOptions::threads);

  nb::class_<SessionOptions> session(module, "SessionOptions");
  session.def(nb::init<>())
      .def_rw("context", &SessionOptions::context)
      .def_rw("threads", &SessionOptions::threads)
      .def_rw("ubatch", &SessionOptions::ubatch);
  choice(session, "kv_type", &SessionOptions::kv_type, kKvTypes);

  bind_generate_options(module);

  nb::class_<EmbedOptions> embed(module, "EmbedOptions");
  embed.def(nb::init<>())
      .def_rw("normalize", &EmbedOptions::normalize)
      .def_rw("truncate", &EmbedOptions::truncate)
      .def_rw("batch_tokens", &EmbedOptions::batch_tokens);
  choice(embed, "pooling", &EmbedOptions::pooling, kPoolings);

  bind_translate_options(module);

  nb::class_<ConvertOptions>(module, "ConvertOptions")
      .def(nb::init<>())
      .def_rw("type", &ConvertOptions::type)
      .def_rw("tensor_types", &ConvertOptions::tensor_types)
      .def_rw("metadata", &ConvertOptions::metadata)
      .def_prop_rw(
          "imatrix", [](const ConvertOptions& self) { return self.imatrix.string(); },
          [](ConvertOptions& self, const std::string& path) { self.imatrix = path; })
      .def_rw("record", &ConvertOptions::record)
      .def_rw("threads", &ConvertOptions::threads);

  nb::class_<ImatrixOptions>(module, "ImatrixOptions")
      .def(nb::init<>())
      .def_rw("context", &ImatrixOptions::context)
      .def_rw("dataset", &ImatrixOptions::dataset)
      .def_rw("threads", &ImatrixOptions::threads);
}

}  // namespace heed::python
