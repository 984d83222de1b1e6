// Vectors of float32 of the CPU, for code that handles bfloat16 by pairs of them: a vector of
// bfloat16 is one of the numbers at even places and one of those at odd places, which takes a shift
// and a mask in place of moving each number. Arithmetic between vectors is written as usual.

#pragma once

#include "common.h"

#if defined(__AVX512BW__) && defined(__AVX512DQ__)
#include <immintrin.h>
#define SGNKIT_VECTORS 1

using Vector = __m512;
using Bits = __m512i;
using Mask = __mmask16;

inline Vector filled(float x) { return _mm512_set1_ps(x); }
inline Bits bits(Vector x) { return _mm512_castps_si512(x); }
inline Vector number(Bits x) { return _mm512_castsi512_ps(x); }
inline Vector fused(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
inline Vector negative(Vector x) { return _mm512_or_ps(x, filled(-0.f)); }
inline Mask not_above(Vector x, Vector y) { return _mm512_cmp_ps_mask(x, y, _CMP_NGT_UQ); }
inline Vector only(Mask where, Vector x) { return _mm512_maskz_mov_ps(where, x); }
inline Vector either(Mask where, Vector x, Vector y) { return _mm512_mask_mov_ps(y, where, x); }
inline Vector reciprocal(Vector x) { return _mm512_rcp14_ps(x); }

inline Vector even_of(Bits pairs) { return number(_mm512_slli_epi32(pairs, 16)); }
inline Vector odd_of(Bits pairs) {
  return number(_mm512_and_si512(pairs, _mm512_set1_epi32(-0x10000)));
}
inline Bits plus(Bits x, int32_t y) { return _mm512_add_epi32(x, _mm512_set1_epi32(y)); }
inline Bits upper_halves(Bits even, Bits odd) {
  return _mm512_mask_mov_epi16(_mm512_srli_epi32(even, 16), 0xaaaaaaaa, odd);
}

inline Bits ones(Mask even, Mask odd) {  // 1 in bfloat16 where a mask is not set
  const Bits one = _mm512_maskz_set1_epi32(Mask(~even), 0x3f80);
  return _mm512_mask_or_epi32(one, Mask(~odd), one, _mm512_set1_epi32(0x3f800000));
}

// 2^t for t <= 0, off by at most 8e-5 of its value.
inline Vector power_of_two(Vector t) {
  const Vector f = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF);
  Vector y = fused(filled(0.07802301f), f, filled(0.22606939f));
  y = fused(y, f, filled(0.69583285f));
  return _mm512_scalef_ps(fused(y, f, filled(0.99992525f)), t);
}

inline void split(Vector low, Vector high, Vector& even, Vector& odd) {
  const Bits at = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  even = _mm512_permutex2var_ps(low, at, high);
  odd = _mm512_permutex2var_ps(low, plus(at, 1), high);
}

inline void join(Vector even, Vector odd, Vector& low, Vector& high) {
  const Bits at = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  low = _mm512_permutex2var_ps(even, at, odd);
  high = _mm512_permutex2var_ps(even, plus(at, 8), odd);
}

#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define SGNKIT_VECTORS 1

using Vector = __m256;
using Bits = __m256i;
using Mask = __m256;

inline Vector filled(float x) { return _mm256_set1_ps(x); }
inline Bits bits(Vector x) { return _mm256_castps_si256(x); }
inline Vector number(Bits x) { return _mm256_castsi256_ps(x); }
inline Vector fused(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
inline Vector negative(Vector x) { return _mm256_or_ps(x, filled(-0.f)); }
inline Mask not_above(Vector x, Vector y) { return _mm256_cmp_ps(x, y, _CMP_NGT_UQ); }
inline Vector only(Mask where, Vector x) { return _mm256_and_ps(where, x); }
inline Vector either(Mask where, Vector x, Vector y) { return _mm256_blendv_ps(y, x, where); }
inline Vector reciprocal(Vector x) { return _mm256_rcp_ps(x); }

inline Vector even_of(Bits pairs) { return number(_mm256_slli_epi32(pairs, 16)); }
inline Vector odd_of(Bits pairs) {
  return number(_mm256_and_si256(pairs, _mm256_set1_epi32(-0x10000)));
}
inline Bits plus(Bits x, int32_t y) { return _mm256_add_epi32(x, _mm256_set1_epi32(y)); }
inline Bits upper_halves(Bits even, Bits odd) {
  return _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xaa);
}

inline Bits ones(Mask even, Mask odd) {  // 1 in bfloat16 where a mask is not set
  const Bits low = _mm256_andnot_si256(bits(even), _mm256_set1_epi32(0x3f80));
  return _mm256_or_si256(low, _mm256_andnot_si256(bits(odd), _mm256_set1_epi32(0x3f800000)));
}

// 2^t for t <= 0, off by at most 8e-5 of its value; 2^-126 for what is below.
inline Vector power_of_two(Vector t) {
  t = _mm256_max_ps(t, filled(-126.f));
  const Vector shifted = t + filled(12582912.f);  // the integer part is in its lowest bits
  const Vector f = t - (shifted - filled(12582912.f));
  Vector y = fused(filled(0.05517166f), f, filled(0.24261112f));
  y = fused(y, f, filled(0.69326099f));
  y = fused(y, f, filled(0.99992807f));
  return number(_mm256_add_epi32(bits(y), _mm256_slli_epi32(bits(shifted), 23)));
}

inline void split(Vector low, Vector high, Vector& even, Vector& odd) {
  const auto in_order = [](Vector x) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
  };
  even = in_order(_mm256_shuffle_ps(low, high, 0x88));
  odd = in_order(_mm256_shuffle_ps(low, high, 0xdd));
}

inline void join(Vector even, Vector odd, Vector& low, Vector& high) {
  const Vector first = _mm256_unpacklo_ps(even, odd), second = _mm256_unpackhi_ps(even, odd);
  low = _mm256_permute2f128_ps(first, second, 0x20);
  high = _mm256_permute2f128_ps(first, second, 0x31);
}

#endif
