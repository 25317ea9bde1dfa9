// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Speed of packed matrix products beside the peak of fused multiply-adds that
// the same machine reaches in the same run.
//   cpu-kernels-bench [M N K panel]...

#include "test/unit/cpu/KernelHarness.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <immintrin.h>

using namespace tercet::test;

static double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Best GFLOP/s of independent fused multiply-adds.
__attribute__((target("avx512f"))) static double probe512() {
  __m512 acc[24], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
  for (auto &a : acc)
    a = y;
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    double begin = seconds();
    constexpr int64_t kSteps = 500000;
    for (int64_t i = 0; i < kSteps; ++i) {
#pragma clang loop unroll(full)
      for (int j = 0; j < 24; ++j)
        acc[j] = _mm512_fmadd_ps(acc[j], x, y);
    }
    best = std::max(best, kSteps * 24 * 32 / (seconds() - begin) * 1e-9);
  }
  __m512 sum = acc[0];
  for (auto &a : acc)
    sum = _mm512_add_ps(sum, a);
  volatile float sink = _mm512_reduce_add_ps(sum);
  (void)sink;
  return best;
}

__attribute__((target("avx2,fma"))) static double probe256() {
  __m256 acc[12], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
  for (auto &a : acc)
    a = y;
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    double begin = seconds();
    constexpr int64_t kSteps = 1000000;
    for (int64_t i = 0; i < kSteps; ++i) {
#pragma clang loop unroll(full)
      for (int j = 0; j < 12; ++j)
        acc[j] = _mm256_fmadd_ps(acc[j], x, y);
    }
    best = std::max(best, kSteps * 12 * 16 / (seconds() - begin) * 1e-9);
  }
  __m256 sum = acc[0];
  for (auto &a : acc)
    sum = _mm256_add_ps(sum, a);
  volatile float sink = _mm256_cvtss_f32(sum);
  (void)sink;
  return best;
}

static void measure(int64_t m, int64_t n, int64_t k, int64_t panel, unsigned bits,
                    unsigned registers) {
  int64_t panels = (n + panel - 1) / panel;
  auto number = [](int64_t value) { return std::to_string(value); };
  auto kernel = Kernel::compile(
      substitute(
          R"(soc.kernel @k(%a: memref<MxKxf32>, %b: memref<QxKxPxf32>, %c: memref<MxNxf32>) attributes {KERNEL} {
        %z = arith.constant 0.0 : f32
        linalg.fill ins(%z : f32) outs(%c : memref<MxNxf32>)
        nn.packed_matmul ins(%a, %b : memref<MxKxf32>, memref<QxKxPxf32>) outs(%c : memref<MxNxf32>)
        soc.return
      })",
          {{"MxK", number(m) + "x" + number(k)},
           {"QxKxP", number(panels) + "x" + number(k) + "x" + number(panel)},
           {"MxN", number(m) + "x" + number(n)}}),
      bits, registers);
  if (!kernel)
    exit(1);
  auto alloc = [](size_t count) {
    float *data = static_cast<float *>(aligned_alloc(4096, (count * 4 + 4095) / 4096 * 4096));
    for (size_t i = 0; i < count; ++i)
      data[i] = (i * 7 % 13) * 0.1f;
    return data;
  };
  float *a = alloc(m * k), *b = alloc(panels * k * panel), *c = alloc(m * n);
  void *buffers[] = {a, b, c};
  uint32_t fault = 0;
  KernelArgs args{buffers, nullptr, nullptr, 0, &fault};
  double flops = 2.0 * m * n * k;
  int64_t inner = std::max<int64_t>(1, 2e7 / flops);
  double best = 1e30, peak = 0;
  for (int repeat = 0; repeat < 7; ++repeat) {
    peak = std::max(peak, bits == 256 ? probe256() : probe512());
    for (int trial = 0; trial < 20; ++trial) {
      double begin = seconds();
      for (int64_t i = 0; i < inner; ++i)
        kernel->getFunction()(&args, 0, 0, 0, 0);
      best = std::min(best, (seconds() - begin) / inner);
    }
  }
  double rate = flops / best * 1e-9;
  printf("%4lld x %4lld x %4lld panel %3lld  %4u bits  %7.1f GFLOP/s  %5.1f%% "
         "of %.1f\n",
         (long long)m, (long long)n, (long long)k, (long long)panel, bits ? bits : 512, rate,
         100 * rate / peak, peak);
  fflush(stdout);
  free(a), free(b), free(c);
}

int main(int argc, char **argv) {
  unsigned bits = getenv("BITS") ? atoi(getenv("BITS")) : 0, registers = bits == 256 ? 16
                                                                         : bits      ? 32
                                                                                     : 0;
  if (argc >= 5) {
    for (int i = 1; i + 3 < argc; i += 4)
      measure(atoll(argv[i]), atoll(argv[i + 1]), atoll(argv[i + 2]), atoll(argv[i + 3]), bits,
              registers);
    return 0;
  }
  int64_t panel = bits == 256 ? 16 : 48;
  for (int64_t m : {32, 64, 128})
    for (int64_t k : {384, 1536})
      for (int64_t n : {48, 96, 384})
        measure(m, n, k, panel, bits, registers);
}
