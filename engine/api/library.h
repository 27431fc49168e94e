// The library as a whole, in C++: what engine/c_api/ makes heed.h of, and what tests of whole
// models use. Applications, the tools among them, see heed.h and heed.hpp instead.
//
//   heed::Model model = heed::Model::load("smollm2");
//   heed::Session session(model);
//   session.generate(model.tokenizer().encode("The capital of France is"), {.max_tokens = 8},
//                    [](std::string_view text) { std::cout << text; return true; });
//
// Every function throws heed::Error where it cannot do what it says, and nothing else of its own.
// A Model and its Tokenizer are immutable and may be shared by any number of threads; a Session
// belongs to one thread at a time. The library never prints, exits or aborts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/api/store.h"
#include "engine/convert/convert.h"
#include "engine/decode/generate.h"
#include "engine/graph/work.h"
#include "engine/kernels/machine.h"
#include "heed_error.hpp"
#include "heed_records.hpp"

namespace heed {

/// "0.1.0"
std::string_view version();

// ---- what a file holds -------------------------------------------------------------------------

struct TensorInfo {
  std::string name;
  std::string type;            ///< "q4_1"
  std::vector<int64_t> shape;  ///< outermost dimension first
  int64_t bytes = 0;
};

struct FileInfo {
  std::filesystem::path path;
  std::string architecture;
  int64_t parameters = 0;  ///< elements of all tensors
  int64_t bytes = 0;       ///< of the file
  /// Keys in file order; values as text, long strings and arrays shortened: "[49152 strings]".
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<TensorInfo> tensors;
};

/// Reads a GGUF file's header; no weights are loaded and the architecture need not be known.
FileInfo inspect(const std::string& name_or_path);

/// The graph of layers a file describes, one layer a line, or as a DOT digraph.
std::string describe_graph(const std::string& name_or_path, bool dot = false);

// ---- text --------------------------------------------------------------------------------------

/// The tokenizer of a model. A view: it lives as long as any copy of its Model.
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
  int64_t size() const;
  std::optional<Token> bos() const;
  std::optional<Token> eos() const;
  /// Whether the token ends an answer: end of text, end of turn.
  bool ends_generation(Token id) const;

  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<const Impl> impl_;
};

/// Renders a Jinja chat template with the variables of a JSON object (messages, bos_token,
/// add_generation_prompt, tools, ...), as transformers does. Error(format) has the line.
std::string render_template(std::string_view source, std::string_view json_object);

// ---- models ------------------------------------------------------------------------------------

/// Weights, tokenizer and graph: immutable, cheap to copy (copies share everything).
class Model {
 public:
  /// Loads and packs a GGUF file, given by path or by its name in the store.
  static Model load(const std::string& name_or_path, const LoadOptions& options = {});
  /// The same of a file's bytes, which begin at a multiple of 8 and must outlive all copies of the
  /// model.
  static Model load_memory(std::span<const std::byte> bytes, const LoadOptions& options = {});

  const ModelInfo& info() const;
  const Tokenizer& tokenizer() const;

