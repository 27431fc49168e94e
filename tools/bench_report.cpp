#include "tools/bench_report.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace heed {
namespace {

/// A speed and the limit that bounds it: what would take longest at the machine's limits, reading
/// or arithmetic.
struct Share {
  double gb_per_s = 0;  ///< 0: how much is read is not known
  double gflops = 0;    ///< multiplications and additions, of integers as well, in 10^9 a second
  double limit_gb_per_s = 0;
  double limit_gflops = 0;
  bool memory_bound = false;
  double of_limit = 0;  ///< 1 = as fast as the limit
};

bool has_work(const BenchResult& result) {
  return result.work.operations() > 0;
}

/// The limit of reading is that of the measured working set closest in size to what a pass reads;
/// that of arithmetic is the peak of each number type, weighted by the work done in it.
Share share_of_limits(const BenchResult& result, const MachineLimits& limits) {
  const Work& work = result.work;
  const auto bytes = static_cast<double>(work.bytes);
  const auto operations = static_cast<double>(work.operations());
  Share share{.gb_per_s = 1e-9 * bytes / result.seconds,
              .gflops = 1e-9 * operations / result.seconds};
  // Without a unit for a type the work is done in f32.
  const auto time = [&](int64_t count, double peak) {
    return 1e-9 * static_cast<double>(count) / (peak > 0 ? peak : limits.f32_gflops);
  };
  const double arithmetic = time(work.f32_operations, limits.f32_gflops) +
                            time(work.bf16_operations, limits.bf16_gflops) +
                            time(work.int8_operations, limits.int8_gops);
  share.limit_gflops = 1e-9 * operations / arithmetic;
  share.of_limit = arithmetic / result.seconds;
  if (work.bytes == 0 || limits.read.empty()) return share;

  const double pass = bytes / static_cast<double>(work.passes);
  const auto distance = [&](const MachineLimits::Bandwidth& read) {
    return std::abs(std::log(static_cast<double>(read.working_set) / pass));
  };
  share.limit_gb_per_s = std::ranges::min_element(limits.read, {}, distance)->all_threads;
  const double of_reading = share.gb_per_s / share.limit_gb_per_s;
  share.memory_bound = of_reading > share.of_limit;
  share.of_limit = std::max(share.of_limit, of_reading);
  return share;
}

/// Time of each kind of step in a repetition, and its share of all steps.
Json profile_json(const BenchResult& result) {
  double all = 0;
  for (const StepTime& step : result.steps) all += step.seconds;
  const auto repetitions = static_cast<double>(result.values.size());
  Json array = Json::array();
  for (const StepTime& step : result.steps) {
    array.push_back({{"kind", step.kind},
                     {"calls", static_cast<double>(step.calls) / repetitions},
                     {"ms", 1000 * step.seconds / repetitions},
                     {"share", step.seconds / all}});
  }
  return array;
}

std::string profile_table(const BenchResult& result) {
  if (result.steps.empty()) return "";
  std::string table =
      "\n| steps of " + result.test + " | calls | ms | share |\n|---|---:|---:|---:|\n";
  for (const Json& step : profile_json(result)) {
    table += "| " + step["kind"].get<std::string>() + " | " + fixed(step["calls"], 0) + " | " +
             fixed(step["ms"], 2) + " | " + fixed(100 * step["share"].get<double>(), 1) + " % |\n";
  }
  return table;
}

/// The results as rows of a table, each with its share where its work is known.
class Report {
 public:
  Report(const BenchRun& run, const std::vector<BenchResult>& results) : run_(run) {
    const bool measure = std::ranges::any_of(results, has_work);
    const MachineLimits limits = measure ? machine_limits(run.threads) : MachineLimits{};
    for (const BenchResult& result : results) {
      const bool known = has_work(result);
      rows_.push_back(
          {.result = result,
           .statistics = statistics(result.values),
           .share = known ? std::optional(share_of_limits(result, limits)) : std::nullopt});
    }
  }

  std::string json() const;
  std::string csv() const;
  std::string md() const;

