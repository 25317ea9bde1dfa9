// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be known of an image before anything of it runs.
#ifndef TERCET_DRIVERS_HEXAGON_IMAGE_H
#define TERCET_DRIVERS_HEXAGON_IMAGE_H

#include "tercet/runtime.h"

typedef struct hexagon_image {
  uint32_t architecture; // 66, 67, ...
  uint32_t kernel_count;
  uint8_t digest[32];
} hexagon_image;

// Checks that the bytes are a Hexagon executable with the NPU runtime's record,
// for an architecture up to `newest`, with `kernel_count` kernels.
// Errors: ENGINE_IMAGE.
tercet_status hexagon_image_check(const void *bytes, uint64_t size, uint32_t newest,
                                  uint32_t kernel_count, hexagon_image *image, tercet_error *error);

#endif // TERCET_DRIVERS_HEXAGON_IMAGE_H
