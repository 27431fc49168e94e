// heed doctor: what this machine is, what it can do, and what Heed makes of it.

#include "heed.hpp"
#include "tools/flags.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/reports.h"
#include "tools/verb.h"

namespace heed {
namespace {

class Doctor : public Verb {
 public:
  About about() const override {
    return {.name = "doctor",
            .arguments = "",
            .summary = "the CPU, what Heed uses of it, measured limits",
            .example = "  heed doctor"};
  }
  void add_flags(Flags& flags) override {
    flags.add("-t,--threads", "N", threads_, "threads to measure with; 0 = the machine's",
              {0, 4096});
    flags.add("--no-measure", no_measure_, "look, but spend no time measuring");
    flags.add("--json", json_, "one JSON object");
  }
  void run(Words& words, Output& out) override {
    words.require_end();
    const MachineInfo info = this_machine();
    const MachineLimits limits = no_measure_ ? MachineLimits{} : machine_limits(threads_);
    out.write(json_ ? as_json(info, limits) : as_text(info, limits));
  }

 private:
  static std::string as_json(const MachineInfo& info, const MachineLimits& limits);
  static std::string as_text(const MachineInfo& info, const MachineLimits& limits);

  int threads_ = 0;
  bool no_measure_ = false;
  bool json_ = false;
};

std::string Doctor::as_json(const MachineInfo& info, const MachineLimits& limits) {
  Json json = {{"version", version()},
               {"cpu", info.cpu},
               {"features", Json::object()},
               {"isas", info.isas},
               {"isa", info.isa},
               {"isa_reason", info.isa_reason},
               {"threads", info.threads},
               {"memory_bytes", info.memory_bytes}};
  for (const auto& [name, present] : info.features) json["features"][name] = present;
  if (!limits.read.empty()) {
    json["f32_gflops"] = limits.f32_gflops;
    json["bf16_gflops"] = limits.bf16_gflops;
    json["int8_gops"] = limits.int8_gops;
    json["read"] = Json::array();
    for (const MachineLimits::Bandwidth& read : limits.read) {
      json["read"].push_back({{"working_set", read.working_set},
                              {"one_thread_gbs", read.one_thread},
                              {"all_threads_gbs", read.all_threads}});
    }
  }
  return json_line(json);
}

std::string Doctor::as_text(const MachineInfo& info, const MachineLimits& limits) {
  std::string present;
  std::string absent;
  for (const auto& [name, has] : info.features) (has ? present : absent) += " " + name;
  std::string isas;
  for (const std::string& isa : info.isas) isas += " " + isa;
  std::string text = "heed       " + std::string(version()) + "\ncpu        " + info.cpu +
                     "\nhas       " + present + "\nlacks     " +
                     (absent.empty() ? " nothing Heed knows" : absent) + "\ncan use   " + isas +
                     "\nuses       " + info.isa + " (" + info.isa_reason + ")\nthreads    " +
                     std::to_string(info.threads) + "\nmemory     " +
                     bytes_text(info.memory_bytes) + "\n";
  if (limits.read.empty()) return text;

  text += "\nreading, GB/s     one thread   all threads\n";
  for (const MachineLimits::Bandwidth& read : limits.read) {
    text += "  " + padded(bytes_text(read.working_set), 18) +
            padded(fixed(read.one_thread, 1), 13) + fixed(read.all_threads, 1) + "\n";
  }
  const auto rate = [](double value) {
    return value > 0 ? fixed(value, 0) : std::string("no such unit");
  };
  return text + "\narithmetic, 10^9 operations/s, all threads" + "\n  f32   " +
         rate(limits.f32_gflops) + "\n  bf16  " + rate(limits.bf16_gflops) + "\n  int8  " +
         rate(limits.int8_gops) + "\n";
}

}  // namespace

std::unique_ptr<Verb> make_doctor() {
  return std::make_unique<Doctor>();
}

}  // namespace heed
