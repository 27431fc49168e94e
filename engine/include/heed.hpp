// Heed's C++ interface: heed.h with objects that free themselves, containers, and exceptions. It is
// all in these headers; the library exports C alone, so any compiler of C++20 may use it.
//
//   heed::Model model = heed::Model::load("smollm2");
//   heed::Session session(model);
//   for (std::string_view text : session.stream(model.tokenizer().encode("The sky is"))) {
//     std::cout << text;
//   }
//
// Every function throws heed::Error where it cannot do what it says (std::bad_alloc where memory is
// short), and what callbacks throw goes through. A Model may be used by any number of threads; a
// Session by one at a time. What each function does in detail is said in heed.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heed_detail.hpp"
#include "heed_records.hpp"

namespace heed {
inline namespace v0 {

/// "0.1.0": of the library.
inline std::string_view version() {
  return heed_version();
}

// ---- the model store, files and the machine ----------------------------------------------------

/// Where named models live: $HEED_HOME/models, by default ~/.cache/heed/models.
inline std::filesystem::path model_store() {
  return detail::fetch_text(heed_model_store);
}

/// The file that a path, or a name in the store, means.
inline std::filesystem::path find_model(const std::string& name_or_path) {
  return detail::fetch_text([&](char* path, size_t* length) {
    return heed_find_model(name_or_path.c_str(), path, length);
  });
}

/// Names of the models in the store, sorted: a JSON array.
inline std::string list_models() {
  return detail::fetch_text(heed_list_models);
}

/// What a GGUF file's header holds: a JSON object (heed_inspect says of what).
inline std::string inspect(const std::string& name_or_path) {
  return detail::fetch_text(
      [&](char* json, size_t* length) { return heed_inspect(name_or_path.c_str(), json, length); },
      size_t{1} << 17);
}

/// The graph of layers a file describes, one layer a line, or as a DOT digraph.
inline std::string describe_graph(const std::string& name_or_path, bool dot = false) {
  return detail::fetch_text(
      [&](char* text, size_t* length) {
        return heed_describe_graph(name_or_path.c_str(), dot, text, length);
      },
      size_t{1} << 14);
}

/// The machine, and its limits, which are measured in about two seconds: JSON objects.
inline std::string machine_info() {
  return detail::fetch_text(heed_machine_info);
}
inline std::string measure_machine(int threads = 0) {
  std::string json;
  detail::check(heed_measure_machine(threads, detail::append_text, &json));
  return json;
}

// ---- models and their text ---------------------------------------------------------------------

/// What a Jinja chat template makes of the variables of a JSON object, as transformers has it.
inline std::string render_template(std::string_view source, std::string_view json_object) {
  return detail::fetch_text(
      [&](char* text, size_t* length) {
        return heed_render_template(source.data(), source.size(), json_object.data(),
                                    json_object.size(), text, length);
      },
      4096 + 2 * json_object.size());
}

/// The tokenizer of a model, which must outlive it.
class Tokenizer {
 public:
  std::vector<Token> encode(std::string_view text, const EncodeOptions& options = {}) const;
  std::vector<TokenSpan> encode_spans(std::string_view text,
                                      const EncodeOptions& options = {}) const;
  std::string decode(std::span<const Token> tokens, bool skip_special = true) const;
  /// The token as the vocabulary writes it.
  std::string piece(Token id) const;
  /// A token of encode() likewise: another one where a translator's source language has a
  /// vocabulary of its own.
  std::string source_piece(Token id) const;
  int64_t size() const { return size_; }
  std::optional<Token> bos() const { return bos_; }
  std::optional<Token> eos() const { return eos_; }
  /// Whether the token ends an answer: end of text, end of turn.
  bool ends_generation(Token id) const;

 private:
  friend class Model;
  heed_model* model_ = nullptr;
  int64_t size_ = 0;
  std::optional<Token> bos_, eos_;
};

/// Weights, tokenizer and graph: immutable. Sessions keep what they need of it.
class Model {
 public:
  /// Loads a GGUF file, given by path or by its name in the store.
  static Model load(const std::string& name_or_path, const LoadOptions& options = {});
  /// The same of a file's bytes, which begin at a multiple of 8 and must outlive the model.
  static Model load_memory(std::span<const std::byte> bytes, const LoadOptions& options = {});

  const ModelInfo& info() const { return info_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }

  /// The file's chat template; empty if it has none.
  const std::string& chat_template() const { return chat_template_; }
  /// The prompt the template makes of a conversation. Error(unsupported) without a template.
  std::string chat_prompt(std::span<const Message> messages,
                          bool add_generation_prompt = true) const;
  /// The same of a JSON object {"messages": ..., "tools": ...}; special tokens are filled in.
  std::string chat_prompt_json(std::string_view json_object) const;

  heed_model* handle() const { return handle_.get(); }  ///< for functions of heed.h

 private:
  template <typename Load>
  static Model load_with(const LoadOptions& options, const Load& load);
  explicit Model(heed_model* handle);

  detail::Owner<heed_model, heed_model_free> handle_;
  ModelInfo info_;
  Tokenizer tokenizer_;
  std::string chat_template_;
};

// ---- sessions ----------------------------------------------------------------------------------

class TextStream;

/// One conversation with a model (its key/value cache), or a worker that embeds or translates.
class Session {
 public:
  explicit Session(const Model& model, const SessionOptions& options = {});

  /// Bytes of cache and working memory that a session will have; nothing is made.
  static int64_t memory_needed(const Model& model, const SessionOptions& options = {});

  int threads() const { return static_cast<int>(info().threads); }
  int64_t context() const { return info().context; }
  int64_t position() const { return info().position; }  ///< tokens in the cache
  int64_t memory_bytes() const { return info().memory_bytes; }

  /// Makes the call that is at work on another thread throw Error(cancelled). The only function
  /// that may be called while another is at work.
  void cancel() { detail::check(heed_session_cancel(handle_.get())); }

  // Decoders.
  void rewind(int64_t position) { detail::check(heed_rewind(handle_.get(), position)); }
  std::vector<Token> tokens() const;  ///< in the cache
  void save(const std::filesystem::path& path) const;
  void restore(const std::filesystem::path& path);
  /// Appends tokens to the cache.
  void append(std::span<const Token> tokens);
  /// The same; logits [vocab] of the last one, valid until the next call.
  std::span<const float> eval(std::span<const Token> tokens);
  /// Appends tokens and hands out the logits of every one of them.
  void eval_all(std::span<const Token> tokens, const LogitsCallback& logits);
  /// Answers a prompt given as the whole text so far: what the cache already holds of it is kept.
  Generation generate(std::span<const Token> prompt, const GenerateOptions& options = {},
                      const TextCallback& on_text = {});
  /// Answers a conversation: the same of the prompt that the model's chat template makes of it.
  Generation chat(std::span<const Message> messages, const GenerateOptions& options = {},
                  const TextCallback& on_text = {});
  /// generate() as a range of texts, each made when it is asked for. One range at a time; other
  /// calls that change the cache end it.
  TextStream stream(std::span<const Token> prompt, const GenerateOptions& options = {});
  /// The last answer, or the one that is being made.
  Generation answer() const;
  /// Natural-log probability of each token after the first, given those before it.
  std::vector<double> score(std::span<const Token> tokens);

  // Encoders.
  Embeddings embed(std::span<const std::string> texts, const EmbedOptions& options = {});

  // Encoder-decoders.
  std::vector<Translation> translate(std::span<const std::string> texts,
                                     const TranslateOptions& options = {},
                                     const TranslationCallback& on_translation = {});
  /// Scores given translations: targets[i] of sources[i].
  std::vector<PairScore> score_pairs(std::span<const std::string> sources,
                                     std::span<const std::string> targets);

  /// What eval of `tokens` tokens after `position` others, or embedding a text, reads and computes.
  Work work(int64_t position, int64_t tokens) const;
  /// Where time went since the last call: a JSON array of kind, calls, seconds.
  std::string take_profile();

  heed_session* handle() const { return handle_.get(); }  ///< for functions of heed.h

 private:
  heed_session_info info() const;
  template <typename Call>
  Generation answer_of(const GenerateOptions& options, const TextCallback& on_text,
                       const Call& call);

  detail::Owner<heed_session, heed_session_free> handle_;
  size_t vocab_;
  size_t width_;
  std::vector<float> logits_;
};

/// An answer as an input range of texts, made by Session::stream.
class TextStream {
 public:
  class Iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit Iterator(TextStream& stream) : stream_(&stream) {}
    std::string_view operator*() const { return stream_->text_; }
    Iterator& operator++() {
      stream_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return stream_->ended_; }

   private:
    TextStream* stream_;
  };

  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  friend class Session;
  explicit TextStream(heed_session* session) : session_(session) { advance(); }

  /// To the next text that is not empty.
  void advance() {
    for (;;) {
      const char* text = nullptr;
      size_t length = 0;
      int32_t more = 0;
      detail::check(heed_generate_next(session_, &text, &length, &more));
      text_ = {text, length};
      ended_ = more == 0;
      if (ended_ || length > 0) return;
    }
  }

  heed_session* session_;
  std::string_view text_;
  bool ended_ = false;
};

// ---- converting --------------------------------------------------------------------------------

/// Writes a directory of Hugging Face's or CTranslate2's, or a GGUF file, as one GGUF file. The
/// report is a JSON object (heed_convert says of what).
std::string convert(const std::filesystem::path& source, const std::filesystem::path& out,
                    const ConvertOptions& options = {});

/// Measures on a text what each matrix of a model multiplies. The report is a JSON object.
std::string write_imatrix(const Model& model, std::string_view text,
                          const std::filesystem::path& out, const ImatrixOptions& options = {});

/// How far what a model computes is from its file's record: a JSON object.
std::string verify(const Model& model, const VerifyOptions& options = {});

}  // namespace v0
}  // namespace heed

#include "heed_inline.hpp"
