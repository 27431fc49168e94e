// What goes into the functions of heed.hpp and comes out of them, as plain records: the same for
// applications and in the engine. Included by heed.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heed_types.hpp"

namespace heed {

/// Called when `done` of `all` is done; what that counts is said where the callback is given. What
/// it throws ends the work.
using ProgressCallback = std::function<void(int64_t done, int64_t all)>;

// ---- models and their text ---------------------------------------------------------------------

struct LoadOptions {
  /// Dequantised weights and F32 arithmetic throughout: the reference. Slower, more memory.
  bool exact = false;
  bool map = true;  ///< map the file; false reads it into memory
  /// Only what the header holds: info(), tokenizer() and the chat template; no Session takes it.
  bool vocabulary_only = false;
  int threads = 0;                 ///< that pack weights; 0: the machine's
  ProgressCallback progress = {};  ///< bytes of the weights, about
};

/// What kind of work a model does: decides which of Session's functions it takes.
enum class ModelKind { decoder, encoder, encoder_decoder };

struct ModelInfo {
  std::filesystem::path path = {};
  std::string architecture = {};  ///< "llama"
  std::string name = {};          ///< as the file gives it
  std::string isa = {};           ///< kernels in use: "avx512"
  ModelKind kind = ModelKind::decoder;
  bool exact = false;
  int64_t parameters = 0;
  int64_t file_bytes = 0;
  int64_t weight_bytes = 0;  ///< packed, in memory; tables that are looked up stay in the file
  int64_t width = 0;
  int64_t layers = 0;
  int64_t vocab = 0;
  int64_t context = 0;  ///< longest the model was made for
  double load_seconds = 0;
};

struct TokenSpan {
  Token id = 0;
  int64_t begin = 0;  ///< byte offset into the text
  int64_t end = 0;
};

struct Message {
  std::string role = {};  ///< "system", "user", "assistant"
  std::string content = {};
};

// ---- sessions ----------------------------------------------------------------------------------

struct SessionOptions {
  int64_t context = 0;   ///< tokens the cache holds; 0: the model's own, at most 4,096
  int threads = 0;       ///< 0: the machine's
  int64_t ubatch = 512;  ///< tokens computed at once in prefill
  /// Of the cache. An exact model always uses f32, and so do translations with F32 weights.
  KvType kv_type = KvType::bf16;
  bool profile = false;  ///< measure steps, for Session::take_profile()
};

/// Called with each row of logits [vocab] in order; the span is valid during the call.
using LogitsCallback = std::function<void(int64_t row, std::span<const float> logits)>;

/// What a computation reads and computes, whatever it takes: beside the machine's limits it says
/// how fast the machine could be.
struct Work {
  int64_t passes = 0;  ///< through the model, each of which reads the weights once
  int64_t bytes = 0;   ///< read by all passes: packed weights, cached keys and values
  /// Multiplications and additions, counted apart, in matrices and attention: by the form in which
  /// the kernels in use multiply.
  int64_t f32_operations = 0;
  int64_t bf16_operations = 0;
  int64_t int8_operations = 0;

