// Spiking self-attention on the CPU: Z = LIF(c Q (K^T V)) of every group of joints and head, from
// rest over all steps, with nothing between Q, K, V and the spikes written to memory.
//
// `qkv` is [S, G, V, 3 C] with G groups of V joints; each C holds H heads of D channels. All sums
// are in float32, so that products of spikes are whole numbers.

#include <algorithm>
#include <vector>

#include "common.h"

namespace {

// Products of one head, D columns wide. A block of rows stays in registers while it is summed up.
template <int D>
struct Head {
  // M[e, :] = sum_u a[u, e] b[u, :]
  static void outer(const float* __restrict a, const float* __restrict b, float* __restrict m,
                    long V, long a_stride, long b_stride) {
    constexpr int ROWS = D < 8 ? D : 8;
    for (int first = 0; first < D; first += ROWS) {
      float sum[ROWS][D] = {};
      for (long u = 0; u < V; ++u)
#pragma GCC unroll 8
        for (int e = 0; e < ROWS; ++e)
#pragma omp simd
          for (int j = 0; j < D; ++j)
            sum[e][j] = multiply_add(a[u * a_stride + first + e], b[u * b_stride + j], sum[e][j]);
      std::copy(&sum[0][0], &sum[0][0] + ROWS * D, m + first * D);
    }
  }

  // out[v, :] = sum_e a[v, e] M[e, :]
  static void apply(const float* a, const float* m, float* out, long V, long stride,
                    long out_stride) {
    long v = 0;
    for (; v + 5 <= V; v += 5) rows<5>(a + v * stride, m, out + v * out_stride, stride, out_stride);
    for (; v < V; ++v) rows<1>(a + v * stride, m, out + v * out_stride, stride, out_stride);
  }

  static void transpose(const float* __restrict m, float* __restrict t) {
    for (int i = 0; i < D; ++i)
      for (int j = 0; j < D; ++j) t[j * D + i] = m[i * D + j];
  }

 private:
  template <int N>
  static void rows(const float* __restrict a, const float* __restrict m, float* __restrict out,
                   long stride, long out_stride) {
    float sum[N][D] = {};
    for (int e = 0; e < D; ++e)
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i)
#pragma omp simd
        for (int j = 0; j < D; ++j)
          sum[i][j] = multiply_add(a[i * stride + e], m[e * D + j], sum[i][j]);
    for (int i = 0; i < N; ++i) std::copy(sum[i], sum[i] + D, out + i * out_stride);
  }
};

template <typename T>
void read(const T* __restrict from, float* __restrict to, long n) {
#pragma omp simd
  for (long i = 0; i < n; ++i) to[i] = load(from[i]);
}

// c Q (K^T V) of one group and step; `x` [V, 3 C] as float. Keeps K^T V of all heads in `m`.
template <int D>
void attend(const float* x, float* m, float* z, long V, long C, float scale) {
  for (long c = 0, h = 0; c < C; c += D, ++h) {
    Head<D>::outer(x + C + c, x + 2 * C + c, m + h * D * D, V, 3 * C, 3 * C);
    Head<D>::apply(x + c, m + h * D * D, z + c, V, 3 * C, C);
  }
#pragma omp simd
  for (long i = 0; i < V * C; ++i) z[i] *= scale;
}

template <typename T, int D>
void forward(const T* qkv, T* out, long S, long G, long V, long C, float scale, Neuron p) {
#pragma omp parallel
  {
    const long n = V * C;
    std::vector<float> memory(3 * n + 2 * n + C * D);
    float *x = memory.data(), *m = x + 5 * n;
    float *__restrict z = x + 3 * n, *__restrict v = x + 4 * n;
#pragma omp for schedule(static)
    for (long g = 0; g < G; ++g) {
      std::fill(v, v + n, p.v_reset);
      for (long s = 0; s < S; ++s) {
        read(qkv + (s * G + g) * 3 * n, x, 3 * n);
        attend<D>(x, m, z, V, C, scale);
        T* __restrict to = out + (s * G + g) * n;
#pragma omp simd
        for (long i = 0; i < n; ++i) {
          const float h = charge(z[i], v[i], p);
          const bool fired = h > p.v_th;
          v[i] = after(h, fired, p);
          to[i] = fired ? one<T>() : T(0);
        }
      }
    }
  }
}

