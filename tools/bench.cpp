// heed bench: speed, with llama-bench's tests and names: pp512 reads a prompt of 512 tokens and
// computes the last token's logits, tg128 writes 128 tokens one at a time, @d4096 with 4,096 tokens
// before them. Tokens are random: neither tokenizer nor sampler is timed. An encoder embeds texts,
// an encoder-decoder translates them. Where the work is known it is set beside the machine's
// limits.
#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>

#include "tools/arguments.h"
#include "tools/bench_report.h"
#include "tools/input.h"
#include "tools/output.h"
#include "tools/terminal.h"

namespace heed {
namespace {

class Bench : public Verb {
 public:
  About about() const override {
    return {.name = "bench",
            .arguments = "MODEL",
            .summary = "speed, and its share of the limit",
            .example =
                "  heed bench smollm2 -p 512 -n 128 -d 0,4096 -r 5 -o json\n"
                "  heed bench en-de --translate english.txt --beam-size 4"};
  }
  void add_flags(Flags& flags) override;
  void run(Words& words, Output& out) override;

 private:
  std::vector<BenchResult> bench_decoder(const Model& model);
  std::vector<BenchResult> bench_encoder(const Model& model);
  std::vector<BenchResult> bench_translation(const Model& model);
  /// Times `work` once for warmth, then for the record; `count` / seconds is a value.
  BenchResult measure(Session& session, const std::string& test, double count,
                      const std::string& unit, const std::function<void()>& prepare,
                      const std::function<void()>& work);
  BenchResult measure_alone(Session& session, const std::string& name, int times,
                            const std::function<void()>& run);

  ModelArguments model_;
  SessionArguments session_;
  std::vector<int64_t> prompts_ = {512};
  std::vector<int64_t> answers_ = {128};
  std::vector<int64_t> depths_ = {0};
  int repetitions_ = 5;
  std::string sentences_;
  std::string texts_;
  TranslateOptions translate_;
  BenchFormat format_ = BenchFormat::md;
  bool profile_ = false;
  int used_threads_ = 0;
  int64_t session_bytes_ = 0;
};

void Bench::add_flags(Flags& flags) {
  constexpr Limits count{0, 1e9};
  flags.add("-p,--n-prompt", "N,N", prompts_, "tokens to read: 512; 0 = none", count);
  flags.add("-n,--n-gen", "N,N", answers_, "tokens to write: 128; 0 = none", count);
  flags.add("-d,--n-depth", "N,N", depths_, "tokens that come before: 0", count);
  flags.add("-r,--repetitions", "N", repetitions_, "of each test, after one that warms up: 5",
            {1, 10000});
  flags.add("--embed", "FILE", sentences_, "an encoder: embed the lines of a file");
  flags.add("--translate", "FILE", texts_, "an encoder-decoder: translate the lines of a file");
  flags.add("--beam-size,-bs", "N", translate_.beam_size, "default: as the model's file says",
            {1, 1024});
  flags.add("-b,--batch-size", "N", translate_.batch, "lines translated at once: 32", {1, 4096});
  flags.add_choice(
      "-o,--output", "FORMAT", format_, "md, json or csv",
      {{"md", BenchFormat::md}, {"json", BenchFormat::json}, {"csv", BenchFormat::csv}});
  flags.add("--profile", profile_, "where the time goes, by kind of step; md and json");
  model_.add_flags(flags);
  session_.add_flags(flags, "tokens of context; 0 = as many as the tests need");
}

BenchResult Bench::measure(Session& session, const std::string& test, double count,
                           const std::string& unit, const std::function<void()>& prepare,
                           const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  BenchResult result{.test = test, .unit = unit};
  std::vector<double> times;
  ProgressBar bar(test);
  for (int i = 0; i <= repetitions_; ++i) {
    bar.update(i, repetitions_ + 1);
    prepare();
    const Clock::time_point start = Clock::now();
    work();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (i > 0) times.push_back(seconds);
    if (profile_ && i == 0) take_steps(session);
  }
  if (profile_) result.steps = take_steps(session);
  for (const double seconds : times) result.values.push_back(count / seconds);
  result.seconds = count / statistics(result.values).median;
  return result;
}

std::vector<BenchResult> Bench::bench_decoder(const Model& model) {
  const auto longest = [](const std::vector<int64_t>& list) {
    return *std::max_element(list.begin(), list.end());
  };
  const int64_t needed = longest(depths_) + std::max(longest(prompts_), longest(answers_));
  if (session_.context == 0) session_.context = needed;
  SessionOptions options = session_.options(model_);
  options.profile = profile_;
  Session session(model, options);
  used_threads_ = session.threads();

  std::mt19937 random(1);
  std::vector<Token> tokens(static_cast<size_t>(needed));
  for (Token& token : tokens) {
    token = static_cast<Token>(random() % static_cast<uint64_t>(model.info().vocab));
  }
  const auto eval = [&](int64_t begin, int64_t count) {
    const auto all = std::span<const Token>(tokens);
    session.append(all.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)));
  };
  std::vector<BenchResult> results;
  for (const int64_t depth : depths_) {
    const std::string suffix = depth > 0 ? "@d" + std::to_string(depth) : "";
    session.rewind(0);
    if (depth > 0) eval(0, depth);
    const auto back = [&] { session.rewind(depth); };
    for (const int64_t n : prompts_) {
      if (n == 0) continue;
      results.push_back(measure(session, "pp" + std::to_string(n) + suffix, static_cast<double>(n),
                                "t/s", back, [&] { eval(depth, n); }));
      results.back().work = session.work(depth, n);
    }
    for (const int64_t n : answers_) {
      if (n == 0) continue;
      const auto write = [&] {
        for (int64_t i = 0; i < n; ++i) eval(depth + i, 1);
      };
      results.push_back(measure(session, "tg" + std::to_string(n) + suffix, static_cast<double>(n),
                                "t/s", back, write));
      for (int64_t i = 0; i < n; ++i) results.back().work += session.work(depth + i, 1);
    }
  }
  session_bytes_ = session.memory_bytes();
  return results;
}

