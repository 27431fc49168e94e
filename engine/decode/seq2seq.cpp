#include "engine/decode/seq2seq.h"

#include <algorithm>
#include <numeric>

#include "engine/core/error.h"

namespace heed {
namespace {

/// Tokens of sources in one pass of the encoder.
constexpr int64_t kEncoderRows = 1024;

/// Room that a place has at first for keys and values of a source and of its hypotheses. It grows
/// with what it is given: for the longest there may be it would be ten times as much.
constexpr int64_t kSourceTokens = 64;
constexpr int64_t kCells = 128;

/// For so many places a source is encoded ahead: fewer would waste an encoder's pass.
constexpr size_t kAheadShare = 2;

Seq2SeqOptions checked(const ModelGraph& model, const Seq2SeqOptions& options) {
  const int64_t most = model.main.dims.context;
  if (options.search.max_length > most) {
    fail(Error::Code::limit, "max_length of ", options.search.max_length,
         " tokens: the model was made for ", most);
  }
  if (options.batch < 1) fail(Error::Code::argument, "batch of ", options.batch, " sources");
  return options;
}

PlanOptions encoder_plan(const ModelGraph& model, const Weights& decoder,
                         const Seq2SeqOptions& options) {
  const int64_t context = model.memory->dims.context;
  return {.rows = std::max(kEncoderRows, context),
          .wanted = 0,
          .positions = context,
          .kv_type = options.kv_type,
          .attended_by = &decoder};
}

PlanOptions decoder_plan(const ModelGraph& model, const Seq2SeqOptions& options) {
  const int64_t context = model.main.dims.context;
  const int64_t rows = std::max(options.batch * options.search.beams, context);
  return {.rows = rows, .wanted = rows, .positions = context, .kv_type = options.kv_type};
}

}  // namespace

// ---- passes ------------------------------------------------------------------------------------

Seq2Seq::Runner::Runner(const Graph& graph, const Weights& weights, const PlanOptions& options,
                        int threads)
    : vocab(graph.dims.vocab),
      positions(graph.dims.context),
      plan(weights, options),
      workspace(plan.make_workspace(threads)) {
  const auto rows = static_cast<size_t>(options.rows);
  tokens.reserve(rows);
  row_positions.reserve(rows);
  sequences.reserve(rows);
  wanted.reserve(rows);
  cells.reserve(rows);
  visible.reserve(rows);
}

void Seq2Seq::Runner::clear() {
  tokens.clear();
  row_positions.clear();
  sequences.clear();
  wanted.clear();
  cells.clear();
  visible.clear();
}

void Seq2Seq::Runner::add_row(Token token, int64_t position, int32_t cell, const uint16_t* mask) {
  tokens.push_back(token);
  row_positions.push_back(static_cast<int32_t>(position));
  if (mask == nullptr) return;
  cells.push_back(cell);
  visible.push_back(mask);
}

void Seq2Seq::run(Runner& runner, float* out) {
  runner.plan.run({.tokens = runner.tokens,
                   .positions = runner.row_positions,
                   .sequences = runner.sequences,
                   .wanted = runner.wanted,
                   .out = out,
                   .kv_type = options_.kv_type,
                   .cancel = cancel_,
                   .cells = runner.cells,
                   .visible = runner.visible},
                  team_, runner.workspace, trace_ ? &trace_ : nullptr);
}

// ---- places ------------------------------------------------------------------------------------

Seq2Seq::Encoded::Encoded(const ModelGraph& model, const Seq2SeqOptions& options)
    : memory(memory_shape(model.main), options.kv_type, kSourceTokens) {}

Seq2Seq::Slot::Slot(const ModelGraph& model, const Seq2SeqOptions& options, const Kernels& kernels)
    : encoded(model, options),
      search(options.search, model.main.dims.vocab, kernels),
      masks(options.search.beams, options.search.max_length),
      cache(kv_shape(model.main), options.kv_type, kCells) {
  parents.reserve(static_cast<size_t>(options.search.beams));
}

Seq2Seq::Seq2Seq(const ModelGraph& model, const Weights& weights, const Weights& memory_weights,
                 const Seq2SeqOptions& options)
    : kernels_(weights.kernels()),
      options_(checked(model, options)),
      team_(options.threads),
      encoder_(*model.memory, memory_weights, encoder_plan(model, weights, options),
               options.threads),
      decoder_(model.main, weights, decoder_plan(model, options), options.threads) {
  slots_.reserve(static_cast<size_t>(options.batch));
  for (int64_t i = 0; i < options.batch; ++i) slots_.emplace_back(model, options, kernels_);
  const size_t ahead = std::max<size_t>(1, slots_.size() / kAheadShare);
  for (size_t i = 0; i < ahead; ++i) ahead_.emplace_back(model, options);
  coming_.reserve(slots_.size());
  busy_.reserve(slots_.size());
  logits_.resize(static_cast<size_t>(options.batch * options.search.beams * decoder_.vocab));
}

int64_t Seq2Seq::bytes() const {
  int64_t bytes = encoder_.plan.bytes(team_.size()) + decoder_.plan.bytes(team_.size());
  for (const Slot& slot : slots_) bytes += slot.cache.bytes() + slot.encoded.memory.bytes();
  for (const Encoded& encoded : ahead_) bytes += encoded.memory.bytes();
  return bytes + static_cast<int64_t>(logits_.size() * sizeof(float));
}

void Seq2Seq::check(std::span<const Tokens> sequences, int64_t most, int64_t vocab,
                    const char* what) {
  for (const Tokens& tokens : sequences) {
    const int64_t count = static_cast<int64_t>(tokens.size());
    if (count == 0) fail(Error::Code::argument, "a ", what, " of no tokens: expected at least one");
    if (count > most) {
      fail(Error::Code::limit, "a ", what, " of ", count, " tokens: the model takes ", most);
    }
    for (const Token token : tokens) {
      if (token >= 0 && token < vocab) continue;
      fail(Error::Code::argument, "token ", token, ": expected 0 to ", vocab - 1);
    }
  }
}

// ---- translating -------------------------------------------------------------------------------

void Seq2Seq::translate(std::span<const Tokens> sources, std::span<const Token> prompt,
                        const Done& done) {
  SourceQueue queue(sources);
  translate(queue, prompt, done);
}

void Seq2Seq::translate(SourceQueue& queue, std::span<const Token> prompt, const Done& done) {
  check(queue.sources(), encoder_.positions, encoder_.vocab, "source");
  slots_[0].search.start(prompt);               // refuses what it cannot begin with
  for (Slot& slot : slots_) slot.busy = false;  // an earlier call may have ended by an exception
  coming_.clear();
  while (true) {
    admit(queue, prompt);
    if (busy_.empty()) return;
    step();
    for (Slot* slot : busy_) {
      if (!slot->search.done()) continue;
      slot->busy = false;
      if (!done(slot->encoded.source, slot->search.results())) return;
    }
  }
}

/// Lets the encoder make some sources ready, `wanted` of them if there are so many: more than that
/// where enough are left for the other threads.
void Seq2Seq::encode_ahead(SourceQueue& queue, size_t wanted) {
  constexpr size_t kShare = 16;  // of what is left: few enough that threads end together
  wanted = std::clamp(queue.left() / kShare, std::min(wanted, ahead_.size()), ahead_.size());
  coming_.clear();
  for (Encoded& encoded : std::span(ahead_).first(wanted)) {
    const std::optional<size_t> source = queue.take();
    if (!source) break;
    encoded.source = *source;
    coming_.push_back(&encoded);
  }
  encode(queue.sources(), coming_);
  std::ranges::reverse(coming_);  // the first is taken first, from the end
}

/// Fills free places. Sources are encoded several at a time and wait for a place: so no place has
/// to, and the decoder's passes are full.
void Seq2Seq::admit(SourceQueue& queue, std::span<const Token> prompt) {
  const auto is_free = [](const Slot& slot) { return !slot.busy; };
  auto free = static_cast<size_t>(std::ranges::count_if(slots_, is_free));
  busy_.clear();
  for (Slot& slot : slots_) {
    if (!slot.busy) {
      if (coming_.empty() && queue.left() > 0) encode_ahead(queue, free);
      --free;
      if (coming_.empty()) continue;
      std::swap(slot.encoded, *coming_.back());
      coming_.pop_back();
      begin(slot, prompt);
    }
    busy_.push_back(&slot);
  }
}

/// Begins the search for the source that a place has got.
void Seq2Seq::begin(Slot& slot, std::span<const Token> prompt) {
  slot.busy = true;
  slot.search.start(prompt);
  prefill(slot, prompt.first(prompt.size() - 1));
  slot.parents.assign(1, 0);
  slot.masks.advance(slot.parents);
}

/// Runs sources through the encoder: as many at once as fit into a pass.
void Seq2Seq::encode(std::span<const Tokens> sources, std::span<Encoded* const> encoded) {
  for (size_t begin = 0, end = 0; begin < encoded.size(); begin = end) {
    encoder_.clear();
    for (; end < encoded.size(); ++end) {
      Encoded& one = *encoded[end];
      const Tokens& source = sources[one.source];
      const auto first = static_cast<int64_t>(encoder_.tokens.size());
      one.tokens = static_cast<int64_t>(source.size());
      if (first + one.tokens > encoder_.plan.rows()) break;
      one.memory.reserve(one.tokens);
      encoder_.sequences.push_back(
          {.first_row = first, .rows = one.tokens, .memory = &one.memory.view()});
      for (size_t i = 0; i < source.size(); ++i) {
        encoder_.add_row(source[i], static_cast<int64_t>(i), 0, nullptr);
      }
    }
    run(encoder_, nullptr);
  }
}

/// Puts the keys and values of a prefix into the cache: token i into cell i.
void Seq2Seq::prefill(Slot& slot, std::span<const Token> prefix) {
  slot.masks.start(static_cast<int64_t>(prefix.size()));
  if (prefix.empty()) return;
  slot.cache.reserve(static_cast<int64_t>(prefix.size()));
  decoder_.clear();
  decoder_.sequences.push_back({.rows = static_cast<int64_t>(prefix.size()),
                                .cache = &slot.cache.view(),
                                .memory = &slot.encoded.memory.view(),
                                .memory_tokens = slot.encoded.tokens});
  for (size_t i = 0; i < prefix.size(); ++i) {
    decoder_.add_row(prefix[i], static_cast<int64_t>(i), 0, nullptr);
  }
  run(decoder_, nullptr);
}

/// One token for every hypothesis of every source.
void Seq2Seq::step() {
  decoder_.clear();
  for (Slot* slot : busy_) {
    const std::span<const BeamSearch::Live> live = slot->search.live();
    slot->first_row = static_cast<int64_t>(decoder_.tokens.size());
    slot->cache.reserve(slot->masks.used());
    decoder_.sequences.push_back({.first_row = slot->first_row,
                                  .rows = static_cast<int64_t>(live.size()),
                                  .cache = &slot->cache.view(),
                                  .used_cells = slot->masks.used(),
                                  .memory = &slot->encoded.memory.view(),
                                  .memory_tokens = slot->encoded.tokens});
    for (size_t i = 0; i < live.size(); ++i) {
      decoder_.add_row(live[i].token, slot->search.length() - 1, slot->masks.cell(i),
                       slot->masks.mask(i));
    }
  }
  decoder_.wanted.resize(decoder_.tokens.size());
  std::iota(decoder_.wanted.begin(), decoder_.wanted.end(), int64_t{0});
  run(decoder_, logits_.data());

  const auto vocab = static_cast<size_t>(decoder_.vocab);
  team_.run([&](int thread) {
    const Range mine = split(static_cast<int64_t>(busy_.size()), thread, team_.size());
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      Slot& slot = *busy_[static_cast<size_t>(i)];
      const size_t rows = slot.search.live().size();
      slot.search.advance(
          {logits_.data() + static_cast<size_t>(slot.first_row) * vocab, rows * vocab});
      if (slot.search.done()) continue;
      slot.parents.clear();
      for (const BeamSearch::Live& live : slot.search.live()) slot.parents.push_back(live.parent);
      slot.masks.advance(slot.parents);
    }
  });
}

