// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An instance, the device that is chosen in it, and what the device can do in
// the words of vulkan_image.h. A device can be made again of the same choice,
// after it was lost. Invariant: every feature that is reported is enabled.
#ifndef TERCET_DRIVERS_VULKAN_DEVICE_H
#define TERCET_DRIVERS_VULKAN_DEVICE_H

#include "library.h"
#include "tercet/vulkan.h"
#include "tercet/vulkan_image.h"

typedef struct vulkan_instance {
  vulkan_library library;
  VkInstance handle;
  vulkan_instance_functions f;
  VkDebugUtilsMessengerEXT messenger;
  uint32_t version; // that it was made for
} vulkan_instance;

typedef struct vulkan_device {
  const vulkan_instance *instance;
  VkPhysicalDevice physical;
  VkPhysicalDeviceProperties properties;
  VkPhysicalDeviceMemoryProperties memories;
  uint64_t allocation_max; // bytes of one
  uint32_t features;       // bits, 1 << tercet_vulkan_feature
  uint32_t subgroup_size, subgroup_min, subgroup_max;
  int subgroup_required;     // nonzero: a pipeline may ask for a size
  uint64_t import_alignment; // 0: host memory cannot be imported
  int timeline;              // nonzero: has timeline semaphores
  int calibrated;            // nonzero: its clock can be read beside the host's
  uint32_t family;           // of the queue
  uint64_t timestamp_mask;   // 0: no timestamps
  VkDevice handle;
  VkQueue queue;
  VkCommandPool commands;
  vulkan_device_functions f;
} vulkan_device;

// Errors: ENGINE_ABSENT.
tercet_status vulkan_instance_open(const tercet_vulkan_options *options, vulkan_instance *instance,
                                   tercet_error *error);
void vulkan_instance_close(vulkan_instance *instance);

// Chooses a device and makes it. Errors: ENGINE_ABSENT, ENGINE_MEMORY.
tercet_status vulkan_device_open(const vulkan_instance *instance,
                                 const tercet_vulkan_options *options, vulkan_device *device,
                                 tercet_error *error);
void vulkan_device_close(vulkan_device *device);

// The text that a feature has in a message.
const char *vulkan_feature_name(uint32_t bit);

#endif // TERCET_DRIVERS_VULKAN_DEVICE_H
