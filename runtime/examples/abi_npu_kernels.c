// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The NPU's half of abi_npu.c, compiled for Hexagon and linked with the NPU's
// runtime into the image that the program carries.
#include "tercet/abi.h"

typedef int vector __attribute__((vector_size(128), aligned(128)));

// buffers: a tile of t (read), of u (write): twice as much, by way of scratch.
static void twice(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z,
                  uint32_t worker) {
  (void)y, (void)z;
  const vector *in = (const vector *)args->buffers[0] + x;
  vector *scratch = (vector *)(args->scratch + worker * args->scratch_stride);
  *scratch = *in;
  ((vector *)args->buffers[1])[x] = *in + *scratch;
}

// What the NPU's runtime finds; one kernel for each KERNELS record of the engine.
extern const tercet_kernel_fn tercet_npu_kernels[];
extern const uint32_t tercet_npu_kernel_count;
extern const unsigned char tercet_npu_digest[32];
const tercet_kernel_fn tercet_npu_kernels[] = {twice};
const uint32_t tercet_npu_kernel_count = 1;
const unsigned char tercet_npu_digest[32] = {0xAB, 0x12, 0x01};
