// SPDX-License-Identifier: MIT
//   out[t, b] = ln(max(1e-5, Σ_k weights[b, k] · magnitude[firsts[b] + k]))
//   magnitude[k] = sqrt(|FFT(frame[t] · hann)[k]|² + 1e-9)
//   frame[t] = samples[256 t − 384 ..< 256 t + 640], reflected at both ends
// One block of 256 threads per frame. The FFT of 1024 real samples is one of 512 complex ones,
// whose result is then separated.
// Bound: latency of ten barriers.
#include "Common/Reductions.cuh"

enum { MEL_THREADS = 256, MEL_HALF = 512 };
extern "C" __global__ void __launch_bounds__(MEL_THREADS)
mel_spectrogram(const float *samples, int count, const float *weights, const int *firsts,
                int width, int bins, float *out, int bands) {
  __shared__ float real[MEL_HALF], imaginary[MEL_HALF], magnitude[MEL_HALF + 1];
  __shared__ float cosines[MEL_HALF], sines[MEL_HALF];
  launch_dependents();
  int thread = threadIdx.x;
  // e^(−2πi k / 1024)
  for (int k = thread; k < MEL_HALF; k += MEL_THREADS) {
    float sine;
    sincospif(k / 512.0f, &sine, &cosines[k]);
    sines[k] = -sine;
  }
  wait_for_previous();
  auto sample = [&](int place) {
    int i = blockIdx.x * 256 - 384 + place;
    i = i < 0 ? -i : i >= count ? 2 * (count - 1) - i : i;
    return samples[i] * (0.5f - 0.5f * cospif(place / 512.0f));
  };
  for (int k = thread; k < MEL_HALF; k += MEL_THREADS) {
    int reversed = __brev(k) >> 23;
    real[reversed] = sample(2 * k);
    imaginary[reversed] = sample(2 * k + 1);
  }
  for (int span = 1; span < MEL_HALF; span *= 2) {
    __syncthreads();
    int offset = thread % span, a = thread / span * 2 * span + offset, b = a + span;
    float cosine = cosines[offset * (MEL_HALF / span)], sine = sines[offset * (MEL_HALF / span)];
    float turned_real = cosine * real[b] - sine * imaginary[b];
    float turned_imaginary = cosine * imaginary[b] + sine * real[b];
    real[b] = real[a] - turned_real;
    imaginary[b] = imaginary[a] - turned_imaginary;
    real[a] += turned_real;
    imaginary[a] += turned_imaginary;
  }
  __syncthreads();
  for (int k = thread; k <= MEL_HALF; k += MEL_THREADS) {
    int a = k % MEL_HALF, b = (MEL_HALF - k) % MEL_HALF;
    float even_real = (real[a] + real[b]) / 2, even_imaginary = (imaginary[a] - imaginary[b]) / 2;
    float odd_real = (imaginary[a] + imaginary[b]) / 2, odd_imaginary = (real[b] - real[a]) / 2;
    float cosine = k == MEL_HALF ? -1.0f : cosines[k], sine = k == MEL_HALF ? 0.0f : sines[k];
    float re = even_real + cosine * odd_real - sine * odd_imaginary;
    float im = even_imaginary + cosine * odd_imaginary + sine * odd_real;
    magnitude[k] = sqrtf(re * re + im * im + 1e-9f);
  }
  __syncthreads();
  for (int band = thread / 32; band < bands; band += MEL_THREADS / 32) {
    float sum = 0;
    for (int k = thread % 32; k < width; k += 32)
      if (firsts[band] + k < bins)
        sum += weights[(i64)band * width + k] * magnitude[firsts[band] + k];
    sum = warp_sum(sum);
    if (thread % 32 == 0) out[(i64)blockIdx.x * bands + band] = logf(fmaxf(sum, 1e-5f));
  }
}
