// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the machine can do, for the shares that language.py prints: bytes read from memory by all threads at once, and
// products of bytes added in 32 bits. Compiled for the host when a measurement starts. Results are returned, so that
// nothing can be left out.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef int32_t sums __attribute__((vector_size(64)));

// The sum of the words of `bytes` (a multiple of 256) at `memory`.
int64_t read_all(const unsigned char *memory, size_t bytes) {
  sums s[4];
  memset(s, 0, sizeof s);
  for (size_t i = 0; i < bytes; i += 256)
    for (int k = 0; k < 4; ++k)
      s[k] += *(const sums *)(memory + i + 64 * k);
  int64_t total = 0;
  for (int k = 0; k < 4; ++k)
    for (int lane = 0; lane < 16; ++lane)
      total += s[k][lane];
  return total;
}

#if defined(__AVX512VNNI__)
#include <immintrin.h>
// `rounds` times 16 independent dot products of 64 bytes: 2 * 64 * 16 operations a round.
int64_t dot_bytes(int64_t rounds, int seed) {
  __m512i a = _mm512_set1_epi8((char)seed), b = _mm512_set1_epi8((char)(seed + 1)), s[16];
  for (int k = 0; k < 16; ++k)
    s[k] = _mm512_set1_epi32(k);
  for (int64_t r = 0; r < rounds; ++r)
#pragma clang loop unroll(full)
    for (int k = 0; k < 16; ++k)
      s[k] = _mm512_dpbusd_epi32(s[k], a, b);
  int64_t total = 0;
  for (int k = 0; k < 16; ++k)
    total += _mm512_reduce_add_epi32(s[k]);
  return total;
}
#else
int64_t dot_bytes(int64_t rounds, int seed) { return rounds * 0 + seed * 0 - 1; }
#endif
