// Rows of float32 from the standard input become blocks on the standard output; on the other stand
// the MB of input that a second took. IMPORTANCE is a file of COLUMNS float32 numbers. Not a test:
// build the target quantize-rows; tests/quant/compare_with_ggml.py uses it.
//
// usage: quantize-rows TYPE COLUMNS [IMPORTANCE] < FLOATS > BLOCKS
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/core/dtype.h"
#include "engine/core/error.h"
#include "engine/quant/quant.h"

namespace heed {
namespace {

std::vector<float> read_floats(std::istream& in) {
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::vector<float> floats(bytes.size() / sizeof(float));
  bytes.copy(reinterpret_cast<char*>(floats.data()), floats.size() * sizeof(float));
  return floats;
}

void quantize_rows(const std::string& type_name, int64_t columns, const char* importance_path) {
  const auto type = dtype_from_name(type_name);
  if (!type) fail(Error::Code::argument, "no type '", type_name, "'");
  std::vector<float> importance;
  if (importance_path) {
    std::ifstream file(importance_path, std::ios::binary);
    importance = read_floats(file);
  }
  const auto values = read_floats(std::cin);
  const int64_t rows = std::ssize(values) / columns;
  std::vector<std::byte> blocks(static_cast<size_t>(rows * row_bytes(*type, columns)));
  const auto start = std::chrono::steady_clock::now();
  for (int64_t row = 0; row < rows; ++row) {
    quantize_row(*type, values.data() + row * columns,
                 blocks.data() + row * row_bytes(*type, columns), columns, importance);
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  std::cout.write(reinterpret_cast<const char*>(blocks.data()), std::ssize(blocks));
  std::cerr << static_cast<double>(values.size() * sizeof(float)) / time.count() / 1e6 << '\n';
}

}  // namespace
}  // namespace heed

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: quantize-rows TYPE COLUMNS [IMPORTANCE] < FLOATS > BLOCKS\n";
    return 2;
  }
  try {
    heed::quantize_rows(argv[1], std::stoll(argv[2]), argc > 3 ? argv[3] : nullptr);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
