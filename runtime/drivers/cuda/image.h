// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading the image of an NVIDIA GPU (tercet/cuda_image.h), which is checked as
// a whole before anything of it is used.
#ifndef TERCET_DRIVERS_CUDA_IMAGE_H
#define TERCET_DRIVERS_CUDA_IMAGE_H

#include "tercet/cuda_image.h"
#include "tercet/runtime.h"

// A checked image; pointers are into its bytes.
typedef struct cuda_image {
  const unsigned char *bytes;
  const tercet_cuda_image *header;
  const tercet_cuda_kernel *kernels;
  const tercet_cuda_operand *operands;
  const tercet_cuda_code *codes;
} cuda_image;

// Checks every offset, count and string. `bytes` is aligned to 8.
// Errors: ENGINE_IMAGE.
tercet_status cuda_image_check(const void *bytes, uint64_t size, uint32_t kernel_count,
                               cuda_image *image, tercet_error *error);

// The first code that suits a device; NULL: none.
const tercet_cuda_code *cuda_image_code(const cuda_image *image, uint32_t architecture);

static inline const char *cuda_image_name(const cuda_image *image,
                                          const tercet_cuda_kernel *kernel) {
  return (const char *)image->bytes + kernel->name;
}

#endif // TERCET_DRIVERS_CUDA_IMAGE_H
