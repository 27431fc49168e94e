// Runs the built `heed` as a user would, and what came of it. Used by tests/tools.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace heed {

struct CommandResult {
  int exit_code = -1;  ///< 128 + the signal's number if one ended it
  std::string out;
  std::string err;
  int64_t peak_bytes = 0;  ///< most memory it had at a time
};

struct CommandOptions {
  std::string input = {};        ///< what stdin gives
  std::string output_path = {};  ///< stdout goes to this file instead
  bool close_stdout = false;
  std::string model_store = {};  ///< $HEED_HOME; empty: as it is
  int64_t file_size_limit = 0;   ///< bytes, as `ulimit -f` sets it; 0: none
  bool interrupt = false;        ///< Ctrl-C as soon as there is output
  double kill_after = 0;         ///< seconds until SIGKILL; 0: never
};

CommandResult run_heed(const std::vector<std::string>& arguments,
                       const CommandOptions& options = {});

/// Path of a tiny model of tests/models/goldens: "llama" or "bert".
std::string tiny_model_path(const std::string& name);

/// Whether `text` is one line that begins with "heed: ".
bool is_one_error_line(const std::string& text);

}  // namespace heed
