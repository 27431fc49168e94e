// Models that work word by word, as subword.h has them.
#include "engine/text/subword.h"
#include "engine/text/word_list.h"

namespace heed {
namespace {

class Wordwise final : public SubwordModel {
 public:
  Wordwise(std::vector<pre_tokenizers::Step> steps, std::unique_ptr<const WordModel> model)
      : steps_(std::move(steps)), model_(std::move(model)) {}

  void encode(const TextPart& part, TokenSink& sink) const override {
    WordList words(part.text, part.at_start, part.rules);
    for (const pre_tokenizers::Step& step : steps_) pre_tokenizers::apply(step, words);
    const size_t first = sink.size();
    model_->encode(words.text(), words.words(), sink);
    if (!words.changed()) return;
    sink.map_ranges(first, [&](ByteRange range) { return words.in_source(range); });
  }

 private:
  std::vector<pre_tokenizers::Step> steps_;
  std::unique_ptr<const WordModel> model_;
};

}  // namespace

std::unique_ptr<const SubwordModel> make_wordwise(std::vector<pre_tokenizers::Step> steps,
                                                  std::unique_ptr<const WordModel> model) {
  return std::make_unique<Wordwise>(std::move(steps), std::move(model));
}

}  // namespace heed
