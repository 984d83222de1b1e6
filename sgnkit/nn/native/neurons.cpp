// Spiking neurons on the CPU: normalisation, membrane and shortcut in one pass over the memory.
//
// Tensors are [S, L] with L = rows x C, channels last; bfloat16 is uint16_t here. All sums are
// taken in pieces of fixed length, so that results do not depend on the number of threads.
// Contraction to fused multiply-add must be off: spikes are those of Norse, to the last bit.

#include <algorithm>
#include <vector>

#include "common.h"
#include "neurons_bf16.h"

namespace {

constexpr long WIDTH = 512;  // elements of one step in one block: S of them fit into the L1 cache
constexpr long PIECE = 64;   // blocks whose sums are taken together

// How often a row of C channels is repeated so that blocks are wide, and such a row.
long tile(long channels) { return channels * std::max(1L, WIDTH / channels); }

std::vector<float> tiled(const float* row, long channels, long width) {
  std::vector<float> out(row ? width : 0);
  for (size_t i = 0; i < out.size(); ++i) out[i] = row[i % channels];
  return out;
}

template <typename T>
void stats(const T* x, long rows, long C, float* mean, float* var) {
  const long length = std::max(1L, 16384 / C), pieces = (rows + length - 1) / length;
  std::vector<float> part(2 * pieces * C);
#pragma omp parallel for schedule(static)
  for (long p = 0; p < pieces; ++p) {
    const long first = p * length, last = std::min(rows, first + length);
    float *m = &part[2 * p * C], *q = m + C;
    std::fill(m, m + 2 * C, 0.f);
    for (long r = first; r < last; ++r) {
      const T* row = x + r * C;
#pragma omp simd
      for (long c = 0; c < C; ++c) m[c] += load(row[c]);
    }
    for (long c = 0; c < C; ++c) m[c] /= float(last - first);
    for (long r = first; r < last; ++r) {
      const T* row = x + r * C;
#pragma omp simd
      for (long c = 0; c < C; ++c) {
        const float d = load(row[c]) - m[c];
        q[c] += d * d;
      }
    }
  }
  for (long c = 0; c < C; ++c) {  // joins means and squared deviations of the pieces
    double n = 0, m = 0, q = 0;
    for (long p = 0; p < pieces; ++p) {
      const double k = double(std::min(rows, (p + 1) * length) - p * length);
      const double d = part[2 * p * C + c] - m;
      m += d * k / (n + k);
      q += part[(2 * p + 1) * C + c] + d * d * n * k / (n + k);
      n += k;
    }
    mean[c] = float(m);
    var[c] = float(q / n);
  }
}

// K steps of a block of `fire`, with the membrane in a register between them. `stride` is the way
// from one step of the input to the next, 0 where all see the same. With `pairs`, which leave the
// membranes of a block in an order of their own, vectors of bfloat16 are taken as pairs of vectors.
template <int K, bool SOFT, typename T, bool AFFINE>
void integrate(const T* __restrict x, const T* __restrict plus, T* __restrict out,
               float* __restrict membrane, long stride, long L, long n,
               const float* __restrict sc, const float* __restrict sh, bool pairs, const Neuron p) {
  long first = 0;
  if constexpr (std::is_same<T, uint16_t>::value)
    if (pairs) first = integrate_bf16<K, SOFT, AFFINE>(x, out, membrane, stride, L, n, sc, sh, p);
  const auto run = [&](const auto adds) {
#pragma omp simd
    for (long i = first; i < n; ++i) {
      float v = membrane[i];
#pragma GCC unroll 4
      for (int s = 0; s < K; ++s) {
        const float in = load(x[s * stride + i]);
        const float h = charge(AFFINE ? in * sc[i] + sh[i] : in, v, p);
        const bool z = h > p.v_th;
        v = z ? (SOFT ? h - p.v_th : p.v_reset) : h;
        if (adds)
          store(out + s * L + i, (z ? 1.f : 0.f) + load(plus[s * L + i]));
        else
          out[s * L + i] = z ? one<T>() : T(0);
      }
      membrane[i] = v;
    }
  };
  plus ? run(std::true_type()) : run(std::false_type());
}

template <typename T, bool AFFINE>
void fire(const T* x, const T* plus, T* out, long S, long L, bool repeat, long C, const float* a,
          const float* b, Neuron p) {
  const long width = AFFINE ? tile(C) : WIDTH, blocks = (L + width - 1) / width;
  const long stride = repeat ? 0 : L;
  const auto scale = tiled(a, C, width), shift = tiled(b, C, width);
  const auto four = p.soft ? integrate<4, true, T, AFFINE> : integrate<4, false, T, AFFINE>;
  const auto single = p.soft ? integrate<1, true, T, AFFINE> : integrate<1, false, T, AFFINE>;
  // for few steps, bringing scale and shift into the order of pairs takes longer than it saves
  const bool pairs = !plus && p.v_reset == 0.f && (!AFFINE || S >= 4);
#pragma omp parallel
  {
    std::vector<float> membrane(width);
    float* v = membrane.data();
#pragma omp for schedule(static)
    for (long k = 0; k < blocks; ++k) {
      const long at = k * width, n = std::min(width, L - at);
      std::fill(v, v + n, p.v_reset);
      for (long s = 0, steps; s < S; s += steps) {
        steps = S - s < 4 ? 1 : 4;
        const auto run = steps == 4 ? four : single;
        run(x + s * stride + at, plus ? plus + s * L + at : nullptr, out + s * L + at, v, stride, L,
            n, scale.data(), shift.data(), pairs, p);
      }
    }
  }
}

// A block of `fire_backward` for a number of steps known beforehand, the sigmoid surrogate and a
// membrane at rest at 0: membranes stay in registers.
template <int S, bool SOFT, typename T, bool AFFINE>
void few_steps(const T* __restrict x, const T* __restrict grad, T* __restrict out, long L, long n,
               const float* __restrict sc, const float* __restrict sh, const float* __restrict ce,
               float* __restrict sum, float* __restrict product, const Neuron p) {
  long first = 0;
  if constexpr (std::is_same<T, uint16_t>::value)
    first = few_steps_bf16<S, SOFT, AFFINE>(x, grad, out, L, n, sc, sh, ce, sum, product, p);
#pragma omp simd
  for (long i = first; i < n; ++i) {
    float in[S], h[S], v = 0.f, d = 0.f, total = 0.f, inner = 0.f;
#pragma GCC unroll 8
    for (int s = 0; s < S; ++s) {
      in[s] = load(x[s * L + i]);
      h[s] = ((AFFINE ? in[s] * sc[i] + sh[i] : in[s]) - v) * p.tau_inv + v;
      v = h[s] > p.v_th ? (SOFT ? h[s] - p.v_th : 0.f) : h[s];
    }
#pragma GCC unroll 8
    for (int s = S - 1; s >= 0; --s) {
      const float kept = SOFT || !(h[s] > p.v_th) ? d : 0.f, u = (h[s] - p.v_th) * p.slope;
      const float slope = surrogate<SIGMOID, T>(u);
      const float m = slope * load(grad[s * L + i]) + kept, y = m * p.tau_inv;
      d = m - y;
      store(out + s * L + i, y);
      total += y;
      if (AFFINE) inner += y * (in[s] - ce[i]);
    }
    if (AFFINE) {
      sum[i] += total;
      product[i] += inner;
    }
  }
}

// The block above for S steps, or nothing where it is not made for that number.
template <typename T, bool AFFINE>
auto chosen(long S, bool soft) {
  auto* few = soft ? few_steps<1, true, T, AFFINE> : few_steps<1, false, T, AFFINE>;
  if (S == 2) few = soft ? few_steps<2, true, T, AFFINE> : few_steps<2, false, T, AFFINE>;
  if (S == 4) few = soft ? few_steps<4, true, T, AFFINE> : few_steps<4, false, T, AFFINE>;
  return S == 1 || S == 2 || S == 4 ? few : nullptr;
}

// Gradient of what the neuron sees. With `sums`, also its sum over all rows, and that of its
// product with the centred input, for each channel.
template <typename T, bool AFFINE>
void fire_backward(const T* x, const T* grad, T* out, long S, long L, bool repeat, long C,
                   const float* a, const float* b, const float* mean, double* sums, Neuron p) {
  const long width = AFFINE ? tile(C) : WIDTH, blocks = (L + width - 1) / width;
  const long piece = sums ? PIECE : 1, pieces = (blocks + piece - 1) / piece;
  const auto scale = tiled(a, C, width), shift = tiled(b, C, width), centre = tiled(mean, C, width);
  std::vector<double> part(sums ? 2 * pieces * C : 0);
  const bool usual =
      !repeat && p.surrogate == SIGMOID && p.v_reset == 0.f && (!AFFINE || sums);
  const auto few = usual ? chosen<T, AFFINE>(S, p.soft) : nullptr;
#pragma omp parallel
  {
    std::vector<float> memory((S + 5) * width);
    float* __restrict hist = memory.data();
    float *__restrict v = hist + S * width, *__restrict total = v + width;
    float *__restrict sum = total + width, *__restrict product = sum + width;
    float* __restrict d = product + width;
    const float *__restrict sc = scale.data(), *__restrict sh = shift.data();
    const float* __restrict ce = centre.data();
#pragma omp for schedule(static)
    for (long q = 0; q < pieces; ++q) {
      if (sums) std::fill(sum, sum + 2 * width, 0.f);
      for (long k = q * piece; k < std::min(blocks, (q + 1) * piece); ++k) {
        const long at = k * width, n = std::min(width, L - at);
        if (few) {
          few(x + at, grad + at, out + at, L, n, sc, sh, ce, sum, product, p);
          continue;
        }
        std::fill(v, v + n, p.v_reset);
        for (long s = 0; s < S; ++s) {
          const T* __restrict in = x + (repeat ? 0 : s * L) + at;
          float* __restrict h = hist + s * width;
#pragma omp simd
          for (long i = 0; i < n; ++i) {
            const float y = AFFINE ? load(in[i]) * sc[i] + sh[i] : load(in[i]);
            h[i] = charge(y, v[i], p);
            v[i] = after(h[i], h[i] > p.v_th, p);
          }
        }
        std::fill(v, v + n, 0.f);  // now the gradient with respect to the membrane
        std::fill(total, total + n, 0.f);
        for (long s = S - 1; s >= 0; --s) {
          const T* __restrict g = grad + s * L + at;
          backward_step(g, hist + s * width, v, d, total, n, p);
          if (!repeat) {
            const T* __restrict in = x + s * L + at;
            T* __restrict to = out + s * L + at;
#pragma omp simd
            for (long i = 0; i < n; ++i) store(to + i, d[i]);
            if (sums) {
#pragma omp simd
              for (long i = 0; i < n; ++i) product[i] += d[i] * (load(in[i]) - ce[i]);
            }
          }
        }
        if (repeat) {
          const T* __restrict in = x + at;
          T* __restrict to = out + at;
#pragma omp simd
          for (long i = 0; i < n; ++i) store(to + i, total[i]);
          if (sums) {
#pragma omp simd
            for (long i = 0; i < n; ++i) product[i] += total[i] * (load(in[i]) - ce[i]);
          }
        }
#pragma omp simd
        for (long i = 0; i < n; ++i) sum[i] += total[i];
      }
      if (sums) {
        for (long i = 0; i < width; ++i) {
          part[2 * q * C + i % C] += sum[i];
          part[(2 * q + 1) * C + i % C] += product[i];
        }
      }
    }
  }
  for (long q = 0; sums && q < pieces; ++q)
    for (long i = 0; i < 2 * C; ++i) sums[i] += part[2 * q * C + i];
}

// The rest of the gradient of batch norm: y <- scale (y - first - (x - mean) second).
template <typename T>
void centre(T* y, const T* x, long L, long C, const float* a, const float* mean, const float* first,
            const float* second) {
  const long width = tile(C), blocks = (L + width - 1) / width;
  const auto scale = tiled(a, C, width), middle = tiled(mean, C, width);
  const auto one = tiled(first, C, width), two = tiled(second, C, width);
#pragma omp parallel for schedule(static)
  for (long k = 0; k < blocks; ++k) {
    const long at = k * width, n = std::min(width, L - at);
    const T* __restrict in = x + at;
    T* __restrict to = y + at;
    const float *__restrict sc = scale.data(), *__restrict mi = middle.data();
    const float *__restrict fi = one.data(), *__restrict se = two.data();
#pragma omp simd
    for (long i = 0; i < n; ++i)
      store(to + i, sc[i] * (load(to[i]) - fi[i] - (load(in[i]) - mi[i]) * se[i]));
  }
}

}  // namespace


