// Where a session's time goes: the steps of its plans by kind. Behind SessionOptions::profile.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/library.h"
#include "engine/graph/plan.h"

namespace heed {

class Profile {
 public:
  /// Times the steps between its calls. The profile must outlive it and stay where it is.
  Trace trace();

  /// What was measured since the last call, in the order in which kinds first ran.
  std::vector<StepTime> take();

 private:
  using Clock = std::chrono::steady_clock;

  void add(std::string_view step, double seconds);

  Clock::time_point last_;
  std::vector<std::string> steps_;  // names, in the order in which they first ran
  std::vector<size_t> kind_of_;     // [steps_]
  std::vector<StepTime> kinds_;
  size_t next_ = 0;  // where in steps_ the next step probably is
};

}  // namespace heed
