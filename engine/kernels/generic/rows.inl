// Rows of floats over Vec (contracts: kernels.h, specification: scalar_rows.cpp). Included after
// <isa>_vec.h by <isa>_rows.cpp, which exports set_rows.
#pragma once

#include <math.h>

#include "engine/kernels/generic/vec_math.inl"
#include "engine/kernels/tables.h"

namespace heed {
namespace {

/// The part of a row that one step of a loop handles: a whole vector,
struct Whole {
  Vec load(const float* p) const { return heed::load(p); }
  void store(Vec x, float* p) const { heed::store(x, p); }
  /// x in the lanes that belong to the row, `other` in the rest.
  Vec keep(Vec x, Vec /*other*/ = zero()) const { return x; }
};

/// or the first n lanes of the last one.
struct Tail {
  int64_t n;
  Vec load(const float* p) const { return load_first(p, n); }
  void store(Vec x, float* p) const { store_first(x, p, n); }
  Vec keep(Vec x, Vec other = zero()) const {
    return select(lane_numbers() < broadcast(static_cast<float>(n)), x, other);
  }
};

/// body(i, part) for the vectors of a row of n values; part is Whole or Tail.
template <typename Body>
inline void for_each_vec(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, Whole{});
  if (i < n) body(i, Tail{n - i});
}

/// sum = step(sum, i, part) over the vectors of a row, in four independent chains (one addition
/// takes four cycles); the order depends on n alone.
template <typename Step>
inline float sum_over(int64_t n, Step step) {
  Vec sums[4] = {zero(), zero(), zero(), zero()};
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int k = 0; k < 4; ++k) sums[k] = step(sums[k], i + k * kLanes, Whole{});
  }
  for (; i + kLanes <= n; i += kLanes) sums[0] = step(sums[0], i, Whole{});
  if (i < n) sums[1] = step(sums[1], i, Tail{n - i});
  return sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/// The largest value that is not NaN; -inf if there is none.
inline float largest(const float* x, int64_t n) {
  const Vec lowest = broadcast(-INFINITY);
  Vec best[2] = {lowest, lowest};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    best[0] = max(load(x + i), best[0]);
    best[1] = max(load(x + i + kLanes), best[1]);
  }
  for_each_vec(n - i, [&](int64_t j, auto part) {
    best[0] = max(part.keep(part.load(x + i + j), lowest), best[0]);
  });
  return max_of_lanes(max(best[0], best[1]));
}

void to_bf16(const float* x, int64_t n, uint16_t* out) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_bf16(load(x + i), out + i);
  if (i == n) return;
  uint16_t last[kLanes];
  store_bf16(load_first(x + i, n - i), last);
  for (int64_t j = 0; i + j < n; ++j) out[i + j] = last[j];
}

void rms_norm(const float* x, const float* weight, int64_t n, float eps, float* out) {
  const float squares = sum_over(n, [&](Vec sum, int64_t i, auto part) {
    const Vec v = part.load(x + i);
    return fma(v, v, sum);
  });
  const Vec factor = broadcast(1 / sqrtf(squares / static_cast<float>(n) + eps));
  for_each_vec(n, [&](int64_t i, auto part) {
    part.store(part.load(x + i) * factor * part.load(weight + i), out + i);
  });
}

void layer_norm(const float* x, const float* weight, const float* bias, int64_t n, float eps,
                float* out) {
  const float total =
      sum_over(n, [&](Vec sum, int64_t i, auto part) { return sum + part.load(x + i); });
  const Vec mean = broadcast(total / static_cast<float>(n));
  const float squares = sum_over(n, [&](Vec sum, int64_t i, auto part) {
    const Vec centred = part.keep(part.load(x + i) - mean);
    return fma(centred, centred, sum);
  });
  const Vec factor = broadcast(1 / sqrtf(squares / static_cast<float>(n) + eps));
  for_each_vec(n, [&](int64_t i, auto part) {
    const Vec normal = (part.load(x + i) - mean) * factor;
    const Vec shift = bias ? part.load(bias + i) : zero();
    part.store(fma(normal, part.load(weight + i), shift), out + i);
  });
}

void add(const float* x, int64_t n, float* out) {
  for_each_vec(
      n, [&](int64_t i, auto part) { part.store(part.load(out + i) + part.load(x + i), out + i); });
}

void scale(float factor, int64_t n, float* out) {
  for_each_vec(n, [&](int64_t i, auto part) {
    part.store(part.load(out + i) * broadcast(factor), out + i);
  });
}