template <typename T, int D>
void backward(const T* qkv, const T* grad, T* out, long S, long G, long V, long C, float scale,
              Neuron p) {
#pragma omp parallel
  {
    const long n = V * C, heads = C / D;
    std::vector<float> memory(3 * n * (S + 1) + (S + 3) * n + S * C * D + 3 * D * D);
    float* x = memory.data();                  // [S, V, 3 C]
    float* y = x + 3 * n * S;                  // [V, 3 C], its gradient
    float* hist = y + 3 * n;                   // [S, V, C]
    float *__restrict v = hist + S * n, *dz = v + n, *total = dz + n;
    float *m = total + n, *mt = m + S * C * D, *dm = mt + D * D, *dmt = dm + D * D;
#pragma omp for schedule(static)
    for (long g = 0; g < G; ++g) {
      std::fill(v, v + n, p.v_reset);
      for (long s = 0; s < S; ++s) {
        float* __restrict h = hist + s * n;
        read(qkv + (s * G + g) * 3 * n, x + s * 3 * n, 3 * n);
        attend<D>(x + s * 3 * n, m + s * C * D, h, V, C, scale);
#pragma omp simd
        for (long i = 0; i < n; ++i) {
          h[i] = charge(h[i], v[i], p);
          v[i] = after(h[i], h[i] > p.v_th, p);
        }
      }
      std::fill(v, v + n, 0.f);
      for (long s = S - 1; s >= 0; --s) {
        backward_step(grad + (s * G + g) * n, hist + s * n, v, dz, total, n, p);
#pragma omp simd
        for (long i = 0; i < n; ++i) dz[i] *= scale;
        const float* in = x + s * 3 * n;
        for (long h = 0; h < heads; ++h) {
          const float *q = in + h * D, *k = q + C, *w = k + C;
          const float* kv = m + s * C * D + h * D * D;
          float* to = y + h * D;
          // the gradient has rows of C, the others of 3 C
          Head<D>::outer(q, dz + h * D, dm, V, 3 * C, C);
          Head<D>::transpose(kv, mt);
          Head<D>::transpose(dm, dmt);
          Head<D>::apply(dz + h * D, mt, to, V, C, 3 * C);
          Head<D>::apply(w, dmt, to + C, V, 3 * C, 3 * C);
          Head<D>::apply(k, dm, to + 2 * C, V, 3 * C, 3 * C);
        }
        T* __restrict to = out + (s * G + g) * 3 * n;
        const float* __restrict from = y;
#pragma omp simd
        for (long i = 0; i < 3 * n; ++i) store(to + i, from[i]);
      }
    }
  }
}

template <typename T, typename Run>
bool by_width(long width, Run run) {
  switch (width) {
    case 4: return run(std::integral_constant<int, 4>()), true;
    case 8: return run(std::integral_constant<int, 8>()), true;
    case 16: return run(std::integral_constant<int, 16>()), true;
    case 32: return run(std::integral_constant<int, 32>()), true;
    default: return false;
  }
}

}  // namespace

extern "C" {

// Both return whether there is a loop for heads of this width.
int sgnkit_attend(int bf16, const void* qkv, void* out, long S, long G, long V, long C, long heads,
                  float scale, const Neuron* p) {
  auto run = [&](auto kind) {
    using T = decltype(kind);
    return by_width<T>(C / heads, [&](auto width) {
      forward<T, width.value>((const T*)qkv, (T*)out, S, G, V, C, scale, *p);
    });
  };
  return bf16 ? run(uint16_t()) : run(float());
}

int sgnkit_attend_backward(int bf16, const void* qkv, const void* grad, void* out, long S, long G,
                           long V, long C, long heads, float scale, const Neuron* p) {
  auto run = [&](auto kind) {
    using T = decltype(kind);
    return by_width<T>(C / heads, [&](auto width) {
      backward<T, width.value>((const T*)qkv, (const T*)grad, (T*)out, S, G, V, C, scale, *p);
    });
  };
  return bf16 ? run(uint16_t()) : run(float());
}

}  // extern "C"
