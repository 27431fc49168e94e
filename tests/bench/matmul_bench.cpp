// Speed of the matrix kernels on one thread: decode in GB/s of packed weights beside what plain
// loads of as many bytes reach, prefill in GOP/s beside a loop of nothing but multiply-adds.
// Not a test: build the target matmul-bench.
//
// usage: matmul-bench [ISA [TYPE...]]      e.g. matmul-bench avx512 q4_1 f32
#include <immintrin.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "engine/kernels/kernels.h"
#include "engine/kernels/pack.h"
#include "tests/kernels/matrices.h"

namespace heed {
namespace {

/// Seconds this thread has run: other programs' turns on the core do not count.
double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// The shortest of the repetitions that fit into a quarter of a second, in seconds.
double best_time(const std::function<void()>& run) {
  double best = 1e9, total = 0;
  for (int i = 0; i < 4 || total < 0.25; ++i) {
    const double start = thread_seconds();
    run();
    const double seconds = thread_seconds() - start;
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

/// GB/s of loads of 64 bytes, prefetched as the kernels do.
__attribute__((target("avx512f"), noinline)) double read_rate(const std::byte* data, int64_t size) {
  const double seconds = best_time([=]() __attribute__((target("avx512f"))) {
    __m512i sums[4] = {};
    for (int64_t i = 0; i < size; i += 256) {
      for (int j = 0; j < 4; ++j) {
        __builtin_prefetch(data + i + 64 * j + 2048);
        sums[j] = _mm512_add_epi32(sums[j], _mm512_loadu_si512(data + i + 64 * j));
        asm volatile("" : "+v"(sums[j]));
      }
    }
  });
  return static_cast<double>(size) / seconds * 1e-9;
}

/// Multiplications and additions a second, in G: 8-bit dot products, f32 multiply-adds.
struct Peaks {
  double bytes, floats;
};

__attribute__((target("avx512f,avx512vnni"), noinline)) Peaks avx512_peaks() {
  constexpr int kSteps = 1 << 18;
  const double ints = best_time([]() __attribute__((target("avx512f,avx512vnni"))) {
    __m512i s[16] = {};
    const __m512i a = _mm512_set1_epi32(0x01010101);
    for (int i = 0; i < kSteps; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < 16; ++j) {
        s[j] = _mm512_dpbusd_epi32(s[j], a, a);
        asm volatile("" : "+v"(s[j]));
      }
    }
  });
  const double floats = best_time([]() __attribute__((target("avx512f,avx512vnni"))) {
    __m512 s[16] = {};
    const __m512 a = _mm512_set1_ps(0.5f);
    for (int i = 0; i < kSteps; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < 16; ++j) {
        s[j] = _mm512_fmadd_ps(s[j], a, a);
        asm volatile("" : "+v"(s[j]));
      }
    }
  });
  return {.bytes = 128e-9 * 16 * kSteps / ints, .floats = 32e-9 * 16 * kSteps / floats};
}

/// A product of `rows` rows with a matrix [outputs, columns]: a few random panels, repeated.
class Bench {
 public:
  Bench(const Kernels& k, DType type, int64_t rows, int64_t columns, int64_t outputs)
      : k_(k),
        some_(k, type, std::min<int64_t>(outputs, 64), columns, 1),
        input_(k, rows, columns, 2),
        w_(some_.panels),
        scratch_(k.matmul_scratch(type, columns, rows)),
        out_(static_cast<size_t>(rows * outputs)) {
    w_.rows = outputs;
    weights_ = std::make_unique<AlignedBytes>(bytes());
    for (int64_t p = 0; p < w_.count(); ++p)
      std::memcpy(weights_->data() + p * w_.panel_bytes,
                  some_.panels.panel(p % some_.panels.count()),
                  static_cast<size_t>(w_.panel_bytes));
    w_.data = weights_->data();
  }