void softmax(int64_t n, float* x) {
  const Vec max = broadcast(largest(x, n));
  const float sum = sum_over(n, [&](Vec partial, int64_t i, auto part) {
    const Vec e = exp(part.load(x + i) - max);
    part.store(e, x + i);
    return partial + part.keep(e);
  });
  scale(1 / sum, n, x);
}

float dot(const float* a, const float* b, int64_t n) {
  return sum_over(n, [&](Vec sum, int64_t i, auto part) {
    return fma(part.load(a + i), part.load(b + i), sum);
  });
}

/// The values at even and odd places of `count` pairs, up to kLanes of them.
inline void load_pairs(const float* p, int64_t count, Vec& even, Vec& odd) {
  const int64_t in_second = count > kLanes / 2 ? 2 * count - kLanes : 0;
  const Vec a = load_first(p, 2 * count - in_second), b = load_first(p + kLanes, in_second);
  split_pairs(a, b, even, odd);
}

inline void store_pairs(Vec even, Vec odd, float* p, int64_t count) {
  const int64_t in_second = count > kLanes / 2 ? 2 * count - kLanes : 0;
  Vec a, b;
  join_pairs(even, odd, a, b);
  store_first(a, p, 2 * count - in_second);
  store_first(b, p + kLanes, in_second);
}

void rope(float* x, const float* cos_sin, int64_t n_rot, bool interleaved) {
  const int64_t pairs = n_rot / 2;
  for (int64_t i = 0; i < pairs; i += kLanes) {
    const int64_t count = pairs - i < kLanes ? pairs - i : kLanes;
    float* first_half = x + i;
    float* second_half = x + pairs + i;
    Vec c, s, first, second;
    load_pairs(cos_sin + 2 * i, count, c, s);
    if (interleaved) {
      load_pairs(x + 2 * i, count, first, second);
    } else {
      first = load_first(first_half, count);
      second = load_first(second_half, count);
    }
    const Vec new_first = fnma(second, s, first * c), new_second = fma(second, c, first * s);
    if (interleaved) {
      store_pairs(new_first, new_second, x + 2 * i, count);
    } else {
      store_first(new_first, first_half, count);
      store_first(new_second, second_half, count);
    }
  }
}

int64_t argmax(const float* x, int64_t n) {
  const Vec best = broadcast(largest(x, n));
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const int lane = first_true(load(x + i) == best);
    if (lane < kLanes) return i + lane;
  }
  const int64_t lane = first_true(load_first(x + i, n - i) == best);
  return lane < n - i ? i + lane : 0;  // 0: nothing but NaN
}

/// exp(x) for x <= 0; 2^-126 where it would be less.
inline Vec normal_exp(Vec x) {
  return normal_exp2_of_nonpositive(x * broadcast(kLog2E));
}

/// Adds exp(x - shift) of `n` numbers to sums, which four chains share.
inline void add_powers(const float* x, int64_t n, float shift, Vec (&sums)[4]) {
  const Vec shifts = broadcast(shift);
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int k = 0; k < 4; ++k) sums[k] = sums[k] + normal_exp(load(x + i + k * kLanes) - shifts);
  }
  for_each_vec(n - i, [&](int64_t j, auto part) {
    sums[0] = sums[0] + part.keep(normal_exp(part.load(x + i + j) - shifts));
  });
}

/// A stretch is summed while it is near; when one has a greater maximum than those before, what
/// they sum to shrinks.
float logsumexp(const float* x, int64_t n, float* maxima) {
  float max = -INFINITY, shift = 0;
  Vec sums[4] = {zero(), zero(), zero(), zero()};
  for (int64_t i = 0; i < n; i += kMaximumOf) {
    const int64_t count = n - i < kMaximumOf ? n - i : kMaximumOf;
    const float m = largest(x + i, count);
    if (maxima) maxima[i / kMaximumOf] = m;
    if (m > max) {
      const Vec shrink = normal_exp(broadcast(max - m));
      for (Vec& sum : sums) sum = sum * shrink;
      max = shift = m;
    }
    add_powers(x + i, count, shift, sums);
  }
  if (isinf(max)) return max;  // no terms, or all of them 0; or one that dwarfs the others
  return max + logf(sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])));
}

void fill_rows(Kernels& t) {
  t.to_bf16 = to_bf16;
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

}  // namespace
}  // namespace heed
