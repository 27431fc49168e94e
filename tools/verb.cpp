#include "tools/verb.h"

#include <utility>

namespace heed {

std::string Words::take(std::string_view what) {
  if (empty()) throw UsageError(std::string(what) + " is missing");
  return words_[taken_++];
}

std::vector<std::string> Words::take_all() {
  std::vector<std::string> rest(words_.begin() + static_cast<ptrdiff_t>(taken_), words_.end());
  taken_ = words_.size();
  return rest;
}

void Words::require_end() const {
  if (!empty()) throw UsageError("'" + words_[taken_] + "' was not expected");
}

}  // namespace heed
