// What the library tells in JSON, as records. Used by the verbs that show it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "heed.hpp"

namespace heed {

struct TensorInfo {
  std::string name;
  std::string type;            ///< "q4_1"
  std::vector<int64_t> shape;  ///< outermost dimension first
  int64_t bytes = 0;
};

struct FileInfo {
  std::filesystem::path path;
  std::string architecture;
  int64_t parameters = 0;
  int64_t bytes = 0;
  std::vector<std::pair<std::string, std::string>> metadata;  ///< values as text
  std::vector<TensorInfo> tensors;
};
FileInfo inspect_file(const std::string& name_or_path);

std::vector<std::string> model_names();

struct MachineInfo {
  std::string cpu;
  std::vector<std::pair<std::string, bool>> features;
  std::vector<std::string> isas;  ///< instruction sets this machine can run, worst first
  std::string isa;                ///< the one in use
  std::string isa_reason;
  int threads = 0;
  int64_t memory_bytes = 0;
};
MachineInfo this_machine();

struct MachineLimits {
  struct Bandwidth {
    int64_t working_set = 0;  ///< bytes
    double one_thread = 0;    ///< GB/s
    double all_threads = 0;
  };
  std::vector<Bandwidth> read;
  double f32_gflops = 0;  ///< all threads; 0 where the machine has no such unit
  double bf16_gflops = 0;
  double int8_gops = 0;
};
MachineLimits machine_limits(int threads);

/// Time spent in steps of one kind: "blk.ffn_down" is that of all blocks.
struct StepTime {
  std::string kind;
  int64_t calls = 0;
  double seconds = 0;
};
std::vector<StepTime> take_steps(Session& session);

struct VerifyReport {
  struct Layer {
    std::string name;
    double error = 0;
  };
  std::vector<Layer> layers;
  std::string drifting;  ///< empty: none
  int64_t texts = 0;
  int64_t tokens = 0;  ///< 0 for a model without a head
  int64_t agreements = 0;
  double divergence = 0;
  double similarity = 1;
};
VerifyReport verify_model(const Model& model, const VerifyOptions& options);

}  // namespace heed
