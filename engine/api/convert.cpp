// heed::convert and heed::write_imatrix: the options, checked, and the work of engine/convert.
#include "engine/convert/convert.h"

#include <algorithm>

#include "engine/api/library.h"
#include "engine/api/model_impl.h"
#include "engine/core/error.h"
#include "engine/core/thread_team.h"
#include "engine/decode/decoder.h"
#include "engine/decode/encoder.h"

namespace heed {
namespace {

namespace fs = std::filesystem;

int threads_or_default(int threads) {
  return threads > 0 ? threads : default_threads();
}

/// What a text makes a model multiply.
struct Measurement {
  AllInputSquares squares;
  int64_t tokens = 0;
  int64_t chunks = 0;
  int64_t chunk_tokens = 0;  ///< at most
};

/// Chunks of the text, each after the token that begins texts, if the model has one.
Measurement measure_decoder(const Model& model, std::string_view text,
                            const ImatrixOptions& options) {
  const LoadedModel& loaded = model.impl().loaded;
  const std::vector<Token> tokens = model.tokenizer().encode(text);
  const std::optional<Token> bos = model.tokenizer().bos();
  const bool starts = bos && !tokens.empty() && tokens[0] == *bos;
  const int64_t context = std::min(options.context, loaded.graph.main.dims.context);
  if (context < 2) {
    fail(Error::Code::argument, "an imatrix's chunks: expected 2 tokens or more, found ", context);
  }
  Measurement result{.chunk_tokens = context};
  const bool exact = loaded.weights->exact();
  Decoder decoder(loaded.graph.main, *loaded.weights,
                  {.context = context,
                   .threads = threads_or_default(options.threads),
                   .kv_type = exact ? KvType::f32 : KvType::bf16,
                   .input_squares = &result.squares});
  std::vector<Token> chunk;
  for (size_t at = 0; at < tokens.size(); ++result.chunks) {
    chunk.clear();
    if (starts && at > 0) chunk.push_back(*bos);
    const size_t room = static_cast<size_t>(context) - chunk.size();
    const size_t count = std::min(room, tokens.size() - at);
    chunk.insert(chunk.end(), tokens.begin() + static_cast<ptrdiff_t>(at),
                 tokens.begin() + static_cast<ptrdiff_t>(at + count));
    decoder.rewind(0);
    decoder.eval(chunk);
    at += count;
    result.tokens += static_cast<int64_t>(chunk.size());
    if (options.progress) {
      options.progress(static_cast<int64_t>(at), static_cast<int64_t>(tokens.size()));
    }
  }
  return result;
}

/// The lines of the text that hold anything, each at most `most` tokens.
std::vector<std::vector<Token>> encode_lines(const Model& model, std::string_view text,
                                             int64_t most) {
  std::vector<std::vector<Token>> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    std::vector<Token>& tokens = lines.emplace_back(model.tokenizer().encode(line));
    tokens.resize(std::min(tokens.size(), static_cast<size_t>(most)));
  }
  return lines;
}

Measurement measure_encoder(const Model& model, std::string_view text,
                            const ImatrixOptions& options) {
  const LoadedModel& loaded = model.impl().loaded;
  Measurement result;
  Encoder encoder(loaded.graph.main, *loaded.weights,
                  {.rows = 512,
                   .threads = threads_or_default(options.threads),
                   .input_squares = &result.squares});
  const int64_t most = std::min(options.context, encoder.context());
  result.chunk_tokens = most;
  const auto lines = encode_lines(model, text, most);
  int64_t all = 0;
  for (const auto& line : lines) all += std::ssize(line);
  std::vector<float> embedding(static_cast<size_t>(encoder.width()));
  for (const std::vector<Token>& line : lines) {
    encoder.run({&line, 1}, embedding.data());
    result.tokens += std::ssize(line);
    ++result.chunks;
    if (options.progress) options.progress(result.tokens, all);
  }
  return result;
}

}  // namespace

ConvertReport convert(const fs::path& source, const fs::path& out, const ConvertOptions& options) {
  Conversion conversion{.edits = options.metadata, .record = options.record};
  if (!options.type.empty()) conversion.mix = &find_type_mix(options.type);
  for (const auto& [pattern, type] : options.tensor_types) {
    conversion.type_rules.push_back(TypeRule::parse(pattern, type));
  }
  if (!options.imatrix.empty()) conversion.imatrix = Imatrix::read(options.imatrix);
  ThreadTeam team(threads_or_default(options.threads));
  const ConvertTarget target{.path = out, .team = team, .progress = options.progress};
  const fs::path found = find_model(source.string());
  std::error_code ignored;
  if (fs::is_directory(found, ignored)) {
    return convert_directory(Source::open(found), conversion, target);
  }
  return convert_gguf(GgufFile::open(found), conversion, target);
}

ImatrixReport write_imatrix(const Model& model, std::string_view text, const fs::path& out,
                            const ImatrixOptions& options) {
  const ModelInfo& info = model.info();
  if (info.kind == ModelKind::encoder_decoder) {
    fail(Error::Code::unsupported, "an imatrix needs a decoder or an encoder: ", info.path.string(),
         " is of architecture '", info.architecture, "'");
  }
  if (!model.impl().loaded.weights) {
    fail(Error::Code::argument, info.path.string(),
         ": loaded with vocabulary_only, expected weights");
  }
  const Measurement measured = info.kind == ModelKind::decoder
                                   ? measure_decoder(model, text, options)
                                   : measure_encoder(model, text, options);
  if (measured.tokens == 0) fail(Error::Code::argument, "the text for the imatrix has no tokens");
  write_imatrix(out, measured.squares,
                {.datasets = {options.dataset},
                 .chunks = static_cast<uint32_t>(measured.chunks),
                 .chunk_tokens = static_cast<uint32_t>(measured.chunk_tokens)});
  ImatrixReport report{.tokens = measured.tokens, .chunks = measured.chunks};
  for (const InputSquares& input : measured.squares) report.matrices += std::ssize(input.matrices);
  return report;
}

}  // namespace heed
