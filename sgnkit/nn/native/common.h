// What all kernels share: number formats, and one step of a leaky integrate-and-fire neuron.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

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

inline float exp_of_negative(float x) {
  const float wide = x * 1.44269504f, t = wide > -126.f ? wide : -126.f;
  const float n = std::nearbyint(t);
  const float f = (t - n) * 0.693147181f;
  float y = 1.f / 720 * f + 1.f / 120;
  y = y * f + 1.f / 24;
  y = y * f + 1.f / 6;
  y = y * f + 0.5f;
  y = y * f + 1.f;
  y = y * f + 1.f;
  const int32_t bits = (int32_t(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, 4);
  return y * power;
}

// Surrogate derivatives by the names of sgnkit.nn.neuron.surrogate, in this order.
enum { SIGMOID, SUPERSPIKE, ATAN, TRIANGLE, RECT };

template <int KIND>
inline float surrogate(float u) {
  const float w = std::fabs(u);
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
    const float d = surrogate<KIND>((h[i] - v_th) * slope) * load(g[i]) + kept;
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
