// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads an image (vulkan_image.h) as if it came from an enemy: whatever its
// words say, nothing outside of it is read, and what passes is what the records
// promise: SPIR-V that is whole, with one entry point of the local size that is
// recorded, and no capability beyond the features that are recorded. What the
// code does with its operands is trusted.
#ifndef TERCET_DRIVERS_VULKAN_IMAGE_H
#define TERCET_DRIVERS_VULKAN_IMAGE_H

#include "tercet/runtime.h"
#include "tercet/vulkan_image.h"

// A view of an image that was checked; all indices in it are in range.
typedef struct vulkan_image {
  const unsigned char *bytes;
  const tercet_vulkan_kernel *kernels;
  const tercet_vulkan_alternative *alternatives;
  const tercet_vulkan_operand *operands;
  uint32_t kernel_count;
} vulkan_image;

// Errors: ENGINE_IMAGE.
tercet_status vulkan_image_check(const void *bytes, uint64_t size, uint32_t kernel_count,
                                 vulkan_image *image, tercet_error *error);

static inline const char *vulkan_image_name(const vulkan_image *image, uint32_t kernel) {
  return (const char *)image->bytes + image->kernels[kernel].name;
}

// What a device must support for the capability of that number: bits of
// features, 0 for none; UINT32_MAX: the driver does not know it.
uint32_t vulkan_capability_features(uint32_t capability);

#endif // TERCET_DRIVERS_VULKAN_IMAGE_H