// ---- scoring -----------------------------------------------------------------------------------

std::vector<std::vector<double>> Seq2Seq::score(std::span<const Tokens> sources,
                                                std::span<const Tokens> targets) {
  if (sources.size() != targets.size()) {
    fail(Error::Code::argument, sources.size(), " sources and ", targets.size(), " targets");
  }
  check(sources, encoder_.positions, encoder_.vocab, "source");
  check(targets, decoder_.positions + 1, decoder_.vocab, "target");  // the last is not read
  std::vector<std::vector<double>> scores;
  for (Slot& slot : slots_) slot.busy = false;
  for (size_t begin = 0, end = 0; begin < sources.size(); begin = end) {
    size_t rows = 0;
    while (end < sources.size() && end - begin < slots_.size() &&
           rows + targets[end].size() <= static_cast<size_t>(decoder_.plan.rows())) {
      rows += targets[end++].size();
    }
    score_batch(sources.subspan(begin, end - begin), targets.subspan(begin, end - begin), scores);
  }
  return scores;
}

void Seq2Seq::score_batch(std::span<const Tokens> sources, std::span<const Tokens> targets,
                          std::vector<std::vector<double>>& scores) {
  std::vector<std::span<const Token>> read;  // nothing comes after the last
  for (const Tokens& target : targets) read.push_back(std::span(target).first(target.size() - 1));
  predict(sources, read);
  const auto vocab = static_cast<size_t>(decoder_.vocab);
  const float* row = logits_.data();
  for (const Tokens& target : targets) {
    std::vector<double>& score = scores.emplace_back();
    for (size_t t = 1; t < target.size(); ++t, row += vocab) {
      const float sum = kernels_.logsumexp(row, decoder_.vocab, nullptr);
      score.push_back(row[static_cast<size_t>(target[t])] - sum);
    }
  }
}

