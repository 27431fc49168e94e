// What is behind heed::Session. Shared by the files of engine/api/ alone.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/model_impl.h"
#include "engine/api/profile.h"
#include "engine/core/error.h"
#include "engine/decode/decoder.h"
#include "engine/decode/encoder.h"
#include "engine/decode/generate.h"
#include "engine/decode/seq2seq_workers.h"

namespace heed {

/// The type of keys and values where `asked` is asked for. Scores of a search and embeddings may
/// differ little: where a model's weights are not rounded, keys and values are not either.
KvType rounded_kv_type(const LoadedModel& model, KvType asked);

struct Session::Impl {
  explicit Impl(Model of) : model(std::move(of)) {}

  Model model;
  int threads = 1;
  KvType kv_type = KvType::bf16;  ///< asked for
  std::optional<Decoder> decoder;
  std::optional<Generator> generator;  ///< of the answer that is being made, piece by piece
  Generation last_answer;              ///< if none is
  std::optional<Encoder> encoder;
  // Made by the first call that needs it, again where options differ.
  std::optional<Seq2Seq> seq2seq;         ///< all threads on the same sources
  std::optional<Seq2SeqWorkers> workers;  ///< each on its own
  Seq2SeqOptions seq2seq_options;         ///< of either
  std::unique_ptr<Profile> profile;       ///< null: not asked for
  std::atomic<bool> cancelled = false;

  const LoadedModel& loaded() const { return model.impl().loaded; }

  /// For a call that changes the cache.
  Decoder& need_decoder(const char* what) {
    if (!decoder) wrong_kind(what, "a decoder");
    if (generator) last_answer = generator->result();
    generator.reset();
    return *decoder;
  }
  Encoder& need_encoder(const char* what) {
    if (!encoder) wrong_kind(what, "an encoder that gives sentence embeddings");
    return *encoder;
  }
  /// Of an encoder-decoder. Threads and the type of keys and values are the session's, whatever the
  /// options say.
  Seq2Seq& need_seq2seq(Seq2SeqOptions options);
  Seq2SeqWorkers& need_workers(Seq2SeqOptions options);
  void set_seq2seq_options(Seq2SeqOptions options);

  [[noreturn]] void wrong_kind(const char* what, const char* wanted) const {
    fail(Error::Code::unsupported, what, " needs ", wanted, ": ", model.info().path.string(),
         " is of architecture '", model.info().architecture, "'");
  }

  /// The tokens of text `index`, cut or refused beyond `most`.
  std::vector<Token> checked_tokens(const std::string& text, size_t index, int64_t most,
                                    bool truncate) const {
    if (cancelled) fail(Error::Code::cancelled, "cancelled");
    std::vector<Token> tokens = model.tokenizer().encode(text);
    const int64_t count = static_cast<int64_t>(tokens.size());
    if (count <= most) return tokens;
    if (!truncate) {
      fail(Error::Code::limit, "text ", index + 1, ": ", count, " tokens, the model takes ", most);
    }
    // What ends a text (the separator) stays at the end.
    tokens[static_cast<size_t>(most - 1)] = tokens.back();
    tokens.resize(static_cast<size_t>(most));
    return tokens;
  }
  std::vector<std::vector<Token>> checked_lists(std::span<const std::string> texts, Encoder& with,
                                                bool truncate) const;
};

}  // namespace heed
