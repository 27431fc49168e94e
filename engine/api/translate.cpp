// heed::Session on encoder-decoders: texts to translations, and how likely given ones are.
#include <algorithm>

#include "engine/api/session_impl.h"

namespace heed {
namespace {

/// So many sources for each thread are more than one would have to wait for another's.
constexpr int64_t kShareOut = 8;

/// The token that a translation begins with, before any of its own.
Token start_token(const Metadata& metadata) {
  const auto& architecture = metadata.require<std::string>("general.architecture");
  return metadata.require<int32_t>(architecture + ".decoder_start_token_id");
}

EarlyStopping file_early_stopping(const Metadata& metadata) {
  constexpr const char* kKey = "generation.early_stopping";
  const Metadata::Value* value = metadata.find(kKey);
  if (!value) return EarlyStopping::no;
  if (const bool* flag = std::get_if<bool>(value)) {
    return *flag ? EarlyStopping::yes : EarlyStopping::no;
  }
  const auto& text = metadata.require<std::string>(kKey);
  if (text == "never") return EarlyStopping::never;
  fail(Error::Code::format, metadata.source(), ": key '", kKey,
       "': expected true, false or \"never\", found \"", text, '"');
}

/// How the file wants its model to be searched.
SearchOptions file_search(const LoadedModel& model, const Tokenizer& tokenizer) {
  const Metadata& metadata = model.file.metadata();
  const auto token = [&](const char* key) {
    return metadata.contains(key) ? std::optional(metadata.require<int32_t>(key)) : std::nullopt;
  };
  if (!tokenizer.eos()) fail(Error::Code::format, metadata.source(), ": there is no end token");
  const int64_t context = model.graph.main.dims.context;
  return {
      .beams = metadata.get_or<int64_t>("generation.num_beams", 1),
      .min_length = metadata.get_or<int64_t>("generation.min_length", 0),
      .max_length = std::min(context, metadata.get_or<int64_t>("generation.max_length", context)),
      .length_penalty = metadata.get_or<double>("generation.length_penalty", 1),
      .early_stopping = file_early_stopping(metadata),
      .no_repeat_ngram = metadata.get_or<int64_t>("generation.no_repeat_ngram_size", 0),
      .eos = *tokenizer.eos(),
      .forced_bos = token("generation.forced_bos_token_id"),
      .forced_eos = token("generation.forced_eos_token_id"),
      .forbidden = metadata.get_or<std::vector<int32_t>>("generation.forbidden_tokens", {}),
      .renormalize = metadata.get_or<bool>("generation.renormalize_logits", false)};
}

SearchOptions search_options(SearchOptions search, const TranslateOptions& options) {
  search.beams = options.beam_size.value_or(search.beams);
  search.min_length = options.min_length.value_or(search.min_length);
  search.max_length = options.max_length.value_or(search.max_length);
  search.length_penalty = options.length_penalty.value_or(search.length_penalty);
  search.early_stopping = options.early_stopping.value_or(search.early_stopping);
  search.no_repeat_ngram = options.no_repeat_ngram.value_or(search.no_repeat_ngram);
  if (options.hypotheses < 1 || options.hypotheses > search.beams) {
    fail(Error::Code::argument, options.hypotheses, " hypotheses: expected 1 to ", search.beams,
         ", the beam size");
  }
  return search;
}

/// Hands translations on in the order of their texts, whatever the order they are made in.
class InOrder {
 public:
  InOrder(std::vector<Translation>& all, const TranslationCallback& callback)
      : all_(all), callback_(callback), there_(all.size()) {}

  /// Translation `index` is there. Whether to go on.
  bool add(size_t index) {
    there_[index] = true;
    for (; next_ < all_.size() && there_[next_]; ++next_) {
      if (callback_ && !callback_(next_, all_[next_])) return false;
    }
    return true;
  }

