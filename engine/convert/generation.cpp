#include "engine/convert/generation.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "engine/convert/join.h"
#include "engine/core/error.h"

namespace heed {
namespace {

enum class Kind { positive, count, real, flag, token };

struct Setting {
  std::string_view name;  ///< the key is "generation." and this
  Kind kind;
};
constexpr std::array kSettings = {
    Setting{"num_beams", Kind::positive},         Setting{"max_length", Kind::positive},
    Setting{"min_length", Kind::count},           Setting{"length_penalty", Kind::real},
    Setting{"no_repeat_ngram_size", Kind::count}, Setting{"renormalize_logits", Kind::flag},
    Setting{"forced_bos_token_id", Kind::token},  Setting{"forced_eos_token_id", Kind::token},
};

/// What changes a search and has no key: it must say that it does nothing.
struct Neutral {
  std::string_view name;
  double value;
};
constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();  // absent, or an empty list
constexpr std::array kNeutral = {
    Neutral{"do_sample", 0},
    Neutral{"num_beam_groups", 1},
    Neutral{"diversity_penalty", 0},
    Neutral{"repetition_penalty", 1},
    Neutral{"encoder_repetition_penalty", 1},
    Neutral{"encoder_no_repeat_ngram_size", 0},
    Neutral{"guidance_scale", 1},
    Neutral{"max_new_tokens", kAbsent},
    Neutral{"min_new_tokens", kAbsent},
    Neutral{"suppress_tokens", kAbsent},
    Neutral{"begin_suppress_tokens", kAbsent},
    Neutral{"exponential_decay_length_penalty", kAbsent},
    Neutral{"sequence_bias", kAbsent},
    Neutral{"force_words_ids", kAbsent},
    Neutral{"constraints", kAbsent},
    Neutral{"penalty_alpha", kAbsent},
};

bool is_neutral(const Json& value, double neutral) {
  if (value.is_boolean()) return value.get<bool>() == (neutral != 0);
  if (value.is_number()) return value.get<double>() == neutral;
  return value.is_array() && value.empty();
}

class GenerationReader {
 public:
  GenerationReader(const JsonFile& file, int64_t vocab, Metadata& metadata)
      : file_(file), vocab_(vocab), metadata_(metadata) {}

  void set(const Setting& setting) {
    const Json* value = file_.find(setting.name);
    if (!value) return;
    const std::string key = cat("generation.", setting.name);
    if (setting.kind == Kind::real && value->is_number()) {
      metadata_.set(key, value->get<float>());
    } else if (setting.kind == Kind::flag && value->is_boolean()) {
      metadata_.set(key, value->get<bool>());
    } else if (setting.kind == Kind::token) {
      if (const auto token = only_token(setting.name, *value)) metadata_.set(key, *token);
    } else if (is_count(setting.kind, *value)) {
      metadata_.set(key, value->get<uint32_t>());
    } else {
      problems_.push_back(cat("'", setting.name, "': expected ", expected(setting.kind), ", found ",
                              to_text(*value)));
    }
  }

  /// A token, or a list of exactly one.
  std::optional<uint32_t> only_token(std::string_view name, const Json& value) {
    const Json& token = value.is_array() && value.size() == 1 ? value[0] : value;
    if (token.is_number_integer() && token >= 0 && token < vocab_) return token.get<uint32_t>();
    problems_.push_back(
        cat("'", name, "': expected one token from 0 to ", vocab_ - 1, ", found ", to_text(token)));
    return std::nullopt;
  }

  void set_early_stopping() {
    const Json* value = file_.find("early_stopping");
    if (!value) return;
    if (value->is_boolean()) {
      metadata_.set("generation.early_stopping", value->get<bool>());
    } else if (*value == "never") {
      metadata_.set("generation.early_stopping", "never");
    } else {
      problems_.push_back(
          cat("'early_stopping': expected true, false or \"never\", found ", to_text(*value)));
    }
  }

