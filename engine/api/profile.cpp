#include "engine/api/profile.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace heed {
namespace {

/// "dec.blk.3.attn_qkv" is of kind "dec.blk.attn_qkv".
std::string kind_of(std::string_view step) {
  std::string kind;
  while (!step.empty()) {
    const size_t end = std::min(step.find('.'), step.size());
    const std::string_view part = step.substr(0, end);
    step.remove_prefix(std::min(end + 1, step.size()));
    const auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
    if (std::all_of(part.begin(), part.end(), digit)) continue;
    kind += (kind.empty() ? "" : ".") + std::string(part);
  }
  return kind;
}

}  // namespace

Trace Profile::trace() {
  const auto call = [this](std::string_view name, const float*, int64_t) {
    const Clock::time_point now = Clock::now();
    if (!name.empty()) add(name, std::chrono::duration<double>(now - last_).count());
    last_ = Clock::now();
  };
  return {.call = call, .values = false};
}

void Profile::add(std::string_view step, double seconds) {
  if (next_ >= steps_.size() || steps_[next_] != step) {
    next_ = static_cast<size_t>(std::ranges::find(steps_, step) - steps_.begin());
  }
  if (next_ == steps_.size()) {
    const std::string kind = kind_of(step);
    const auto at = std::ranges::find(kinds_, kind, &StepTime::kind);
    kind_of_.push_back(static_cast<size_t>(at - kinds_.begin()));
    if (at == kinds_.end()) kinds_.push_back({.kind = kind});
    steps_.emplace_back(step);
  }
  StepTime& time = kinds_[kind_of_[next_++]];
  time.seconds += seconds;
  ++time.calls;
}

std::vector<StepTime> Profile::take() {
  std::vector<StepTime> taken = kinds_;
  for (StepTime& kind : kinds_) kind = {.kind = kind.kind};
  std::erase_if(taken, [](const StepTime& kind) { return kind.calls == 0; });
  return taken;
}

}  // namespace heed
