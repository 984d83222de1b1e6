// What all kernels share: number formats, and one step of a leaky integrate-and-fire neuron.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

inline float load(float x) { return x; }

inline float load(uint16_t x) {  // bfloat16
  const uint32_t bits = uint32_t(x) << 16;
  float out;
  std::memcpy(&out, &bits, 4);
  return out;
}

inline void store(float* to, float x) { *to = x; }

inline void store(uint16_t* to, float x) {  // to the nearest, ties to even
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  *to = (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : uint16_t(rounded);
}

template <typename T>
constexpr T one();
template <>
constexpr float one<float>() { return 1.f; }
template <>
constexpr uint16_t one<uint16_t>() { return 0x3f80; }

struct Neuron {
  float tau_inv, v_th, v_reset, slope;
  int32_t soft, surrogate;
};

// Membrane before the spike, in the order of operations of Norse.
inline float charge(float x, float v, const Neuron& p) {
  return ((x + p.v_reset) - v) * p.tau_inv + v;
}

inline float after(float h, bool z, const Neuron& p) {
  const float reset = p.soft ? h - p.v_th : p.v_reset;
  return z ? reset : h;
}

// a b + c; surrogates need no particular rounding, so it may be fused where that is fast.
inline float multiply_add(float a, float b, float c) {
#ifdef FP_FAST_FMAF
  return std::fma(a, b, c);
#else
  return a * b + c;
#endif
}

inline float exp_of_negative(float x) {
  const float wide = x * 1.44269504f, t = wide > -126.f ? wide : -126.f;
  const float n = std::nearbyint(t);
  const float f = (t - n) * 0.693147181f;
  float y = multiply_add(1.f / 720, f, 1.f / 120);
  y = multiply_add(y, f, 1.f / 24);
  y = multiply_add(y, f, 1.f / 6);
  y = multiply_add(y, f, 0.5f);
  y = multiply_add(y, f, 1.f);
  y = multiply_add(y, f, 1.f);
  const int32_t bits = (int32_t(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, 4);
  return y * power;
}

// 4 e / (1 + e)^2 with e = exp(-4 |u|), from polynomials in place of exponential and division: off
// by at most 4.3e-4 of its value, a fifth of what rounding to bfloat16 takes.
inline float sigmoid_slope_bf16(float u) {
  const float wide = std::fabs(u) * -5.77078016f, t = wide > -126.f ? wide : -126.f;
  const float shifted = t + 12582912.f, f = t - (shifted - 12582912.f);  // integer part in its bits
  float e = multiply_add(0.05517166f, f, 0.24261112f);
  e = multiply_add(e, f, 0.69326099f);
  e = multiply_add(e, f, 0.99992807f);
  uint32_t bits, power;
  std::memcpy(&bits, &e, 4);
  std::memcpy(&power, &shifted, 4);
  bits += power << 23;
  std::memcpy(&e, &bits, 4);
  float y = multiply_add(-1.67033073f, e, 6.40694738f);
  y = multiply_add(y, e, -10.74026828f);
  y = multiply_add(y, e, 10.91317309f);
  y = multiply_add(y, e, -7.90848096f);
  return multiply_add(y, e, 3.99861266f) * e;
}

// Surrogate derivatives by the names of sgnkit.nn.neuron.surrogate, in this order, for a gradient
// of kind T.
enum { SIGMOID, SUPERSPIKE, ATAN, TRIANGLE, RECT };

template <int KIND, typename T>
inline float surrogate(float u) {
  const float w = std::fabs(u);
  if (KIND == SIGMOID && std::is_same<T, uint16_t>::value) return sigmoid_slope_bf16(u);
  if (KIND == SIGMOID) {
    const float e = exp_of_negative(-4.f * w), d = 1.f + e;
    return 4.f * e / (d * d);
  }
  if (KIND == SUPERSPIKE) return 1.f / ((1.f + w) * (1.f + w));
  if (KIND == ATAN) return 1.f / (1.f + (w * 3.14159265f) * (w * 3.14159265f));
  if (KIND == TRIANGLE) return w < 1.f ? 1.f - w : 0.f;
  return w < 0.5f ? 1.f : 0.f;
}

// One step backwards in time. `v` is the gradient of the membrane after the step, then before it;
// `out` is that of the input, `total` its sum over the steps.
template <int KIND, typename T>
inline void backward_of(const T* __restrict g, const float* __restrict h, float* __restrict v,
                        float* __restrict out, float* __restrict total, long n, const Neuron& p) {
  const float v_th = p.v_th, slope = p.slope, tau_inv = p.tau_inv, soft = p.soft ? 1.f : 0.f;
#pragma omp simd
  for (long i = 0; i < n; ++i) {
    const float kept = h[i] > v_th ? v[i] * soft : v[i];
    const float d = surrogate<KIND, T>((h[i] - v_th) * slope) * load(g[i]) + kept;
    const float x = d * tau_inv;
    v[i] = d - x;
    out[i] = x;
    total[i] += x;
  }
}

template <typename T>
inline void backward_step(const T* g, const float* h, float* v, float* out, float* total, long n,
                          const Neuron& p) {
  switch (p.surrogate) {
    case SIGMOID: return backward_of<SIGMOID>(g, h, v, out, total, n, p);
    case SUPERSPIKE: return backward_of<SUPERSPIKE>(g, h, v, out, total, n, p);
    case ATAN: return backward_of<ATAN>(g, h, v, out, total, n, p);
    case TRIANGLE: return backward_of<TRIANGLE>(g, h, v, out, total, n, p);
    default: return backward_of<RECT>(g, h, v, out, total, n, p);
  }
}