extern "C" {

void sgnkit_stats(int bf16, const void* x, long rows, long C, float* mean, float* var) {
  if (bf16)
    stats((const uint16_t*)x, rows, C, mean, var);
  else
    stats((const float*)x, rows, C, mean, var);
}

void sgnkit_fire(int bf16, const void* x, const void* plus, void* out, long S, long L, int repeat,
                 long C, const float* a, const float* b, const Neuron* p) {
  auto run = [&](auto kind) {
    using T = decltype(kind);
    if (a)
      fire<T, true>((const T*)x, (const T*)plus, (T*)out, S, L, repeat, C, a, b, *p);
    else
      fire<T, false>((const T*)x, (const T*)plus, (T*)out, S, L, repeat, C, a, b, *p);
  };
  bf16 ? run(uint16_t()) : run(float());
}

void sgnkit_fire_backward(int bf16, const void* x, const void* grad, void* out, long S, long L,
                          int repeat, long C, const float* a, const float* b, const float* mean,
                          double* sums, const Neuron* p) {
  auto run = [&](auto kind) {
    using T = decltype(kind);
    auto f = a ? fire_backward<T, true> : fire_backward<T, false>;
    f((const T*)x, (const T*)grad, (T*)out, S, L, repeat, C, a, b, mean, sums, *p);
  };
  bf16 ? run(uint16_t()) : run(float());
}

void sgnkit_centre(int bf16, void* y, const void* x, long L, long C, const float* a,
                   const float* mean, const float* first, const float* second) {
  if (bf16)
    centre((uint16_t*)y, (const uint16_t*)x, L, C, a, mean, first, second);
  else
    centre((float*)y, (const float*)x, L, C, a, mean, first, second);
}

}  // extern "C"
