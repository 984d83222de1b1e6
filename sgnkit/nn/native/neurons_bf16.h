// Blocks of `fire` and `fire_backward` in bfloat16 where the CPU has vectors for them. Backwards 32
// numbers at a time, exponential and reciprocal by approximations that are good to more bits than
// bfloat16 has.

#pragma once

#include "vectors.h"

#ifdef SGNKIT_VECTORS

constexpr int ROW = 32, LANES = sizeof(Vector) / sizeof(float), VECTORS = ROW / LANES;

struct Row {  // numbers at even places of the first 2 * LANES, those at odd places, and so on
  Vector part[VECTORS];
};

struct Quiet {
  Mask part[VECTORS];
};

// What is done to each vector of a row; the compiler unrolls it.
template <typename F>
inline void each(F f) {
  for (int k = 0; k < VECTORS; ++k) f(k);
}

inline Row row(float x) {
  Row to;
  each([&](int k) { to.part[k] = filled(x); });
  return to;
}

inline Row operator+(Row x, const Row& y) {
  each([&](int k) { x.part[k] += y.part[k]; });
  return x;
}

inline Row operator-(Row x, const Row& y) {
  each([&](int k) { x.part[k] -= y.part[k]; });
  return x;
}

inline Row operator*(Row x, const Row& y) {
  each([&](int k) { x.part[k] *= y.part[k]; });
  return x;
}

inline Row fused(Row x, const Row& y, const Row& z) {
  each([&](int k) { x.part[k] = fused(x.part[k], y.part[k], z.part[k]); });
  return x;
}

inline Quiet not_above(const Row& x, const Row& y) {
  Quiet to;
  each([&](int k) { to.part[k] = not_above(x.part[k], y.part[k]); });
  return to;
}

inline Row only(const Quiet& where, Row x) {
  each([&](int k) { x.part[k] = only(where.part[k], x.part[k]); });
  return x;
}

inline Row either(const Quiet& where, Row x, const Row& y) {
  each([&](int k) { x.part[k] = either(where.part[k], x.part[k], y.part[k]); });
  return x;
}

inline void read(const uint16_t* from, Vector& even, Vector& odd) {
  Bits pairs;
  std::memcpy(&pairs, from, sizeof(pairs));
  even = even_of(pairs);
  odd = odd_of(pairs);
}

inline void read(const float* from, Vector& even, Vector& odd) {
  Vector low, high;
  std::memcpy(&low, from, sizeof(low));
  std::memcpy(&high, from + LANES, sizeof(high));
  split(low, high, even, odd);
}

template <typename T>
inline Row row(const T* from) {
  Row to;
  for (int k = 0; k < VECTORS; k += 2) read(from + k * LANES, to.part[k], to.part[k + 1]);
  return to;
}

inline void write(uint16_t* to, const Row& x) {  // to the nearest, ties away from zero
  for (int k = 0; k < VECTORS; k += 2) {
    const Bits even = plus(bits(x.part[k]), 0x8000), odd = plus(bits(x.part[k + 1]), 0x8000);
    const Bits pairs = upper_halves(even, odd);
    std::memcpy(to + k * LANES, &pairs, sizeof(pairs));
  }
}

inline void add(float* to, const Row& x) {
  const Row sum = row(to) + x;
  for (int k = 0; k < VECTORS; k += 2) {
    Vector low, high;
    join(sum.part[k], sum.part[k + 1], low, high);
    std::memcpy(to + k * LANES, &low, sizeof(low));
    std::memcpy(to + (k + 1) * LANES, &high, sizeof(high));
  }
}

// 4 e / (1 + e)^2 with e = 2^-|t|, off by at most 7e-4 of its value, a third of what rounding to
// bfloat16 takes, and 2e-4 with AVX-512, whose reciprocal has 14 bits in place of 12.
inline Row sigmoid_slope(Row t) {
  each([&](int k) {
    const Vector e = power_of_two(negative(t.part[k]));
    const Vector r = reciprocal(fused(e, filled(0.5f), filled(0.5f)));
    t.part[k] = e * r * r;
  });
  return t;
}

