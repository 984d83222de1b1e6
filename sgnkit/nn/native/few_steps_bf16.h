// Blocks of `fire_backward` in bfloat16 for CPUs with AVX-512 and its instructions for bfloat16:
// sixteen numbers at a time, exponential and reciprocal by the CPU's own approximations.

#pragma once

#include "common.h"

#ifdef __AVX512BF16__
#include <immintrin.h>

using Row = __m512;  // arithmetic is that of the compiler, number by number
using Quiet = __mmask16;

inline Row filled(float x) { return _mm512_set1_ps(x); }
inline Row row(const float* from) { return _mm512_loadu_ps(from); }
inline Row fused(Row a, Row b, Row c) { return _mm512_fmadd_ps(a, b, c); }
inline Row negative(Row x) { return _mm512_or_ps(x, filled(-0.f)); }
inline Quiet not_above(Row x, Row y) { return _mm512_cmp_ps_mask(x, y, _CMP_NGT_UQ); }
inline Row only(Quiet where, Row x) { return _mm512_maskz_mov_ps(where, x); }
inline Row either(Quiet where, Row x, Row y) { return _mm512_mask_mov_ps(y, where, x); }

inline Row row(const uint16_t* from) {
  __m256i bits;
  std::memcpy(&bits, from, sizeof(bits));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

inline void write(uint16_t* to, Row x) {
  const __m256bh bits = _mm512_cvtneps_pbh(x);
  std::memcpy(to, &bits, sizeof(bits));
}

// 4 e / (1 + e)^2 with e = 2^t and t <= 0, off by at most 2e-4 of its value, a tenth of what
// rounding to bfloat16 takes: a polynomial for the broken part of t, and 14 bits of 2 / (1 + e).
inline Row sigmoid_slope(Row t) {
  const Row f = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF);
  Row e = fused(filled(0.07802301f), f, filled(0.22606939f));
  e = fused(e, f, filled(0.69583285f));
  e = _mm512_scalef_ps(fused(e, f, filled(0.99992525f)), t);
  const Row r = _mm512_rcp14_ps(fused(e, filled(0.5f), filled(0.5f)));
  return e * r * r;
}

#endif

// `few_steps` for the numbers that fill whole rows of sixteen; returns how many these are.
template <int S, bool SOFT, bool AFFINE>
long few_steps_bf16(const uint16_t* x, const uint16_t* grad, uint16_t* out, long L, long n,
                    const float* sc, const float* sh, const float* ce, float* sum, float* product,
                    const Neuron& p) {
  long i = 0;
#ifdef __AVX512BF16__
  const Row tau_inv = filled(p.tau_inv), v_th = filled(p.v_th);
  const float steep = p.slope * 5.77078016f;  // 4 / ln 2
  const Row rate = filled(steep), start = filled(-steep * p.v_th);
  for (; i + 16 <= n; i += 16) {
    Row in[S], slope[S], v = filled(0.f), d = v, total = v, inner = v;
    Quiet quiet[S];
#pragma GCC unroll 8
    for (int s = 0; s < S; ++s) {
      in[s] = row(x + s * L + i);
      const Row drive = AFFINE ? in[s] * row(sc + i) + row(sh + i) : in[s];
      const Row h = (drive - v) * tau_inv + v;
      quiet[s] = not_above(h, v_th);
      v = SOFT ? either(quiet[s], h, h - v_th) : only(quiet[s], h);
      slope[s] = sigmoid_slope(negative(fused(h, rate, start)));
    }
#pragma GCC unroll 8
    for (int s = S - 1; s >= 0; --s) {
      const Row m = fused(slope[s], row(grad + s * L + i), d), y = m * tau_inv;
      if (s) d = SOFT ? m - y : only(quiet[s - 1], m - y);
      write(out + s * L + i, y);
      if (AFFINE) {
        total += y;
        inner = fused(y, in[s] - row(ce + i), inner);
      }
    }
    if (AFFINE) {
      total += row(sum + i);
      inner += row(product + i);
      std::memcpy(sum + i, &total, sizeof(Row));
      std::memcpy(product + i, &inner, sizeof(Row));
    }
  }
#endif
  return i;
}
