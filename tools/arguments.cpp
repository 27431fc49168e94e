#include "tools/arguments.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "tools/flags.h"
#include "tools/input.h"
#include "tools/numbers.h"
#include "tools/terminal.h"

namespace heed {

// ---- models and sessions -----------------------------------------------------------------------

void ModelArguments::add_name(Flags& flags) {
  flags.add("-m,--model", "MODEL", name, "");
}

void ModelArguments::add_flags(Flags& flags) {
  add_name(flags);
  flags.add("-t,--threads", "N", threads, "threads; 0 = as many as the machine has", {0, 4096});
  flags.add("--exact", exact, "dequantised weights and F32 arithmetic");
  flags.add("--no-mmap", no_mmap, "read the file instead of mapping it");
  flags.add("-ngl,--gpu-layers,--n-gpu-layers", "N", "", [](std::string_view) {
    std::fputs("heed: -ngl ignored: all layers run on the CPU\n", stderr);
  });
}

void ModelArguments::take_name(Words& words) {
  if (name.empty()) name = words.take("MODEL");
}

Model ModelArguments::load() const {
  ProgressBar bar("loading");
  return Model::load(name,
                     {.exact = exact,
                      .map = !no_mmap,
                      .threads = threads,
                      .progress = [&bar](int64_t done, int64_t all) { bar.update(done, all); }});
}

Model ModelArguments::load_vocabulary() const {
  return Model::load(name, {.vocabulary_only = true});
}

void SessionArguments::add_flags(Flags& flags, std::string_view context_help) {
  flags.add("-c,--ctx-size", "N", context, context_help, {0, 1e9});
  flags.add("-ub,--ubatch-size", "N", ubatch, "", {1, 1e6});
  flags.add_choice("-ctk,--kv-type,--cache-type-k", "TYPE", kv_type,
                   "of the cache: bf16; f32, f16 or q8",
                   {{"f32", KvType::f32},
                    {"bf16", KvType::bf16},
                    {"f16", KvType::f16},
                    {"q8", KvType::q8},
                    {"q8_0", KvType::q8}});
}

SessionOptions SessionArguments::options(const ModelArguments& model) const {
  return {.context = context, .threads = model.threads, .ubatch = ubatch, .kv_type = kv_type};
}

// ---- sampling ----------------------------------------------------------------------------------

const std::vector<SamplingNumber>& sampling_numbers() {
  static const std::vector<SamplingNumber> numbers = {
      {.name = "temperature",
       .flags = "--temp,--temperature",
       .real = &Sampling::temperature,
       .range = {.least = 0}},
      {.name = "top_k", .flags = "--top-k", .integer = &Sampling::top_k, .range = {.least = 0}},
      {.name = "top_p", .flags = "--top-p", .real = &Sampling::top_p, .range = {0, 1}},
      {.name = "min_p", .flags = "--min-p", .real = &Sampling::min_p, .range = {0, 1}},
      {.name = "repeat_penalty",
       .flags = "--repeat-penalty",
       .real = &Sampling::repeat_penalty,
       .range = {.least = 0.01}},
      {.name = "repeat_last_n",
       .flags = "--repeat-last-n",
       .integer = &Sampling::repeat_last_n,
       .range = {.least = -1}},
      {.name = "presence_penalty",
       .flags = "--presence-penalty",
       .real = &Sampling::presence_penalty},
      {.name = "frequency_penalty",
       .flags = "--frequency-penalty",
       .real = &Sampling::frequency_penalty},
  };
  return numbers;
}

double SamplingNumber::get(const Sampling& sampling) const {
  return real != nullptr ? static_cast<double>(sampling.*real) : sampling.*integer;
}

void SamplingNumber::set(Sampling& sampling, std::string_view text) const {
  if (real != nullptr) {
    sampling.*real = static_cast<float>(parse_number(text, range));
  } else {
    sampling.*integer = static_cast<int>(parse_integer(text, {range.least, 1e9}));
  }
}

namespace {

/// "5+1.5" or "5-inf".
std::pair<Token, float> parse_logit_bias(std::string_view given) {
  const std::string text(given);
  char* rest = nullptr;
  const long id = std::strtol(text.c_str(), &rest, 10);
  char* end = rest;
  const float bias = std::strtof(rest, &end);
  const bool is_signed = *rest == '+' || *rest == '-';
  if (rest == text.c_str() || !is_signed || *end != '\0' || id != static_cast<Token>(id)) {
    throw UsageError("takes ID+BIAS or ID-BIAS, not '" + text + "'");
  }
  return {static_cast<Token>(id), bias};
}

}  // namespace

void SamplingArguments::add_flags(Flags& flags) {
  flags.add("-n,--predict,--n-predict", "N", options.max_tokens,
            "tokens at most; -1 = until the answer ends", {-1, 1e12});
  flags.add("-r,--reverse-prompt", "TEXT", "stop at this text (may be repeated)",
            [this](std::string_view given) {
              require_utf8(given, "the text of -r");
              options.stop.emplace_back(given);
            });
  flags.add("--ignore-eos", options.ignore_eos, "");  // go on where the model would end
  for (const SamplingNumber& number : sampling_numbers()) {
    std::string value;
    append_float(static_cast<float>(number.get(options.sampling)), value);
    flags.add(
        number.flags, value, "",
        [this, &number](std::string_view given) { number.set(options.sampling, given); },
        Flags::Place::sampling);
  }
  flags.add(
      "--logit-bias,-l", "ID+BIAS", "",
      [this](std::string_view given) {
        options.sampling.logit_bias.push_back(parse_logit_bias(given));
      },
      Flags::Place::sampling);
  flags.add("-s,--seed", "N", seed, "of the random choice; -1 = another one each time", {-1, 1e18});
}

GenerateOptions SamplingArguments::resolve() const {
  GenerateOptions resolved = options;
  if (seed >= 0) {
    resolved.sampling.seed = static_cast<uint64_t>(seed);
  } else {
    std::random_device device;
    resolved.sampling.seed = device();
  }
  return resolved;
}

// ---- texts -------------------------------------------------------------------------------------

std::string take_text(const std::optional<std::string>& text, const std::string& file, Words& words,
                      std::string_view what) {
  const bool has_words = !words.empty();
  if (int{text.has_value()} + int{!file.empty()} + int{has_words} > 1) {
    throw UsageError(std::string(what) + " is given more than once");
  }
  if (!file.empty()) return read_text(file);
  std::string result;
  if (text) {
    result = *text;
  } else if (has_words) {
    for (const std::string& word : words.take_all()) {
      result += (result.empty() ? "" : " ") + word;
    }
  } else if (!is_terminal(STDIN_FILENO)) {
    return read_text("-");
  } else {
    throw UsageError(std::string(what) + " is missing");
  }
  require_utf8(result, "the " + std::string(what));
  return result;
}

}  // namespace heed