/// 256 texts of 4 to 40 words, most of them short, for want of a file.
std::vector<std::string> made_up_texts() {
  constexpr std::array<std::string_view, 16> words = {
      "the",  "a",     "old",   "small", "dog",   "house", "river", "woman",
      "runs", "opens", "under", "with",  "green", "book",  "and",   "tomorrow"};
  std::mt19937 random(1);
  std::vector<std::string> texts(256);
  for (std::string& text : texts) {
    const uint32_t length = 4 + std::min(random() % 37, random() % 37);
    for (uint32_t i = 0; i < length; ++i) {
      text += (i > 0 ? " " : "") + std::string(words[random() % words.size()]);
    }
  }
  return texts;
}

/// Which of several texts is of middle length, given the tokens of each.
size_t middle_of(const std::vector<int64_t>& lengths) {
  std::vector<size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return lengths[i]; });
  return order[order.size() / 2];
}

/// Milliseconds of one of the things that `run` does `times` of.
BenchResult Bench::measure_alone(Session& session, const std::string& name, int times,
                                 const std::function<void()>& run) {
  BenchResult result = measure(
      session, name, times, "ms", [] {},
      [&] {
        for (int i = 0; i < times; ++i) run();
      });
  for (double& value : result.values) value = 1000 / value;
  return result;
}

