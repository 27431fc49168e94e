#include "engine/kernels/dense.h"

#include <doctest/doctest.h>
#include <time.h>

#include <cmath>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "engine/core/aligned.h"
#include "engine/core/error.h"
#include "engine/core/half.h"
#include "tests/support/kernel_tables.h"

namespace heed {
namespace {

constexpr InputForm kForms[] = {InputForm::f32, InputForm::bf16};

const Kernels& best_kernels() {
  return kernels(machine_isas().back());
}

std::vector<float> normals(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& v : values) v = normal(random);
  return values;
}

/// A random matrix as given, as oneDNN has it, and a random input of both forms.
class Case {
 public:
  Case(const DenseMatrix::Spec& spec, int64_t most_rows, int build_threads = 2)
      : spec_(spec),
        weights_(normals(spec.rows * spec.columns, 1)),
        bias_(normals(spec.rows, 2)),
        f32_(normals(most_rows * spec.columns + 1, 3)),
        matrix_(make(build_threads)) {
    for (const float x : f32_) bf16_.push_back(f32_to_bf16(x));
  }

  const DenseMatrix::Spec& spec() const { return spec_; }
  const float* bias() const { return bias_.data(); }

  /// The product by `threads` threads, over random numbers. No argument is aligned beyond its
  /// elements.
  std::vector<float> run(int threads, int64_t input_rows, int64_t out_stride,
                         const Epilogue& epilogue = {}) const {
    std::vector<float> out = normals(input_rows * out_stride, 4);
    ThreadTeam team(threads);
    const int64_t scratch_bytes = matrix_.scratch_bytes();
    AlignedBuffer scratch(threads * scratch_bytes);
    team.run([&](int thread) {
      const int64_t tiles = matrix_.tiles(input_rows, epilogue.gated);
      const Range mine = split(tiles, thread, team.size());
      matrix_.run({.kernels = &best_kernels(),
                   .first_tile = mine.begin,
                   .last_tile = mine.end,
                   .input = {.form = spec_.form,
                             .f32 = f32_.data() + 1,
                             .bf16 = bf16_.data() + 1,
                             .stride = spec_.columns,
                             .rows = input_rows},
                   .epilogue = epilogue,
                   .out = out.data(),
                   .out_stride = out_stride,
                   .scratch = scratch.data() + thread * scratch_bytes});
    });
    return out;
  }

  /// One value before activation, exactly but for the last rounding, and how far oneDNN's may be
  /// off: a sum of n rounded terms errs by at most n units in the last place of the sum of their
  /// absolute values (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), whatever the
  /// order. Products of bf16 are exact in f32.
  struct Expected {
    double value, error;
  };
  Expected expected(int64_t row, int64_t n, bool with_bias) const {
    double sum = with_bias ? bias_[n] : 0;
    double size = std::abs(sum);
    for (int64_t k = 0; k < spec_.columns; ++k) {
      double product = double{f32_[1 + row * spec_.columns + k]} * weights_[n * spec_.columns + k];
      if (spec_.form == InputForm::bf16) {
        product = double{bf16_to_f32(bf16_[1 + row * spec_.columns + k])} *
                  bf16_to_f32(f32_to_bf16(weights_[n * spec_.columns + k]));
      }
      sum += product;
      size += std::abs(product);
    }
    return {sum, static_cast<double>(spec_.columns + 2) * 0x1p-24 * size};
  }

 private:
  DenseMatrix make(int threads) const {
    ThreadTeam team(threads);
    DenseCache cache;
    return DenseMatrix(
        spec_, cache,
        [&](int64_t first, int64_t count, float* out) {
          std::copy_n(weights_.data() + first * spec_.columns, count * spec_.columns, out);
        },
        team);
  }

