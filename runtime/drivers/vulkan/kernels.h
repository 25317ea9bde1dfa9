// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipelines of an image on a device: of each kernel the first alternative
// whose needs the device meets. Invariant: a cache of pipelines that came from
// outside is used only if it is whole, and of this device and driver.
#ifndef TERCET_DRIVERS_VULKAN_KERNELS_H
#define TERCET_DRIVERS_VULKAN_KERNELS_H

#include "device.h"
#include "image.h"

typedef struct vulkan_kernel {
  const char *name;
  const tercet_vulkan_operand *operands;
  uint32_t operand_count, scalar_count, control;
  VkDescriptorSetLayout bindings;
  VkPipelineLayout layout;
  VkPipeline pipeline;
} vulkan_kernel;

typedef struct vulkan_kernels {
  vulkan_kernel *all;
  uint32_t count;
  tercet_vulkan_cache cache;
} vulkan_kernels;

// Errors: ENGINE_IMAGE, with the name of what the device lacks; ENGINE_MEMORY.
tercet_status vulkan_kernels_make(const vulkan_device *device, const vulkan_image *image,
                                  const tercet_vulkan_options *options, vulkan_kernels *kernels,
                                  tercet_error *error);
// Without a device: what belongs to one has gone with it.
void vulkan_kernels_clear(const vulkan_device *device, vulkan_kernels *kernels);

// cache.c. Pipelines that were kept, or an empty cache; NULL without hooks.
VkPipelineCache vulkan_cache_open(const vulkan_device *device, const tercet_vulkan_options *options,
                                  tercet_vulkan_cache *how);
// Keeps it where it has grown.
void vulkan_cache_close(const vulkan_device *device, const tercet_vulkan_options *options,
                        VkPipelineCache cache);

#endif // TERCET_DRIVERS_VULKAN_KERNELS_H
