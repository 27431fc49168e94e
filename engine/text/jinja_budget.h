// What one rendering of a template may use: steps, and the size of any text it makes.
// Used by every jinja_* file, so that a hostile template ends with Error(limit) instead of hanging.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/core/error.h"

namespace heed::jinja {

constexpr size_t kMaxTemplateBytes = size_t{1} << 20;
constexpr size_t kMaxTextBytes = size_t{1} << 26;  ///< 64 MiB, far above any context length
constexpr size_t kMaxSteps = 10'000'000;           ///< about half a second; a chat takes thousands
constexpr size_t kBytesPerStep = 64;               ///< copying costs too: bounds time and memory
constexpr int kMaxSyntaxDepth = 150;               ///< nested expressions and blocks of a template
constexpr int kMaxEvalDepth = 1200;                ///< the same through macro calls
constexpr int kMaxValueDepth = 200;                ///< lists in lists, dicts in dicts

/// Counts the steps of one rendering down.
class Budget {
 public:
  /// Throws Error(limit) when the steps are used up.
  void spend(size_t steps) {
    if (steps > left_) {
      fail(Error::Code::limit, "the template needs more than ", kMaxSteps, " steps to render");
    }
    left_ -= steps;
  }

 private:
  size_t left_ = kMaxSteps;
};

/// A text being built, within the budget.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(budget) {}

  TextBuilder& operator<<(std::string_view piece) {
    reserve(piece.size());
    text_.append(piece);
    return *this;
  }
  TextBuilder& operator<<(char c) { return *this << std::string_view(&c, 1); }
  void repeat(std::string_view piece, size_t times) {
    if (piece.empty()) return;
    reserve(times > kMaxTextBytes / piece.size() ? kMaxTextBytes + 1 : piece.size() * times);
    for (size_t i = 0; i < times; ++i) text_.append(piece);
  }

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }
  Budget& budget() { return budget_; }

 private:
  void reserve(size_t more) {
    if (more > kMaxTextBytes - text_.size()) {
      fail(Error::Code::limit, "the template makes a text of more than ", kMaxTextBytes, " bytes");
    }
    uncharged_ += more;
    budget_.spend(uncharged_ / kBytesPerStep);
    uncharged_ %= kBytesPerStep;
  }

  Budget& budget_;
  std::string text_;
  size_t uncharged_ = 0;
};

}  // namespace heed::jinja