  void set_forbidden_tokens() {
    const Json* words = file_.find("bad_words_ids");
    if (!words) return;
    std::vector<int32_t> tokens;
    for (const Json& word : *words) {
      if (word.is_array() && word.size() > 1) {
        unsupported_.push_back(
            cat("'bad_words_ids' has a word of ", word.size(), " tokens: ", word.dump()));
      } else if (const auto token = only_token("bad_words_ids", word)) {
        tokens.push_back(static_cast<int32_t>(*token));
      }
    }
    if (!tokens.empty()) metadata_.set("generation.forbidden_tokens", std::move(tokens));
  }

  void check_neutral() {
    for (const Neutral& neutral : kNeutral) {
      const Json* value = file_.find(neutral.name);
      if (!value || is_neutral(*value, neutral.value)) continue;
      unsupported_.push_back(cat("'", neutral.name, "' is ", to_text(*value)));
    }
  }

  /// The model must end a text with the token that the tokenizer does.
  void check_eos() {
    const Json* value = file_.find("eos_token_id");
    if (!value) return;
    const auto eos = metadata_.require<uint32_t>("tokenizer.ggml.eos_token_id");
    const auto token = only_token("eos_token_id", *value);
    if (!token || *token == eos) return;
    unsupported_.push_back(
        cat("'eos_token_id' is ", *token, ", and the tokenizer ends a text with ", eos));
  }

  void finish() const {
    if (!problems_.empty()) file_.refuse(join(problems_, "; "));
    if (unsupported_.empty()) return;
    fail(Error::Code::unsupported, file_.name(),
         ": Heed's search does not know this: ", join(unsupported_, "; "));
  }

 private:
  static bool is_count(Kind kind, const Json& value) {
    return (kind == Kind::positive || kind == Kind::count) && value.is_number_integer() &&
           value >= (kind == Kind::positive ? 1 : 0) &&
           value <= std::numeric_limits<int32_t>::max();
  }
  static std::string_view expected(Kind kind) {
    switch (kind) {
      case Kind::positive:
        return "a whole number from 1 on";
      case Kind::count:
        return "a whole number from 0 on";
      case Kind::real:
        return "a number";
      default:
        return "true or false";
    }
  }

  const JsonFile& file_;
  int64_t vocab_;
  Metadata& metadata_;
  std::vector<std::string> problems_;
  std::vector<std::string> unsupported_;
};

/// CTranslate2's configuration names the token.
Json named_start(const JsonFile& config, const std::vector<std::string>& tokens) {
  constexpr std::string_view kName = "decoder_start_token";
  const auto name = config.text(kName);
  if (!name) config.refuse("'", kName, "_id' is missing");
  const auto token = std::ranges::find(tokens, *name);
  if (token == tokens.end()) {
    config.refuse("'", kName, "' is ", to_text(Json(*name)), ", which is not in the vocabulary");
  }
  return token - tokens.begin();
}

}  // namespace

void set_generation_keys(const Source& source, std::string_view architecture, Metadata& metadata) {
  const std::optional<JsonFile> own = source.json("generation_config.json");
  const JsonFile& file = own ? *own : source.config();
  const auto& tokens = metadata.require<std::vector<std::string>>("tokenizer.ggml.tokens");
  GenerationReader reader(file, std::ssize(tokens), metadata);
  constexpr std::string_view kStart = "decoder_start_token_id";
  const Json* start = file.find(kStart) ? file.find(kStart) : source.config().find(kStart);
  const Json named = start ? Json() : named_start(source.config(), tokens);
  if (const auto token = reader.only_token(kStart, start ? *start : named)) {
    metadata.set(cat(architecture, ".", kStart), *token);
  }
  for (const Setting& setting : kSettings) reader.set(setting);
  reader.set_early_stopping();
  reader.set_forbidden_tokens();
  reader.check_neutral();
  reader.check_eos();
  reader.finish();
}

}  // namespace heed