  double seconds() {
    const MatmulArgs args{
        .w = &w_,
        .first_panel = 0,
        .last_panel = w_.count(),
        .input = input_.view(k_.matmul_input(w_.type, w_.columns, input_.rows), input_.rows),
        .epilogue = {},
        .out = out_.data(),
        .out_stride = w_.rows,
        .scratch = scratch_.data()};
    return best_time([&] { k_.matmul(args); });
  }
  int64_t bytes() const { return w_.count() * w_.panel_bytes; }

 private:
  const Kernels& k_;
  Matrix some_;
  Input input_;
  Panels w_;
  AlignedBytes scratch_;
  std::vector<float> out_;
  std::unique_ptr<AlignedBytes> weights_;
};

/// GB/s of `rows` rows over a matrix of about `bytes` bytes.
double decode_rate(const Kernels& k, DType type, int64_t rows, int64_t columns, int64_t bytes) {
  const int64_t panels = bytes / k.panel_bytes(type, columns);
  Bench bench(k, type, rows, columns, panels * kPanelRows);
  return static_cast<double>(bench.bytes()) / bench.seconds() * 1e-9;
}

double prefill_rate(const Kernels& k, DType type, int64_t rows, int64_t columns, int64_t outputs) {
  Bench bench(k, type, rows, columns, outputs);
  return 2e-9 * static_cast<double>(rows * columns * outputs) / bench.seconds();
}

void bench_type(const Kernels& k, DType type, int64_t in_l2, int64_t large) {
  const int64_t block = info(type).block;
  std::printf("%-8s|", std::string(info(type).name).c_str());
  for (const int64_t rows : {1, 4})
    for (const int64_t size : {in_l2, large})
      std::printf(" %6.1f", decode_rate(k, type, rows, block == kSuperBlock ? 768 : 576, size));
  std::printf(" |");
  constexpr int64_t kShapes[][3] = {{8, 768, 1536},    {32, 768, 1536},   {512, 576, 1536},
                                    {512, 1536, 576},  {1056, 384, 1536}, {1056, 1536, 384},
                                    {512, 4096, 1024}, {96, 256, 1024},   {96, 1024, 256}};
  for (const auto& [rows, columns, outputs] : kShapes) {
    if (columns % block != 0) {
      std::printf("     -");
    } else {
      std::printf(" %5.0f", prefill_rate(k, type, rows, columns, outputs));
    }
    std::fflush(stdout);
  }
  std::printf("\n");
}

int run(int argc, char** argv) {
  constexpr int64_t kInL2 = 512 * 1024, kLarge = 192 << 20;
  Isa isa = machine_isas().back();
  for (const Isa i : machine_isas())
    if (argc > 1 && to_string(i) == argv[1]) isa = i;
  const Kernels& k = kernels(isa);
  std::printf("table %s\n", k.name);
  if (machine_has(Isa::avx512)) {
    const AlignedBytes bytes(kLarge);
    std::memset(bytes.data(), 1, kLarge);
    const Peaks peaks = avx512_peaks();
    std::printf("limits: reads %.0f GB/s from L2, %.1f from memory; %.0f GOP/s int8, %.0f f32\n",
                read_rate(bytes.data(), kInL2), read_rate(bytes.data(), kLarge), peaks.bytes,
                peaks.floats);
  }
  std::printf(
      "GB/s: 1 row L2, memory; 4 rows L2, memory | GOP/s: 8x768x1536, 32x768x1536, "
      "512x576x1536, 512x1536x576, 1056x384x1536, 1056x1536x384, 512x4096x1024, 96x256x1024, "
      "96x1024x256\n");
  for (const DType type : kWeightTypes) {
    const auto named = [&](const char* name) { return dtype_from_name(name) == type; };
    if (argc < 3 || std::any_of(argv + 2, argv + argc, named)) bench_type(k, type, kInL2, kLarge);
  }
  return 0;
}

}  // namespace
}  // namespace heed

int main(int argc, char** argv) {
  return heed::run(argc, argv);
}
