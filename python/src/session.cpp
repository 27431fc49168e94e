// heed::Session: tokens and texts in, NumPy arrays and records out.
#include "python/src/session.h"

namespace heed::python {
namespace {

using Tokens = std::vector<Token>;
using Texts = std::vector<std::string>;

Array<float, 1> eval(OwnedSession& self, const Tokens& tokens) {
  std::vector<float> logits = self.run([&](Session& session) {
    const std::span<const float> last = session.eval(tokens);
    return std::vector<float>(last.begin(), last.end());
  });
  const size_t vocab = logits.size();
  return to_array(std::move(logits), {vocab});
}

/// Logits [tokens, vocab].
Array<float, 2> eval_all(OwnedSession& self, const Tokens& tokens) {
  size_t vocab = 0;
  std::vector<float> all = self.run([&](Session& session) {
    std::vector<float> rows;
    session.eval_all(tokens, [&](int64_t, std::span<const float> logits) {
      vocab = logits.size();
      rows.reserve(tokens.size() * vocab);
      rows.insert(rows.end(), logits.begin(), logits.end());
    });
    return rows;
  });
  return to_array(std::move(all), {tokens.size(), vocab});
}

Array<double, 1> score(OwnedSession& self, const Tokens& tokens) {
  std::vector<double> logprobs = self.run([&](Session& session) { return session.score(tokens); });
  const size_t count = logprobs.size();
  return to_array(std::move(logprobs), {count});
}

/// Embeddings [texts, width].
Array<float, 2> embed(OwnedSession& self, const Texts& texts, EmbedOptions options,
                      const OptionalProgress& progress) {
  options.progress = Progress(progress);
  Embeddings result = self.run([&](Session& session) { return session.embed(texts, options); });
  const auto rows = static_cast<size_t>(result.rows);
  return to_array(std::move(result.values), {rows, static_cast<size_t>(result.width)});
}

std::vector<Translation> translate(OwnedSession& self, const Texts& texts,
                                   const TranslateOptions& options,
                                   const OptionalProgress& callback) {
  const Progress progress(callback);
  return self.run([&](Session& session) {
    return session.translate(texts, options, [&](size_t index, const Translation&) {
      progress(static_cast<int64_t>(index + 1), std::ssize(texts));
      return true;
    });
  });
}

std::vector<PairScore> score_pairs(OwnedSession& self, const Texts& sources, const Texts& targets) {
  return self.run([&](Session& session) { return session.score_pairs(sources, targets); });
}

Generation generate(OwnedSession& self, const Tokens& prompt, const GenerateOptions& options) {
  return self.run([&](Session& session) { return session.generate(prompt, options); });
}

}  // namespace

void OwnedSession::start(const Tokens& prompt, const GenerateOptions& options) {
  const InUse in_use(*this);
  stream_.reset();
  stream_ = long_call(session_.handle(), [&] { return session_.stream(prompt, options); });
  text_is_new_ = true;
}

std::optional<std::string> OwnedSession::next() {
  const InUse in_use(*this);
  if (!stream_) return std::nullopt;
  check_process();
  const nb::gil_scoped_release released;  // a token is too short to be interrupted
  TextStream::Iterator it = stream_->begin();
  if (!text_is_new_) ++it;
  text_is_new_ = false;
  if (it != stream_->end()) return std::string(*it);
  stream_.reset();
  return std::nullopt;
}

void bind_session(nb::module_& module) {
  using namespace nb::literals;
  // A short function of heed::Session.
  const auto quick = [](auto function) {
    return [function](OwnedSession& self) { return self.quick(function); };
  };
  nb::class_<OwnedSession>(module, "Session")
      .def(nb::init<const Model&, const SessionOptions&>(), "model"_a, "options"_a)
      .def_static("memory_needed", &Session::memory_needed, "model"_a, "options"_a)
      .def("cancel", &OwnedSession::cancel)
      .def("threads", quick([](Session& session) { return session.threads(); }))
      .def("context", quick([](Session& session) { return session.context(); }))
      .def("position", quick([](Session& session) { return session.position(); }))
      .def("memory_bytes", quick([](Session& session) { return session.memory_bytes(); }))
      .def("tokens", quick([](Session& session) { return session.tokens(); }))
      .def("answer", quick([](Session& session) { return session.answer(); }))
      .def("rewind",
           [](OwnedSession& self, int64_t position) {
             self.quick([&](Session& session) { session.rewind(position); });
           })
      .def("save",
           [](OwnedSession& self, const std::string& path) {
             self.run([&](Session& session) { session.save(path); });
           })
      .def("restore",
           [](OwnedSession& self, const std::string& path) {
             self.run([&](Session& session) { session.restore(path); });
           })
      .def("eval", eval, "tokens"_a)
      .def("eval_all", eval_all, "tokens"_a)
      .def("generate", generate, "prompt"_a, "options"_a)
      .def("start", &OwnedSession::start, "prompt"_a, "options"_a)
      .def("next", &OwnedSession::next)
      .def("score", score, "tokens"_a)
      .def("embed", embed, "texts"_a, "options"_a, "progress"_a.none())
      .def("translate", translate, "texts"_a, "options"_a, "progress"_a.none())
      .def("score_pairs", score_pairs, "sources"_a, "targets"_a);
}

}  // namespace heed::python