  int64_t operations() const { return f32_operations + bf16_operations + int8_operations; }
  Work& operator+=(const Work& other) {
    passes += other.passes;
    bytes += other.bytes;
    f32_operations += other.f32_operations;
    bf16_operations += other.bf16_operations;
    int8_operations += other.int8_operations;
    return *this;
  }
};

// ---- generating --------------------------------------------------------------------------------

/// How the next token is chosen. The defaults are greedy.
struct Sampling {
  float temperature = 0;  ///< 0: the likeliest token (after penalties and bias)
  int top_k = 40;         ///< keep the k likeliest; 0: all
  float top_p = 0.95f;    ///< keep the likeliest that sum to p; 1: all
  float min_p = 0.05f;    ///< drop what is less likely than min_p times the likeliest; 0: none
  float repeat_penalty = 1;
  float presence_penalty = 0;
  float frequency_penalty = 0;
  int repeat_last_n = 64;  ///< tokens the penalties look back on; -1: all, 0: none
  std::vector<std::pair<Token, float>> logit_bias = {};  ///< added to the logit; -inf forbids
  uint64_t seed = 0;
};

struct GenerateOptions {
  int64_t max_tokens = -1;  ///< -1: until the model ends or the context is full
  Sampling sampling = {};
  std::vector<std::string> stop = {};  ///< texts that end the answer, and are not part of it
  bool ignore_eos = false;
};

enum class StopReason { end_of_text, max_tokens, stop_text, context_full, callback };

struct Generation {
  std::string text = {};
  std::vector<Token> tokens = {};
  StopReason reason = StopReason::end_of_text;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  ///< of the prompt, already in the cache
  double prefill_seconds = 0;
  double decode_seconds = 0;  ///< of all tokens but the first, which prefill gives
};

/// Receives text as it is made, whole UTF-8 characters only; returning false stops.
using TextCallback = std::function<bool(std::string_view text)>;

// ---- embedding ---------------------------------------------------------------------------------

struct EmbedOptions {
  Pooling pooling = Pooling::model;
  bool normalize = true;
  bool truncate = false;  ///< cut texts longer than the model's context; else they are an error
  int64_t batch_tokens = 512;      ///< tokens computed at once: more would leave the caches
  ProgressCallback progress = {};  ///< texts
};

/// Row i is the embedding of text i.
struct Embeddings {
  int64_t rows = 0;
  int64_t width = 0;
  std::vector<float> values = {};  ///< [rows, width]
};

// ---- translating -------------------------------------------------------------------------------

/// How translations are searched for. What is not set is as the model's file says, and where that
/// says nothing as Hugging Face's transformers has it. Lengths count tokens as there: the start
/// token that comes before a translation is one, and so is the end.
struct TranslateOptions {
  std::optional<int64_t> beam_size = {};  ///< hypotheses followed at once; 1: greedy
  int64_t hypotheses = 1;                 ///< how many to return, best first: at most beam_size
  /// A hypothesis's score is its log-probability / tokens ^ length_penalty: more favours longer.
  std::optional<double> length_penalty = {};
  std::optional<int64_t> min_length = {};
  std::optional<int64_t> max_length = {};
  std::optional<int64_t> no_repeat_ngram = {};  ///< no n tokens in a row come twice; 0: they may
  std::optional<EarlyStopping> early_stopping = {};
  std::string prefix = {};  ///< text that every translation begins with
  int64_t batch = 32;       ///< texts at work at once
  bool truncate = false;    ///< cut texts longer than the model's context; else they are an error
};

struct Hypothesis {
  std::string text = {};
  std::vector<Token> tokens = {};  ///< with the prefix, without start and end
  /// Log-probability of what follows the prefix, divided as length_penalty says.
  double score = 0;
};

/// What one text became: the best hypotheses, best first. There may be fewer than were asked for
/// where fewer are possible.
struct Translation {
  std::vector<Hypothesis> hypotheses = {};
  int64_t source_tokens = 0;

  const std::string& text() const { return hypotheses.front().text; }
};

/// Receives each translation in the order of the texts, as soon as it and those before it are
/// there; returning false cancels.
using TranslationCallback = std::function<bool(size_t index, const Translation& translation)>;

/// How likely a model finds a given translation.
struct PairScore {
  std::vector<Token> tokens = {};  ///< of the target, the end included
  /// Natural-log probability of each, given the source and its past.
  std::vector<double> logprobs = {};
};

// ---- converting --------------------------------------------------------------------------------

struct ConvertOptions {
  /// Of the matrices: f32, f16, q8_0 ..., or a mix of types: q4_k_m ... Empty: f16 for a directory,
  /// for a GGUF file what each has.
  std::string type = {};
  /// Regular expressions and types of the matrices in whose names they match, whatever `type` says;
  /// the first that matches counts.
  std::vector<std::pair<std::string, std::string>> tensor_types = {};
  /// Keys of the metadata and values as text, in the type that the key has; new keys get the type
  /// that the value looks like: true, false, whole numbers, numbers, else strings.
  std::vector<std::pair<std::string, std::string>> metadata = {};
  /// What write_imatrix() wrote, or llama-imatrix: errors of each column count as it says.
  /// Empty: as the run of the source says that `record` asks for.
  std::filesystem::path imatrix = {};
  /// Run a few texts through the source in F32 first: what it computes is kept in the file, for
  /// verify(), and errors of rounding count as much as what matrices multiply. A GGUF file that has
  /// such a record hands it on. Without it they all count alike, unless there is an imatrix.
  bool record = true;
  int threads = 0;
  /// Bytes of the source, which is read once to be run and once to be written.
  ProgressCallback progress = {};
};

struct ImatrixOptions {
  int64_t context = 512;  ///< tokens of a chunk of text
  int threads = 0;
  std::string dataset = {};        ///< the text's name, for the file
  ProgressCallback progress = {};  ///< tokens
};

struct VerifyOptions {
  int threads = 0;
  ProgressCallback progress = {};  ///< tokens
};

}  // namespace heed