 private:
  std::vector<Translation>& all_;
  const TranslationCallback& callback_;
  std::vector<bool> there_;
  size_t next_ = 0;
};

Hypothesis make_hypothesis(BeamSearch::Result result, const TextTokenizer& tokenizer, Token eos) {
  std::vector<Token>& tokens = result.tokens;
  tokens.erase(tokens.begin());
  if (!tokens.empty() && tokens.back() == eos) tokens.pop_back();
  std::string text = tokenizer.decode(tokens);
  return {.text = std::move(text), .tokens = std::move(tokens), .score = result.score};
}

}  // namespace

/// What was made for other options goes.
void Session::Impl::set_seq2seq_options(Seq2SeqOptions options) {
  options.threads = threads;
  options.kv_type = rounded_kv_type(loaded(), kv_type);
  if (options == seq2seq_options) return;
  seq2seq.reset();
  workers.reset();
  seq2seq_options = std::move(options);
}

Seq2Seq& Session::Impl::need_seq2seq(Seq2SeqOptions options) {
  const LoadedModel& m = loaded();
  set_seq2seq_options(std::move(options));
  if (!seq2seq) {
    seq2seq.emplace(m.graph, *m.weights, *m.memory_weights, seq2seq_options);
    if (profile) seq2seq->set_trace(profile->trace());
    seq2seq->set_cancel(&cancelled);
  }
  return *seq2seq;
}

Seq2SeqWorkers& Session::Impl::need_workers(Seq2SeqOptions options) {
  const LoadedModel& m = loaded();
  set_seq2seq_options(std::move(options));
  if (!workers) {
    workers.emplace(m.graph, *m.weights, *m.memory_weights, seq2seq_options);
    workers->set_cancel(&cancelled);
  }
  return *workers;
}

std::vector<Translation> Session::translate(std::span<const std::string> texts,
                                            const TranslateOptions& options,
                                            const TranslationCallback& on_translation) {
  const LoadedModel& loaded = impl_->loaded();
  if (!loaded.graph.memory) impl_->wrong_kind("translate", "an encoder-decoder");
  const TextTokenizer& tokenizer = impl_->model.impl().text->tokenizer;
  const SearchOptions search =
      search_options(file_search(loaded, impl_->model.tokenizer()), options);
  const Seq2SeqOptions work{.batch = std::max<int64_t>(1, options.batch), .search = search};

  std::vector<Translation> all(texts.size());
  std::vector<std::vector<Token>> sources;
  std::vector<size_t> places, empty;  // of the sources among the texts, and of texts without tokens
  const size_t nothing = tokenizer.encode("").size();
  for (size_t i = 0; i < texts.size(); ++i) {
    std::vector<Token> tokens =
        impl_->checked_tokens(texts[i], i, loaded.graph.memory->dims.context, options.truncate);
    all[i].source_tokens = static_cast<int64_t>(tokens.size());
    (tokens.size() > nothing ? places : empty).push_back(i);
    if (tokens.size() > nothing) sources.push_back(std::move(tokens));
  }
  std::vector<Token> prompt = {start_token(loaded.file.metadata())};
  const std::vector<Token> prefix = tokenizer.encode_target(options.prefix, {.add_special = false});
  prompt.insert(prompt.end(), prefix.begin(), prefix.end());

  InOrder in_order(all, on_translation);
  for (const size_t place : empty) {
    all[place].hypotheses.emplace_back();
    if (!in_order.add(place)) return all;
  }
  const Seq2Seq::Done done = [&](size_t index, std::vector<BeamSearch::Result> results) {
    Translation& translation = all[places[index]];
    results.resize(std::min(results.size(), static_cast<size_t>(options.hypotheses)));
    for (BeamSearch::Result& result : results) {
      translation.hypotheses.push_back(make_hypothesis(std::move(result), tokenizer, search.eos));
    }
    return in_order.add(places[index]);
  };
  // A profile is of all threads at the same step.
  const int64_t threads = impl_->threads;
  const bool shared = threads > 1 && !impl_->profile && work.batch >= threads &&
                      std::ssize(sources) >= kShareOut * threads;
  if (shared) {
    impl_->need_workers(work).translate(sources, prompt, done);
  } else {
    impl_->need_seq2seq(work).translate(sources, prompt, done);
  }
  return all;
}

std::vector<PairScore> Session::score_pairs(std::span<const std::string> sources,
                                            std::span<const std::string> targets) {
  const LoadedModel& loaded = impl_->loaded();
  if (!loaded.graph.memory) impl_->wrong_kind("score_pairs", "an encoder-decoder");
  const SearchOptions search = file_search(loaded, impl_->model.tokenizer());
  if (sources.size() != targets.size()) {
    fail(Error::Code::argument, sources.size(), " sources and ", targets.size(), " targets");
  }
  const Seq2SeqOptions options =
      impl_->seq2seq || impl_->workers ? impl_->seq2seq_options : Seq2SeqOptions{.search = search};
  Seq2Seq& seq2seq = impl_->need_seq2seq(options);
  const TextTokenizer& tokenizer = impl_->model.impl().text->tokenizer;
  const Token start = start_token(loaded.file.metadata());
  std::vector<PairScore> scores(sources.size());
  std::vector<std::vector<Token>> from;
  std::vector<std::vector<Token>> to;
  for (size_t i = 0; i < sources.size(); ++i) {
    from.push_back(impl_->checked_tokens(sources[i], i, seq2seq.source_context(), false));
    scores[i].tokens = tokenizer.encode_target(targets[i]);
    const auto count = static_cast<int64_t>(scores[i].tokens.size());
    if (count > seq2seq.target_context()) {
      fail(Error::Code::limit, "target ", i + 1, ": ", count, " tokens, the model takes ",
           seq2seq.target_context());
    }
    to.push_back({start});
    to.back().insert(to.back().end(), scores[i].tokens.begin(), scores[i].tokens.end());
  }
  std::vector<std::vector<double>> logprobs = seq2seq.score(from, to);
  for (size_t i = 0; i < scores.size(); ++i) scores[i].logprobs = std::move(logprobs[i]);
  return scores;
}

}  // namespace heed