/// All texts at once, then one of middle length by itself.
std::vector<BenchResult> Bench::bench_encoder(const Model& model) {
  const std::vector<std::string> texts =
      sentences_.empty() ? made_up_texts() : read_lines(sentences_);
  if (texts.empty()) throw UsageError("'" + sentences_ + "' has no lines");
  Session session(model, {.threads = model_.threads, .profile = profile_});
  used_threads_ = session.threads();
  double tokens = 0;
  std::vector<Work> works;
  std::vector<int64_t> lengths;
  for (const std::string& text : texts) {
    const auto length = static_cast<int64_t>(model.tokenizer().encode(text).size());
    tokens += static_cast<double>(length);
    lengths.push_back(length);
    works.push_back(session.work(0, std::min(length, session.context())));
    works.back().bytes = 0;  // texts share passes, and with them the weights that these read
  }
  const double count = static_cast<double>(texts.size());
  const std::string name = "embed" + std::to_string(texts.size());
  std::vector<BenchResult> results;
  results.push_back(measure(
      session, name, count, "sentences/s", [] {},
      [&] { session.embed(texts, {.truncate = true}); }));
  for (const Work& work : works) results[0].work += work;
  BenchResult rate = results[0];
  rate.unit = "t/s";
  rate.steps.clear();
  for (double& value : rate.values) value *= tokens / count;
  results.push_back(std::move(rate));

  const size_t middle = middle_of(lengths);
  constexpr int kTimes = 50;
  BenchResult single = measure_alone(session, "embed1", kTimes, [&] {
    session.embed({&texts[middle], 1}, {.truncate = true});
  });
  const Work work = session.work(0, std::min(lengths[middle], session.context()));
  for (int i = 0; i < kTimes; ++i) single.work += work;
  results.push_back(std::move(single));
  session_bytes_ = session.memory_bytes();
  return results;
}

/// All lines, then one of middle length by itself.
std::vector<BenchResult> Bench::bench_translation(const Model& model) {
  if (texts_.empty()) throw UsageError("an encoder-decoder needs --translate FILE");
  const std::vector<std::string> texts = read_lines(texts_);
  if (texts.empty()) throw UsageError("'" + texts_ + "' has no lines");
  Session session(model, {.threads = model_.threads, .profile = profile_});
  used_threads_ = session.threads();
  std::vector<Translation> translations;
  const double count = static_cast<double>(texts.size());
  const std::string name = "translate" + std::to_string(texts.size());
  std::vector<BenchResult> results;
  results.push_back(measure(
      session, name, count, "sentences/s", [] {},
      [&] { translations = session.translate(texts, translate_); }));
  session_bytes_ = session.memory_bytes();

  std::vector<int64_t> lengths;
  double source_tokens = 0;
  double target_tokens = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    lengths.push_back(translations[i].source_tokens);
    source_tokens += static_cast<double>(translations[i].source_tokens);
    target_tokens += static_cast<double>(translations[i].hypotheses[0].tokens.size() + 1);
  }
  const auto rate = [&](const std::string& what, double tokens) {
    results.push_back({.test = name + " " + what, .unit = "t/s", .values = results[0].values});
    for (double& value : results.back().values) value *= tokens / count;
  };
  rate("source", source_tokens);
  rate("target", target_tokens);
  const std::string& middle = texts[middle_of(lengths)];
  TranslateOptions alone = translate_;
  alone.batch = 1;
  results.push_back(measure_alone(session, "translate1", 10, [&] {
    session.translate({&middle, 1}, alone);
  }));
  return results;
}

/// The most memory this process has held (VmHWM of /proc/self/status), in bytes.
int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kilobytes = 0;
  while (status >> word) {
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

void Bench::run(Words& words, Output& out) {
  model_.take_name(words);
  words.require_end();
  const Model model = model_.load();
  catch_interrupts();
  const ModelKind kind = model.info().kind;
  if (kind != ModelKind::encoder && !sentences_.empty()) {
    throw UsageError("--embed needs an encoder");
  }
  if (kind != ModelKind::encoder_decoder && !texts_.empty()) {
    throw UsageError("--translate needs an encoder-decoder");
  }
  const std::vector<BenchResult> results = kind == ModelKind::encoder ? bench_encoder(model)
                                           : kind == ModelKind::encoder_decoder
                                               ? bench_translation(model)
                                               : bench_decoder(model);
  const BenchRun run{.model = model.info(),
                     .threads = used_threads_,
                     .repetitions = repetitions_,
                     .session_bytes = session_bytes_,
                     .peak_memory_bytes = peak_memory()};  // before the limits are measured
  out.write(bench_report(run, results, format_));
}

}  // namespace

std::unique_ptr<Verb> make_bench() {
  return std::make_unique<Bench>();
}

}  // namespace heed
