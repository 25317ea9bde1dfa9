// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What LLVM calls for Hexagon instead of instructions: integer division and
// block memory. Compiled with -fno-builtin, and without any operation that is
// one of these calls itself. Division by zero gives 0 (and the remainder the
// dividend): the kernels report it before they divide.
#include <stddef.h>
#include <stdint.h>

#define VECTOR_BYTES 128u
typedef int vector __attribute__((vector_size(128), aligned(128)));
typedef int any_vector __attribute__((vector_size(128), aligned(4), may_alias));
typedef uint64_t any_double __attribute__((aligned(1), may_alias));

// ---- Memory -----------------------------------------------------------------

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  unsigned char *out = (unsigned char *)to;
  const unsigned char *in = (const unsigned char *)from;
  for (; bytes >= VECTOR_BYTES; bytes -= VECTOR_BYTES) {
    *(any_vector *)out = *(const any_vector *)in;
    out += VECTOR_BYTES, in += VECTOR_BYTES;
  }
  if (!(((uintptr_t)out | (uintptr_t)in) & 7))
    for (; bytes >= 8; bytes -= 8) {
      *(uint64_t *)out = *(const uint64_t *)in;
      out += 8, in += 8;
    }
  for (; bytes; --bytes)
    *out++ = *in++;
  return to;
}

void *__hexagon_memcpy_likely_aligned_min32bytes_mult8bytes(void *restrict to,
                                                            const void *restrict from,
                                                            size_t bytes) {
  return memcpy(to, from, bytes);
}

void *memmove(void *to, const void *from, size_t bytes) {
  unsigned char *out = (unsigned char *)to;
  const unsigned char *in = (const unsigned char *)from;
  // Whole vectors are read before they are written, so that going up is right
  // even where the two overlap.
  if (out <= in || out >= in + bytes)
    return memcpy(to, from, bytes);
  for (; bytes >= VECTOR_BYTES; bytes -= VECTOR_BYTES)
    *(any_vector *)(out + bytes - VECTOR_BYTES) = *(const any_vector *)(in + bytes - VECTOR_BYTES);
  while (bytes--)
    out[bytes] = in[bytes];
  return to;
}

void *memset(void *to, int value, size_t bytes) {
  unsigned char *out = (unsigned char *)to;
  uint32_t word = (uint32_t)(uint8_t)value * 0x01010101u;
  for (; bytes && ((uintptr_t)out & (VECTOR_BYTES - 1)); --bytes)
    *out++ = (unsigned char)value;
  if (bytes >= VECTOR_BYTES) {
    vector splat = (vector){0} + (int)word;
    for (; bytes >= VECTOR_BYTES; bytes -= VECTOR_BYTES, out += VECTOR_BYTES)
      *(vector *)out = splat;
  }
  for (; bytes; --bytes)
    *out++ = (unsigned char)value;
  return to;
}

// ---- Division ---------------------------------------------------------------

// Long division, from the first bit at which the quotient can be 1.
#define DIVIDE(name, type, leading_zeros)                                                          \
  static type name(type dividend, type divisor, type *remainder) {                                 \
    type quotient = 0;                                                                             \
    if (divisor && dividend >= divisor) {                                                          \
      int shift = leading_zeros(divisor) - leading_zeros(dividend);                                \
      for (divisor <<= shift; shift >= 0; --shift, divisor >>= 1) {                                \
        quotient <<= 1;                                                                            \
        if (dividend >= divisor) {                                                                 \
          dividend -= divisor;                                                                     \
          quotient |= 1;                                                                           \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
    *remainder = dividend;                                                                         \
    return quotient;                                                                               \
  }
DIVIDE(divide_32, uint32_t, __builtin_clz)
DIVIDE(divide_64, uint64_t, __builtin_clzll)

#define CALLS(suffix, type, signed_type, divide)                                                   \
  type __hexagon_udiv##suffix(type a, type b) {                                                    \
    type rest;                                                                                     \
    return divide(a, b, &rest);                                                                    \
  }                                                                                                \
  type __hexagon_umod##suffix(type a, type b) {                                                    \
    type rest;                                                                                     \
    divide(a, b, &rest);                                                                           \
    return rest;                                                                                   \
  }                                                                                                \
  signed_type __hexagon_div##suffix(signed_type a, signed_type b) {                                \
    type rest,                                                                                     \
        quotient = divide(a < 0 ? 0 - (type)a : (type)a, b < 0 ? 0 - (type)b : (type)b, &rest);    \
    return (signed_type)((a < 0) != (b < 0) ? 0 - quotient : quotient);                            \
  }                                                                                                \
  signed_type __hexagon_mod##suffix(signed_type a, signed_type b) {                                \
    type rest;                                                                                     \
    divide(a < 0 ? 0 - (type)a : (type)a, b < 0 ? 0 - (type)b : (type)b, &rest);                   \
    return (signed_type)(a < 0 ? 0 - rest : rest);                                                 \
  }
CALLS(si3, uint32_t, int32_t, divide_32)
CALLS(di3, uint64_t, int64_t, divide_64)