  DenseMatrix::Spec spec_;
  std::vector<float> weights_, bias_, f32_;
  std::vector<uint16_t> bf16_;
  DenseMatrix matrix_;
};

/// Values of the product that are not as expected.
int64_t count_wrong(const Case& c, int64_t input_rows, int64_t out_stride,
                    const Epilogue& epilogue = {}) {
  const std::vector<float> before = normals(input_rows * out_stride, 4);
  const std::vector<float> out = c.run(1, input_rows, out_stride, epilogue);
  int64_t wrong = 0;
  for (int64_t r = 0; r < input_rows; ++r) {
    for (int64_t n = 0; n < out_stride; ++n) {
      const float found = out[r * out_stride + n];
      const float old = before[r * out_stride + n];
      if (n >= c.spec().rows) {
        wrong += found != old;  // beyond the matrix: untouched
        continue;
      }
      auto [value, error] = c.expected(r, n, epilogue.bias);
      if (epilogue.activation == Activation::relu) value = std::max(value, 0.0);
      if (epilogue.accumulate) value += old;
      error += 0x1p-24 * std::abs(value);
      wrong += !(std::abs(found - value) <= error);
    }
  }
  return wrong;
}

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

// First in this file: threads left over from other tests would use processor time too.
TEST_CASE("oneDNN starts no threads of its own") {
  const double process = seconds(CLOCK_PROCESS_CPUTIME_ID);
  const double thread = seconds(CLOCK_THREAD_CPUTIME_ID);
  const Case c({.rows = 512, .columns = 4000}, 300, /*build_threads=*/1);
  for (int i = 0; i < 20; ++i) c.run(1, 300, 512);
  const double own = seconds(CLOCK_THREAD_CPUTIME_ID) - thread;
  CHECK(seconds(CLOCK_PROCESS_CPUTIME_ID) - process < 1.05 * own);
}

TEST_CASE("products of any size, with every part of the epilogue, equal plain sums") {
  constexpr int64_t kShapes[][3] = {
      // rows, columns, input rows
      {1, 1, 1}, {64, 64, 128}, {65, 33, 5}, {200, 100, 131}, {384, 384, 30}, {130, 576, 259}};
  for (const InputForm form : kForms) {
    if (form == InputForm::bf16 && !dense_available(form)) continue;
    for (const auto& shape : kShapes) {
      const int64_t rows = shape[0], columns = shape[1], input_rows = shape[2];
      CAPTURE(static_cast<int>(form));
      CAPTURE(rows);
      const Case c({.rows = rows, .columns = columns, .form = form}, input_rows);
      const Epilogue relu{.bias = c.bias(), .activation = Activation::relu};
      const Epilogue add{.bias = c.bias(), .accumulate = true};
      CHECK(count_wrong(c, input_rows, rows + 3) == 0);
      CHECK(count_wrong(c, input_rows, rows, relu) == 0);
      CHECK(count_wrong(c, input_rows, rows + 1, add) == 0);
    }
  }
}

TEST_CASE("every number of input rows up to two blocks") {
  const Case c({.rows = 70, .columns = 40}, 256);
  for (int64_t input_rows = 1; input_rows <= 256; ++input_rows) {
    CAPTURE(input_rows);
    CHECK(count_wrong(c, input_rows, 70) == 0);
  }
}

TEST_CASE("gated products multiply the activated slices by their neighbours") {
  constexpr int64_t kRows = 133, kOut = 2 * kSliceRows;
  const Case c({.rows = 2 * kOut, .columns = 96}, kRows);
  for (const float* bias : {static_cast<const float*>(nullptr), c.bias()}) {
    const std::vector<float> plain = c.run(1, kRows, 2 * kOut, {.bias = bias});
    const std::vector<float> out =
        c.run(2, kRows, kOut, {.bias = bias, .activation = Activation::relu, .gated = true});
    int64_t wrong = 0;
    for (int64_t i = 0; i < kRows * kOut; ++i) {
      const float* gate = plain.data() + i / kSliceRows * 2 * kSliceRows + i % kSliceRows;
      wrong += out[i] != std::max(gate[0], 0.0f) * gate[kSliceRows];
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("any number of threads gives the same bits, also when several products run at once") {
  for (const InputForm form : kForms) {
    if (form == InputForm::bf16 && !dense_available(form)) continue;
    const Case c({.rows = 384, .columns = 384, .form = form}, 200);
    const Epilogue epilogue{.bias = c.bias(), .activation = Activation::gelu};
    const std::vector<float> one = c.run(1, 200, 384, epilogue);
    CHECK(c.run(2, 200, 384, epilogue) == one);
    CHECK(c.run(5, 200, 384, epilogue) == one);
    std::vector<std::vector<float>> outs(3);
    std::vector<std::thread> users;
    for (auto& out : outs) users.emplace_back([&] { out = c.run(2, 200, 384, epilogue); });
    for (std::thread& user : users) user.join();
    for (const auto& out : outs) CHECK(out == one);
  }
}

TEST_CASE("what oneDNN or the source of the rows refuses is an error") {
  DenseCache cache;
  CHECK_FALSE(dense_available(InputForm::q8));
  CHECK((!dense_has_tiles() || dense_available(InputForm::bf16)));
  CHECK_THROWS_AS(cache.get(64, InputForm::q8), Error);
  ThreadTeam team(2);
  const auto unreadable = [](int64_t, int64_t, float*) { throw std::runtime_error("gone"); };
  CHECK_THROWS_AS(DenseMatrix({.rows = 500, .columns = 64}, cache, unreadable, team),
                  std::runtime_error);
}

}  // namespace heed
