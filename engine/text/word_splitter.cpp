#include "engine/text/word_splitter.h"

#include "engine/text/normalizer.h"
#include "engine/text/utf8.h"
#include "engine/text/word_characters.h"

namespace heed::pre_tokenizers {
namespace {

/// Makes words of the parts of a text, which come from left to right and leave nothing out.
template <typename Add>
class Cutter {
 public:
  Cutter(Behaviour behaviour, const Add& add) : behaviour_(behaviour), add_(add) {}

  void part(ByteRange range, bool match) {
    switch (behaviour_) {
      case Behaviour::removed:
        if (!match) add_(range);
        break;
      case Behaviour::isolated:
        add_(range);
        break;
      case Behaviour::merged_with_previous:
        hold(range, match && !last_match_);
        break;
      case Behaviour::merged_with_next:
        hold(range, last_match_ && !match);
        break;
      case Behaviour::contiguous:
        hold(range, match == last_match_);
        break;
    }
    last_match_ = match;
  }

  void finish() { add_(held_); }

 private:
  /// The part before is one word with this one, or ends there.
  void hold(ByteRange range, bool joins) {
    if (!joins || held_.end == 0) {
      add_(held_);
      held_.begin = range.begin;
    }
    held_.end = range.end;
  }

  Behaviour behaviour_;
  const Add& add_;
  bool last_match_ = false;
  ByteRange held_;
};

void run(const Split& step, WordList& words) {
  TextPattern::Finder finder(step.pattern);
  words.cut([&](std::string_view word, const auto& add) {
    Cutter cutter(step.behaviour, add);
    size_t pos = 0;
    finder.for_each(word, [&](ByteRange match) {
      if (pos < match.begin) cutter.part({pos, match.begin}, step.invert);
      cutter.part(match, !step.invert);
      pos = match.end;
    });
    if (pos < word.size()) cutter.part({pos, word.size()}, step.invert);
    cutter.finish();
  });
}

void run(const CharacterSplit& step, WordList& words) {
  words.cut([&](std::string_view word, const auto& add) {
    Cutter cutter(step.behaviour, add);
    size_t begin = 0;
    for (size_t pos = 0; pos < word.size();) {
      const Utf8Char c = read_utf8(word, pos);
      const ByteRange character = {pos, pos + c.length};
      pos = character.end;
      if (!step.is_cut(c.code)) continue;
      if (begin < character.begin) cutter.part({begin, character.begin}, false);
      cutter.part(character, true);
      begin = character.end;
    }
    if (begin < word.size()) cutter.part({begin, word.size()}, false);
    cutter.finish();
  });
}

void run(const Prefix& step, WordList& words) {
  words.edit([&](ByteRange word, EditedText& edited) {
    if (step.only_first && !words.is_first(word)) return;
    if (words.text(word).starts_with(step.text)) return;
    edited.replace({word.begin, word.begin}, step.text);
  });
}

void run(const Substitute& step, WordList& words) {
  words.edit([&](ByteRange word, EditedText& edited) {
    const std::string_view text = words.text().substr(0, word.end);
    for (size_t pos = word.begin; (pos = text.find(step.from, pos)) != text.npos;) {
      edited.replace({pos, pos + step.from.size()}, step.to);
      pos += step.from.size();
    }
  });
}

void run(const ByteCharacters&, WordList& words) {
  words.edit([&](ByteRange word, EditedText& edited) {
    normalizers::write_byte_characters(words.text(), word, edited);
  });
}

void run(const FixedLength& step, WordList& words) {
  words.cut([&](std::string_view word, const auto& add) {
    for (size_t pos = 0; pos < word.size();) {
      const size_t begin = pos;
      for (size_t i = 0; i < step.characters && pos < word.size(); ++i) {
        pos += utf8_length(word[pos]);
      }
      add(ByteRange{begin, pos});
    }
  });
}

}  // namespace

void apply(const Step& step, WordList& words) {
  std::visit([&](const auto& s) { run(s, words); }, step);
}

std::vector<Step> bert_words() {
  std::vector<Step> steps;
  steps.push_back(CharacterSplit{is_unicode_space, Behaviour::removed});
  steps.push_back(CharacterSplit{is_punctuation, Behaviour::isolated});
  return steps;
}

}  // namespace heed::pre_tokenizers
