// heed verify: whether a file's model computes what the weights it was made of did.
#include <algorithm>

#include "tools/arguments.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/reports.h"
#include "tools/terminal.h"

namespace heed {
namespace {

class Verify : public Verb {
 public:
  About about() const override {
    return {.name = "verify",
            .arguments = "MODEL",
            .summary = "a model against the record of its conversion",
            .example = "  heed verify minilm.gguf"};
  }
  void add_flags(Flags& flags) override {
    flags.add("--layers", layers_, "also how far each layer is from the record");
    flags.add("--json", json_, "one JSON object, layers included");
    model_.add_flags(flags);
  }
  std::string_view notes() const override {
    return "heed convert runs a few texts through the source in F32 and keeps a digest of\n"
           "each layer's output in the file. Here the file's own model reads them. Exit code\n"
           "1 where a layer errs more than the rounding of its weights explains.\n";
  }
  void run(Words& words, Output& out) override;

 private:
  static Json as_json(const VerifyReport& report);
  std::string as_text(const VerifyReport& report) const;

  ModelArguments model_;
  bool layers_ = false;
  bool json_ = false;
};

double share(const VerifyReport& report) {
  return static_cast<double>(report.agreements) / static_cast<double>(report.tokens);
}

Json Verify::as_json(const VerifyReport& report) {
  Json json = {{"ok", report.drifting.empty()}, {"texts", report.texts}};
  if (report.tokens > 0) {
    json["tokens"] = report.tokens;
    json["top1_agreement"] = share(report);
    json["kl_mean"] = report.divergence;
  } else {
    json["least_cosine"] = report.similarity;
  }
  json["drifting"] = report.drifting.empty() ? Json() : Json(report.drifting);
  json["layers"] = Json::array();
  for (const VerifyReport::Layer& layer : report.layers) {
    json["layers"].push_back({{"name", layer.name}, {"error", layer.error}});
  }
  return json;
}

std::string Verify::as_text(const VerifyReport& report) const {
  std::string text;
  if (layers_) {
    int64_t width = 0;
    for (const auto& layer : report.layers) width = std::max(width, text_width(layer.name));
    for (const auto& layer : report.layers) {
      text += padded(one_line(layer.name, 0), width + 2) + fixed(layer.error, 5) +
              (layer.name == report.drifting ? "  drifts" : "") + "\n";
    }
    text += "\n";
  }
  if (report.tokens > 0) {
    text += "same top 1    " + fixed(100 * share(report), 2) + " % of " +
            std::to_string(report.tokens) + " tokens\n" +  //
            "KL mean       " + fixed(report.divergence, 6) + "\n";
  } else {
    text += "least cosine  " + fixed(report.similarity, 6) + " of " + std::to_string(report.texts) +
            " embeddings\n";
  }
  const auto furthest = std::ranges::max_element(report.layers, {}, &VerifyReport::Layer::error);
  return text + "layers        " +
         (report.drifting.empty()
              ? "none of " + std::to_string(report.layers.size()) + " drifts; largest error " +
                    fixed(furthest->error, 5) + ", " + furthest->name
              : "'" + report.drifting + "' is the first that drifts") +
         "\n";
}

void Verify::run(Words& words, Output& out) {
  model_.take_name(words);
  words.require_end();
  const Model model = model_.load();
  VerifyReport report;
  {
    ProgressBar bar("verifying");
    catch_interrupts();
    report = verify_model(
        model, {.threads = model_.threads,
                .progress = [&bar](int64_t done, int64_t all) { bar.update(done, all); }});
  }
  out.write(json_ ? json_line(as_json(report)) : as_text(report));
  if (report.drifting.empty()) return;
  out.flush();
  throw Error(Error::Code::format, model_.name + " is not what it was made of: layer '" +
                                       report.drifting + "' drifts from the record");
}

}  // namespace

std::unique_ptr<Verb> make_verify() {
  return std::make_unique<Verify>();
}

}  // namespace heed