#endif

// `integrate` for the numbers that fill whole pairs of vectors, with a membrane at rest at 0 and no
// shortcut; returns how many these are. Membranes stay in the order of the vectors.
template <int K, bool SOFT, bool AFFINE>
long integrate_bf16(const uint16_t* x, uint16_t* out, float* membrane, long stride, long L, long n,
                    const float* sc, const float* sh, const Neuron& p) {
  long i = 0;
#ifdef SGNKIT_VECTORS
  const Vector tau_inv = filled(p.tau_inv), v_th = filled(p.v_th);
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    Vector v[2], in[2], scale[2], shift[2];
    // two copies of a vector each: GCC makes one of both in pieces, and waits for them
    std::memcpy(&v[0], membrane + i, sizeof(Vector));
    std::memcpy(&v[1], membrane + i + LANES, sizeof(Vector));
    if (AFFINE) {
      read(sc + i, scale[0], scale[1]);
      read(sh + i, shift[0], shift[1]);
    }
#pragma GCC unroll 4
    for (int s = 0; s < K; ++s) {
      read(x + s * stride + i, in[0], in[1]);
      Mask quiet[2];
#pragma GCC unroll 2
      for (int k = 0; k < 2; ++k) {
        const Vector h = ((AFFINE ? in[k] * scale[k] + shift[k] : in[k]) - v[k]) * tau_inv + v[k];
        quiet[k] = not_above(h, v_th);
        v[k] = SOFT ? either(quiet[k], h, h - v_th) : only(quiet[k], h);
      }
      const Bits spikes = ones(quiet[0], quiet[1]);
      std::memcpy(out + s * L + i, &spikes, sizeof(spikes));
    }
    std::memcpy(membrane + i, &v[0], sizeof(Vector));
    std::memcpy(membrane + i + LANES, &v[1], sizeof(Vector));
  }
#endif
  return i;
}

// `few_steps` for the numbers that fill whole rows; returns how many these are.
template <int S, bool SOFT, bool AFFINE>
long few_steps_bf16(const uint16_t* x, const uint16_t* grad, uint16_t* out, long L, long n,
                    const float* sc, const float* sh, const float* ce, float* sum, float* product,
                    const Neuron& p) {
  long i = 0;
#ifdef SGNKIT_VECTORS
  const Row tau_inv = row(p.tau_inv), stays = row(1.f - p.tau_inv), v_th = row(p.v_th);
  const float steep = p.slope * 5.77078016f;  // 4 / ln 2
  const Row rate = row(steep), start = row(-steep * p.v_th);
  for (; i + ROW <= n; i += ROW) {
    Row in[S], slope[S], v, d, total, inner, scale, shift, centre;
    Quiet quiet[S];
    if (AFFINE) scale = row(sc + i), shift = row(sh + i), centre = row(ce + i);
#pragma GCC unroll 8
    for (int s = 0; s < S; ++s) {
      in[s] = row(x + s * L + i);
      const Row drive = AFFINE ? in[s] * scale + shift : in[s];
      const Row h = s ? (drive - v) * tau_inv + v : drive * tau_inv;
      quiet[s] = not_above(h, v_th);
      v = SOFT ? either(quiet[s], h, h - v_th) : only(quiet[s], h);
      slope[s] = sigmoid_slope(fused(h, rate, start));
    }
#pragma GCC unroll 8
    for (int s = S - 1; s >= 0; --s) {
      const bool last = s == S - 1;
      const Row own = slope[s] * row(grad + s * L + i);
      d = last ? own : fused(d, SOFT ? stays : only(quiet[s], stays), own);
      const Row y = d * tau_inv;
      write(out + s * L + i, y);
      if (AFFINE) {
        total = last ? y : total + y;
        inner = last ? y * (in[s] - centre) : fused(y, in[s] - centre, inner);
      }
    }
    if (AFFINE) {
      add(sum + i, total);
      add(product + i, inner);
    }
  }
#endif
  return i;
}
