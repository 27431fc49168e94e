// Rows of floats, one value at a time: the specification of these entries (contracts: kernels.h).
// Sums run in double, so that what the faster tables are compared with has no error of its own.
#include <cmath>
#include <limits>
#include <utility>

#include "engine/core/half.h"
#include "engine/kernels/tables.h"

namespace heed {
namespace {

void to_bf16(const float* x, int64_t n, uint16_t* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = f32_to_bf16(x[i]);
}

void to_bf16_tiles(const float* x, int64_t n, int64_t row, uint16_t* out) {
  for (int64_t i = 0; i < n; ++i) out[at_in_tiles(row, i, n)] = f32_to_bf16(x[i]);
}

void to_f32_tiles(const float* x, int64_t n, int64_t row, uint16_t* out) {
  constexpr int64_t kTile = kInputTileRows * kRecordColumns;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = at_in_tiles(row, i, n), tile = at / kTile;
    float left = x[i];
    for (int part = 0; part < kF32Parts; ++part) {
      uint16_t& to = out[(tile * kF32Parts + part) * kTile + at % kTile];
      to = f32_to_bf16(left);
      left -= bf16_to_f32(to);
    }
  }
}

void rms_norm(const float* x, const float* weight, int64_t n, float eps, float* out) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{x[i]} * x[i];
  const auto factor = static_cast<float>(1 / std::sqrt(sum / static_cast<double>(n) + eps));
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] * factor * weight[i];
}

void layer_norm(const float* x, const float* weight, const float* bias, int64_t n, float eps,
                float* out) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  const double mean = sum / static_cast<double>(n);
  double squares = 0;
  for (int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + eps);
  for (int64_t i = 0; i < n; ++i) {
    const auto normal = static_cast<float>((x[i] - mean) * factor);
    out[i] = normal * weight[i] + (bias ? bias[i] : 0.0f);
  }
}

void add(const float* x, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] += x[i];
}

void scale(float factor, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] *= factor;
}

void activate(Activation activation, int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] = scalar::activated(activation, x[i]);
}

float largest(const float* x, int64_t n) {
  float max = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < n; ++i) max = x[i] > max ? x[i] : max;
  return max;
}

void softmax(int64_t n, float* x) {
  const float max = largest(x, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i] = std::exp(x[i] - max);
  for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(x[i] / sum);
}

float dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{a[i]} * b[i];
  return static_cast<float>(sum);
}

void rope(float* x, const float* cos_sin, int64_t n_rot, bool interleaved) {
  for (int64_t i = 0; i < n_rot / 2; ++i) {
    const float c = cos_sin[2 * i], s = cos_sin[2 * i + 1];
    float& first = interleaved ? x[2 * i] : x[i];
    float& second = interleaved ? x[2 * i + 1] : x[i + n_rot / 2];
    const float rotated = first * c - second * s;
    second = first * s + second * c;
    first = rotated;
  }
}

int64_t argmax(const float* x, int64_t n) {
  const float max = largest(x, n);
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] == max) return i;
  }
  return 0;  // nothing but NaN
}

float logsumexp(const float* x, int64_t n, float* maxima) {
  for (int64_t i = 0; maxima && i < n; i += kMaximumOf) {
    maxima[i / kMaximumOf] = largest(x + i, std::min(n - i, kMaximumOf));
  }
  const float max = largest(x, n);
  if (std::isinf(max)) return max;  // no terms, or all of them 0; or one that dwarfs the others
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - max);
  return static_cast<float>(max + std::log(sum));
}

}  // namespace

float scalar::activated(Activation activation, float x) {
  constexpr float kSqrtHalf = 0.707106781f, kSqrtTwoOverPi = 0.797884561f;
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return x < 0 ? 0 : x;
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::gelu:
      return 0.5f * x * (1 + std::erf(x * kSqrtHalf));
    case Activation::gelu_tanh:
      return 0.5f * x * (1 + std::tanh(kSqrtTwoOverPi * (x + 0.044715f * x * x * x)));
    case Activation::tanh:
      break;
  }
  return std::tanh(x);
}

void scalar::set_rows(Kernels& t) {
  t.to_bf16 = to_bf16;
  t.to_bf16_tiles = to_bf16_tiles;
  t.to_f32_tiles = to_f32_tiles;
  t.rms_norm = rms_norm;
  t.layer_norm = layer_norm;
  t.add = add;
  t.scale = scale;
  t.activate = activate;
  t.softmax = softmax;
  t.dot = dot;
  t.rope = rope;
  t.argmax = argmax;
  t.logsumexp = logsumexp;
}

}  // namespace heed