void Seq2Seq::eval_all(const Tokens& source, const Tokens& target, const Rows& rows) {
  check({&source, 1}, encoder_.positions, encoder_.vocab, "source");
  check({&target, 1}, std::min(decoder_.positions, decoder_.plan.rows()), decoder_.vocab, "target");
  for (Slot& slot : slots_) slot.busy = false;
  const std::span<const Token> read = target;
  predict({&source, 1}, {&read, 1});
  const auto vocab = static_cast<size_t>(decoder_.vocab);
  for (size_t t = 0; t < target.size(); ++t) {
    rows(static_cast<int64_t>(t), {logits_.data() + t * vocab, vocab});
  }
}

/// Leaves the logits after every token of all targets, one after the other, in logits_.
void Seq2Seq::predict(std::span<const Tokens> sources,
                      std::span<const std::span<const Token>> targets) {
  coming_.clear();
  for (size_t i = 0; i < sources.size(); ++i) {
    slots_[i].encoded.source = i;
    coming_.push_back(&slots_[i].encoded);
  }
  encode(sources, coming_);
  decoder_.clear();
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].empty()) continue;
    decoder_.sequences.push_back({.first_row = std::ssize(decoder_.tokens),
                                  .rows = std::ssize(targets[i]),
                                  .memory = &slots_[i].encoded.memory.view(),
                                  .memory_tokens = slots_[i].encoded.tokens});
    for (size_t t = 0; t < targets[i].size(); ++t) {
      decoder_.add_row(targets[i][t], static_cast<int64_t>(t), 0, nullptr);
    }
  }
  decoder_.wanted.resize(decoder_.tokens.size());
  std::iota(decoder_.wanted.begin(), decoder_.wanted.end(), int64_t{0});
  const auto vocab = static_cast<size_t>(decoder_.vocab);
  logits_.resize(std::max(logits_.size(), decoder_.tokens.size() * vocab));
  if (!decoder_.tokens.empty()) run(decoder_, logits_.data());
}

}  // namespace heed
