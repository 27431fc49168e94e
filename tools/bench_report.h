// What `heed bench` measured, beside what the machine could do, as a table, JSON or CSV.
#pragma once

#include <string>
#include <vector>

#include "heed.hpp"
#include "tools/numbers.h"
#include "tools/reports.h"

namespace heed {

/// A test's name and what each repetition measured.
struct BenchResult {
  std::string test;
  std::string unit;
  std::vector<double> values;
  double seconds = 0;                ///< of a repetition of the median rate
  Work work = {};                    ///< of a repetition; no operations: not known
  std::vector<StepTime> steps = {};  ///< of all repetitions; --profile
};

/// What the results have in common.
struct BenchRun {
  ModelInfo model;
  int threads = 0;
  int repetitions = 0;
  int64_t session_bytes = 0;
  int64_t peak_memory_bytes = 0;
};

enum class BenchFormat { md, json, csv };

/// Measures the machine's limits if any result can be compared with them.
std::string bench_report(const BenchRun& run, const std::vector<BenchResult>& results,
                         BenchFormat format);

}  // namespace heed
