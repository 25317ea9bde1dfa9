// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An image for the tests of the NPU's runtime and of its driver: kernels that
// compute with HVX, take their time, report a fault, never end, or crash. The
// order of the table is `Kernel` in npu_program.h.
#include "targets/hexagon/runtime/npu.h"

typedef int vector __attribute__((vector_size(128), aligned(128)));

void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);

// Words of a tile of `add` and `scale`.
#define TILE 256

// Operands a, b, a + b; 32-bit words.
static void add(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  (void)y, (void)z, (void)w;
  const vector *a = (const vector *)((const int32_t *)args->buffers[0] + x * TILE);
  const vector *b = (const vector *)((const int32_t *)args->buffers[1] + x * TILE);
  vector *out = (vector *)((int32_t *)args->buffers[2] + x * TILE);
  for (uint32_t i = 0; i < TILE / 32; ++i)
    out[i] = (vector)__builtin_HEXAGON_V6_vaddw_128B(a[i], b[i]);
}

// Operand 0 is increased by scalar 0, after a loop of scalar 1 turns.
static void slow(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  (void)x, (void)y, (void)z, (void)w;
  for (int64_t i = 0; i < args->scalars[1]; ++i)
    __asm__ volatile("nop");
  *(volatile int64_t *)args->buffers[0] += args->scalars[0];
}

// Reports fault number scalar 0.
static void fault(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  (void)x, (void)y, (void)z, (void)w;
  __atomic_store_n(args->fault, (uint32_t)args->scalars[0], __ATOMIC_RELAXED);
}

static void hang(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  (void)args, (void)x, (void)y, (void)z, (void)w;
  for (;;)
    __asm__ volatile("nop");
}

static void trap(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  (void)args, (void)x, (void)y, (void)z, (void)w;
  *(volatile int *)16 = 1;
}

// Operand 0: the sum of word x of operand 1 over the tiles of each worker, made
// in scratch: word w. Scratch has the worker's number beside.
static void gather(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  uint32_t *scratch = (uint32_t *)(args->scratch + w * args->scratch_stride);
  uint32_t *sums = (uint32_t *)args->buffers[0];
  scratch[0] = sums[w];
  scratch[1] = w;
  uint32_t tile = x + 4 * (y + 3 * z); // a grid of 4 x 3 x n
  scratch[0] += ((const uint32_t *)args->buffers[1])[tile];
  sums[scratch[1]] = scratch[0];
}

// Operand 0 (rows of 192 bytes, 320 apart) to operand 1 (rows of 192) by way of
// scratch, with two copies under way at a time.
static void move(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  (void)x, (void)y, (void)z;
  unsigned char *scratch = args->scratch + w * args->scratch_stride;
  const unsigned char *from = (const unsigned char *)args->buffers[0];
  unsigned char *to = (unsigned char *)args->buffers[1];
  int first = tercet_dma_start(scratch, from, 192, 4, 256, 320);
  int second = tercet_dma_start(scratch + 1024, from + 1280, 192, 4, 256, 320);
  tercet_dma_wait(first);
  tercet_dma_start(to, scratch, 192, 4, 192, 256);
  tercet_dma_wait(second);
  tercet_dma_wait(tercet_dma_start(to + 768, scratch + 1024, 192, 4, 192, 256));
}

// Operand 0: pairs of int64_t; operand 1: for each, eight results of division.
static void divide(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  (void)y, (void)z, (void)w;
  const int64_t *in = (const int64_t *)args->buffers[0] + 2 * x;
  int64_t *out = (int64_t *)args->buffers[1] + 8 * x;
  int64_t a = in[0], b = in[1];
  int32_t c = (int32_t)a, d = (int32_t)b;
  out[0] = a / b;
  out[1] = a % b;
  out[2] = (int64_t)((uint64_t)a / (uint64_t)b);
  out[3] = (int64_t)((uint64_t)a % (uint64_t)b);
  if (!d)
    d = 1;
  out[4] = c / d;
  out[5] = c % d;
  out[6] = (uint32_t)c / (uint32_t)d;
  out[7] = (uint32_t)c % (uint32_t)d;
}

// Block memory: operand 0 bytes in, operand 1 bytes out; scalars: offset of the
// source, of the destination, length, and what to do (0 copy, 1 move within the
// destination, 2 set).
__attribute__((unused)) static void block(const tercet_kernel_args *args, uint32_t x, uint32_t y,
                                          uint32_t z, uint32_t w) {
  (void)x, (void)y, (void)z, (void)w;
  const unsigned char *in = (const unsigned char *)args->buffers[0] + args->scalars[0];
  unsigned char *base = (unsigned char *)args->buffers[1], *out = base + args->scalars[1];
  size_t bytes = (size_t)args->scalars[2];
  if (args->scalars[3] == 0)
    memcpy(out, in, bytes);
  else if (args->scalars[3] == 1)
    memmove(out, base + args->scalars[0], bytes);
  else
    memset(out, (int)args->scalars[0], bytes);
}

// Variants that a driver must refuse.
#ifndef DIGEST
#define DIGEST 0x51
#endif
#ifdef NO_DIGEST
#define DIGEST_REST 0
#else
#define DIGEST_REST 0x7E
#endif

#ifdef FEWER
const tercet_kernel_fn tercet_npu_kernels[] = {add, slow, fault, hang, trap, gather, move, divide};
#else
const tercet_kernel_fn tercet_npu_kernels[] = {add,    slow, fault,  hang, trap,
                                               gather, move, divide, block};
#endif
const uint32_t tercet_npu_kernel_count = sizeof tercet_npu_kernels / sizeof *tercet_npu_kernels;
const unsigned char tercet_npu_digest[32] = {DIGEST, DIGEST_REST};