 private:
  struct Row {
    const BenchResult& result;
    Statistics statistics;
    std::optional<Share> share;

    bool reads() const { return share && share->gb_per_s > 0; }
  };

  const BenchRun& run_;
  std::vector<Row> rows_;
};

std::string Report::json() const {
  Json array = Json::array();
  for (const Row& row : rows_) {
    Json json = {{"test", row.result.test},
                 {"median", row.statistics.median},
                 {"mean", row.statistics.mean},
                 {"sd", row.statistics.sd},
                 {"unit", row.result.unit}};
    if (row.reads()) {
      json["gb_per_s"] = row.share->gb_per_s;
      json["limit_gb_per_s"] = row.share->limit_gb_per_s;
    }
    if (row.share) {
      json["gflops"] = row.share->gflops;
      json["limit_gflops"] = row.share->limit_gflops;
      json["limit"] = row.share->memory_bound ? "gb_per_s" : "gflops";
      json["share_of_limit"] = row.share->of_limit;
    }
    json.update({{"repetitions", run_.repetitions},
                 {"model", run_.model.path.filename().string()},
                 {"isa", run_.model.isa},
                 {"exact", run_.model.exact},
                 {"threads", run_.threads},
                 {"load_seconds", run_.model.load_seconds},
                 {"weight_bytes", run_.model.weight_bytes},
                 {"session_bytes", run_.session_bytes},
                 {"peak_memory_bytes", run_.peak_memory_bytes}});
    if (!row.result.steps.empty()) json["profile"] = profile_json(row.result);
    array.push_back(std::move(json));
  }
  return array.dump(2) + "\n";
}

std::string Report::csv() const {
  std::string csv = "test,median,mean,sd,unit,gb_per_s,gflops,share_of_limit\n";
  for (const Row& row : rows_) {
    const Statistics& s = row.statistics;
    csv += row.result.test + "," + fixed(s.median, 3) + "," + fixed(s.mean, 3) + "," +
           fixed(s.sd, 3) + "," + row.result.unit + "," +
           (row.reads() ? fixed(row.share->gb_per_s, 3) : "") + "," +
           (row.share ? fixed(row.share->gflops, 3) : "") + "," +
           (row.share ? fixed(row.share->of_limit, 4) : "") + "\n";
  }
  return csv;
}

std::string Report::md() const {
  std::string table =
      "| test | median | mean ± sd | unit | GB/s | GFLOP/s | of the limit |\n"
      "|---|---:|---:|---|---:|---:|---:|\n";
  std::string profiles;
  for (const Row& row : rows_) {
    const Statistics& s = row.statistics;
    table += "| " + row.result.test + " | " + fixed(s.median, 2) + " | " + fixed(s.mean, 2) +
             " ± " + fixed(s.sd, 2) + " | " + row.result.unit + " | " +
             (row.reads() ? fixed(row.share->gb_per_s, 1) : "") + " | " +
             (row.share ? fixed(row.share->gflops, 1) : "") + " | ";
    if (row.share) {
      const Share& share = *row.share;
      table += fixed(100 * share.of_limit, 1) + " % of " +
               (share.memory_bound ? fixed(share.limit_gb_per_s, 1) + " GB/s"
                                   : fixed(share.limit_gflops, 0) + " GFLOP/s");
    }
    table += " |\n";
    profiles += profile_table(row.result);
  }
  const ModelInfo& model = run_.model;
  return table + "\n" + model.path.filename().string() + " (" + count_text(model.parameters) +
         "), " + model.isa + (model.exact ? ", exact" : "") + ", " + std::to_string(run_.threads) +
         " threads; loaded in " + fixed(model.load_seconds, 2) + " s, peak memory " +
         bytes_text(run_.peak_memory_bytes) + "\n" + profiles;
}

}  // namespace

std::string bench_report(const BenchRun& run, const std::vector<BenchResult>& results,
                         BenchFormat format) {
  const Report report(run, results);
  return format == BenchFormat::json  ? report.json()
         : format == BenchFormat::csv ? report.csv()
                                      : report.md();
}

}  // namespace heed
