#include "tools/npy.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include "heed_error.hpp"

namespace heed {
namespace {

std::string header(int64_t rows, int64_t width) {
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) +
                     ", " + std::to_string(width) + "), }";
  constexpr size_t kBefore = 10;  // magic, version, the header's own length
  text.append(63 - (kBefore + text.size()) % 64, ' ');
  text += '\n';  // the data starts at a multiple of 64
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(text.size() & 0xff);
  start += static_cast<char>(text.size() >> 8);
  return start + text;
}

}  // namespace

void write_npy(const std::filesystem::path& path, std::span<const float> values, int64_t rows,
               int64_t width) {
  const auto fail = [&] {
    const std::string reason = std::system_category().message(errno);
    throw Error(Error::Code::io, "cannot write '" + path.string() + "': " + reason);
  };
  // A device or a pipe has nothing to keep, and must not be replaced by a file.
  const bool plain = !std::filesystem::exists(path) || std::filesystem::is_regular_file(path);
  const std::string written =
      plain ? path.string() + ".tmp" + std::to_string(::getpid()) : path.string();
  FILE* const file = std::fopen(written.c_str(), "wb");
  if (file == nullptr) fail();

  const std::string start = header(rows, width);
  bool good = std::fwrite(start.data(), 1, start.size(), file) == start.size() &&
              std::fwrite(values.data(), sizeof(float), values.size(), file) == values.size() &&
              std::fflush(file) == 0 && (!plain || ::fsync(::fileno(file)) == 0);
  int problem = errno;
  if (std::fclose(file) != 0 && good) {
    good = false;
    problem = errno;
  }
  if (good && plain && std::rename(written.c_str(), path.c_str()) != 0) {
    good = false;
    problem = errno;
  }
  if (!good) {
    if (plain) std::remove(written.c_str());
    errno = problem;
    fail();
  }
}

}  // namespace heed