  /// The file's chat template; empty if it has none.
  const std::string& chat_template() const;
  /// The prompt the template makes of a conversation. Error(unsupported) without a template, or
  /// what is wrong with it: a model whose template Heed cannot read does all else.
  std::string chat_prompt(std::span<const Message> messages,
                          bool add_generation_prompt = true) const;
  /// The same of a JSON object {"messages": ..., "tools": ...}; special tokens are filled in.
  std::string chat_prompt_json(std::string_view json_object) const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// ---- sessions ----------------------------------------------------------------------------------

/// Time spent in steps of one kind: "blk.ffn_down" is that of all blocks.
struct StepTime {
  std::string kind;
  int64_t calls = 0;
  double seconds = 0;  ///< until the last thread was ready
};

/// One conversation with a model (its key/value cache), or a worker that embeds or translates.
class Session {
 public:
  explicit Session(Model model, const SessionOptions& options = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Bytes of cache and working memory that a session will have; nothing is made. 0 for an
  /// encoder-decoder, whose memory depends on what it translates.
  static int64_t memory_needed(const Model& model, const SessionOptions& options = {});

  const Model& model() const;
  int threads() const;

  /// Makes the call that is at work on another thread throw Error(cancelled), after the token or
  /// the batch that it is at. The only function that may be called while another is at work.
  void cancel();
  /// What was cancelled was a call before. The caller says so before each call but next(), since
  /// getting the arguments of a call ready is a part of it that may take long.
  void begin_call();

  // Decoders. Tokens are appended to the cache; Error(limit) states both numbers when they do not
  // fit, before any work.
  int64_t context() const;
  int64_t position() const;  ///< tokens in the cache
  /// Forgets all tokens from `position` on.
  void rewind(int64_t position);
  /// The tokens in the cache.
  std::span<const Token> tokens() const;
  /// Writes the tokens and their keys and values to a file, whole or not at all.
  void save(const std::filesystem::path& path);
  /// Takes up what a session of the same model and kv type has saved, in this process or another:
  /// what it says next is the same, bit for bit. Error(format) for a damaged file,
  /// Error(unsupported) naming what differs, Error(limit) for a context that is too small; the
  /// cache is empty then.
  void restore(const std::filesystem::path& path);
  /// Appends tokens; logits [vocab] of the last one, valid until the next call.
  std::span<const float> eval(std::span<const Token> tokens);
  /// Appends tokens and hands out the logits of every one of them.
  void eval_all(std::span<const Token> tokens, const LogitsCallback& logits);
  /// Answers a prompt given as the whole text so far: what the cache already holds of it is kept.
  Generation generate(std::span<const Token> prompt, const GenerateOptions& options = {},
                      const TextCallback& on_text = {});
  /// Answers a conversation: the same of the prompt that the model's chat template makes of it.
  Generation chat(std::span<const Message> messages, const GenerateOptions& options = {},
                  const TextCallback& on_text = {});
  /// generate() a piece at a time: reads the prompt, after which next() makes a token more and
  /// returns the text that it completes (which may be empty, and is valid until the next call), or
  /// nothing once the answer has ended. Any other call that changes the cache ends it too.
  void start(std::span<const Token> prompt, const GenerateOptions& options = {});
  std::optional<std::string_view> next();
  /// The answer that is being made, as far as it goes, or the last one.
  const Generation& answer() const;
  /// Natural-log probability of each token after the first, given those before it. The tokens are
  /// taken in windows of the context length; starts from an empty cache and leaves it empty.
  std::vector<double> score(std::span<const Token> tokens);

  // Encoders.
  Embeddings embed(std::span<const std::string> texts, const EmbedOptions& options = {});

  // Encoder-decoders.
  /// Translates texts, options.batch at once. A text without tokens becomes an empty one. Throws,
  /// before any work: Error(limit) "text 7: ..." for one that is too long, Error(argument) naming
  /// an option out of range.
  std::vector<Translation> translate(std::span<const std::string> texts,
                                     const TranslateOptions& options = {},
                                     const TranslationCallback& on_translation = {});
  /// Scores given translations: targets[i] of sources[i].
  std::vector<PairScore> score_pairs(std::span<const std::string> sources,
                                     std::span<const std::string> targets);

  /// Bytes of the cache and of working memory.
  int64_t memory_bytes() const;
  /// Of a decoder: what eval of `tokens` tokens does when `position` tokens are in the cache. Of an
  /// encoder: what embedding one text of `tokens` tokens does (position 0). Nothing is computed.
  /// Error(unsupported) for encoder-decoders, whose work depends on what they write.
  Work work(int64_t position, int64_t tokens) const;
  /// Where time went since the last call, in the order of the steps. Error(argument) without
  /// SessionOptions::profile.
  std::vector<StepTime> take_profile();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ---- converting --------------------------------------------------------------------------------

/// Writes a directory of Hugging Face's or CTranslate2's, or a GGUF file (by path or by its name in
/// the store), as one GGUF file. What keeps its type is copied byte for byte, and so is the
/// metadata of a GGUF file, but for what says the type. The old `out` stays until the new is
/// complete.
ConvertReport convert(const std::filesystem::path& source, const std::filesystem::path& out,
                      const ConvertOptions& options = {});

/// How far what a model computes is from what its file's record says of the weights it was made of.
struct VerifyReport {
  struct Layer {
    std::string name;
    /// Of the directions of its output's rows: 0 where they are the same, 1.4 where they have
    /// nothing in common.
    double error = 0;
  };
  std::vector<Layer> layers;  ///< as they are computed, an encoder's first
  /// The first layer that errs more than its rounding and the errors it was handed explain; empty
  /// where none does.
  std::string drifting = {};
  int64_t texts = 0;
  int64_t tokens = 0;      ///< that were predicted; 0 for a model without a head
  int64_t agreements = 0;  ///< of these: the likeliest token is the record's
  double divergence = 0;   ///< of these: mean KL(record || model), nats, the recorded tokens one
                           ///< by one and all others as one
  double similarity = 1;   ///< of embeddings: the least cosine with the record's
};

/// Runs the texts of the file's record through the model, as it was loaded. Throws
/// Error(unsupported) if the file has none, Error(format) for one that is damaged or of another
/// model.
VerifyReport verify(const Model& model, const VerifyOptions& options = {});

struct ImatrixReport {
  int64_t matrices = 0;
  int64_t tokens = 0;
  int64_t chunks = 0;
};

/// Measures on a text what each matrix of a model multiplies: mean squares of its columns, for
/// ConvertOptions::imatrix. A decoder reads the text in chunks of `context` tokens, an encoder each
/// line by itself. The file is llama.cpp's GGUF form. Error(unsupported) for encoder-decoders.
ImatrixReport write_imatrix(const Model& model, std::string_view text,
                            const std::filesystem::path& out, const ImatrixOptions& options = {});

// ---- the machine -------------------------------------------------------------------------------

struct MachineInfo {
  std::string cpu;
  std::vector<std::pair<std::string, bool>> features;
  std::vector<std::string> isas;  ///< instruction sets this machine can run, worst first
  std::string isa;                ///< the one in use
  std::string isa_reason;         ///< "best of the machine", "HEED_ISA"
  int threads = 0;                ///< default
  int64_t memory_bytes = 0;
};

MachineInfo machine_info();

/// Measures this machine, with the best of its instruction sets: about two seconds, and 1 GiB.
MachineLimits measure_machine(int threads = 0);

}  // namespace heed
