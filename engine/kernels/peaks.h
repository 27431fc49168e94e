// Loops that do nothing but what one limit of the machine is about, one file for each instruction
// set, stacked as the kernel tables are (tables.h). Used by machine.cpp and by benchmarks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heed {

/// Arithmetic on registers. Null where the instruction set has no such unit.
struct PeakLoop {
  void (*run)(int64_t steps) = nullptr;
  int64_t operations = 0;  ///< multiplications and additions of one step, counted apart
};

/// Four cache lines that a loop reads at a time: of one stream, or of `streams` = 4 side by side.
struct FourLines {
  int64_t apart, step, end;  // bytes

  FourLines(int64_t size, int streams)
      : apart(streams == 1 ? 64 : size / 4),
        step(streams == 1 ? 256 : 64),
        end(streams == 1 ? size : size / 4) {}
};

struct PeakLoops {
  /// Reads bytes [0, size) once, in one stream or in four, as the kernels read panels. `size`: a
  /// multiple of 256.
  void (*read)(const std::byte* data, int64_t size, int streams) = nullptr;
  PeakLoop f32, bf16, int8;
};

namespace scalar {
void set_peaks(PeakLoops& loops);
}
namespace avx2 {
void set_peaks(PeakLoops& loops);
}
namespace avx512 {
void set_peaks(PeakLoops& loops);
}
namespace bf16 {
void set_peaks(PeakLoops& loops);
}
namespace amx {
void set_peaks(PeakLoops& loops);
}

}  // namespace heed
