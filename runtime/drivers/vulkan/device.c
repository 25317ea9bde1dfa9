// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which device is taken, what it can do, and the device made with just that.
// Structures of extensions that a device does not have are not shown to it.
#include "device.h"

#if TERCET_HAVE_VULKAN
#include "../failure.h"
#include <stdlib.h>
#include <string.h>

#ifndef VK_KHR_cooperative_matrix // of newer headers
#define VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME "VK_KHR_cooperative_matrix"
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR                          \
  ((VkStructureType)1000506000)
typedef struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
  VkStructureType sType;
  void *pNext;
  VkBool32 cooperativeMatrix;
  VkBool32 cooperativeMatrixRobustBufferAccess;
} VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
#endif

#define MOST_DEVICES 64u

const char *vulkan_feature_name(uint32_t bit) {
#define NAME(id, number, text) text,
  static const char *const names[] = {TERCET_VULKAN_FEATURES(NAME)};
#undef NAME
  return bit < TERCET_VULKAN_FEATURE_COUNT ? names[bit] : "an unknown feature";
}

// ---- Features ---------------------------------------------------------------

// What is asked of a device, and then asked for; one chain for both.
typedef struct chain {
  VkPhysicalDeviceFeatures2 base;
  VkPhysicalDevice16BitStorageFeatures storage_16;
  VkPhysicalDevice8BitStorageFeatures storage_8;
  VkPhysicalDeviceShaderFloat16Int8Features arithmetic;
  VkPhysicalDeviceShaderIntegerDotProductFeatures dot;
  VkPhysicalDeviceSubgroupSizeControlFeatures subgroups;
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
  VkPhysicalDeviceVulkanMemoryModelFeatures model;
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices;
} chain;

typedef struct extensions {
  VkExtensionProperties *all;
  uint32_t count;
  const char *enabled[12];
  uint32_t enabled_count;
} extensions;

static int has(const extensions *e, const char *name) {
  for (uint32_t i = 0; i < e->count; ++i)
    if (strcmp(e->all[i].extensionName, name) == 0)
      return 1;
  return 0;
}

static void enable(extensions *e, const char *name) { e->enabled[e->enabled_count++] = name; }

// Puts a structure into the chain, if the device knows it: since that version or
// by that extension, which is enabled then.
static void link_feature(chain *c, const vulkan_device *device, extensions *e, void *structure,
                         VkStructureType type, uint32_t since, const char *extension) {
  VkBaseOutStructure *added = (VkBaseOutStructure *)structure;
  if (device->properties.apiVersion < since) {
    if (!extension || !has(e, extension))
      return;
    enable(e, extension);
  }
  added->sType = type;
  added->pNext = (VkBaseOutStructure *)c->base.pNext;
  c->base.pNext = added;
}

static void link_all(chain *c, const vulkan_device *device, extensions *e) {
  memset(c, 0, sizeof *c);
  c->base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  e->enabled_count = 0;
  link_feature(c, device, e, &c->storage_16,
               VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES, VK_API_VERSION_1_1, NULL);
  link_feature(c, device, e, &c->storage_8, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES,
               VK_API_VERSION_1_2, VK_KHR_8BIT_STORAGE_EXTENSION_NAME);
  link_feature(c, device, e, &c->arithmetic,
               VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES, VK_API_VERSION_1_2,
               VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME);
  link_feature(c, device, e, &c->dot,
               VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES,
               VK_API_VERSION_1_3, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  link_feature(c, device, e, &c->subgroups,
               VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES, VK_API_VERSION_1_3,
               VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  link_feature(c, device, e, &c->timeline,
               VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, VK_API_VERSION_1_2,
               VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME);
  link_feature(c, device, e, &c->model,
               VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES, VK_API_VERSION_1_2,
               VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME);
  link_feature(c, device, e, &c->matrices,
               VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, UINT32_MAX,
               VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
}

// Leaves what the driver uses of what the device has.
static void keep_used(chain *c) {
  const VkPhysicalDeviceFeatures had = c->base.features;
  memset(&c->base.features, 0, sizeof c->base.features);
  c->base.features.shaderInt16 = had.shaderInt16;
  c->base.features.shaderInt64 = had.shaderInt64;
  c->storage_16.storagePushConstant16 = c->storage_16.storageInputOutput16 = VK_FALSE;
  c->storage_8.storagePushConstant8 = VK_FALSE;
  c->matrices.cooperativeMatrixRobustBufferAccess = VK_FALSE;
  c->model.vulkanMemoryModelAvailabilityVisibilityChains = VK_FALSE;
}

static void read_subgroups(vulkan_device *device, const chain *c) {
  VkPhysicalDeviceSubgroupSizeControlProperties sizes = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
  VkPhysicalDeviceSubgroupProperties subgroups = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
      .pNext = c->subgroups.sType ? &sizes : NULL};
  VkPhysicalDeviceMaintenance3Properties allocation = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES, .pNext = &subgroups};
  VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                     .pNext = &allocation};
  device->instance->f.GetPhysicalDeviceProperties2(device->physical, &all);
  device->allocation_max = allocation.maxMemoryAllocationSize;
  device->subgroup_size = device->subgroup_min = device->subgroup_max = subgroups.subgroupSize;
  if (c->subgroups.subgroupSizeControl) {
    device->subgroup_min = sizes.minSubgroupSize;
    device->subgroup_max = sizes.maxSubgroupSize;
    device->subgroup_required =
        (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0;
  }
  if (!(subgroups.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT))
    return;
  if (subgroups.supportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT)
    device->features |= 1u << TERCET_VULKAN_SUBGROUP_ARITHMETIC_BIT;
  if (subgroups.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT)
    device->features |= 1u << TERCET_VULKAN_SUBGROUP_SHUFFLE_BIT;
}

static void read_features(vulkan_device *device, const chain *c) {
  const struct {
    uint32_t bit;
    VkBool32 has;
  } features[] = {
      {TERCET_VULKAN_VULKAN_1_3_BIT, device->properties.apiVersion >= VK_API_VERSION_1_3},
      {TERCET_VULKAN_FLOAT16_BIT, c->arithmetic.shaderFloat16},
      {TERCET_VULKAN_STORAGE_16_BIT, c->storage_16.storageBuffer16BitAccess},
      {TERCET_VULKAN_INT8_BIT, c->arithmetic.shaderInt8},
      {TERCET_VULKAN_STORAGE_8_BIT, c->storage_8.storageBuffer8BitAccess},
      {TERCET_VULKAN_INT16_BIT, c->base.features.shaderInt16},
      {TERCET_VULKAN_INT64_BIT, c->base.features.shaderInt64},
      {TERCET_VULKAN_DOT_BIT, c->dot.shaderIntegerDotProduct},
      {TERCET_VULKAN_FULL_SUBGROUPS_BIT, c->subgroups.computeFullSubgroups},
      // Its instructions are of the Vulkan memory model.
      {TERCET_VULKAN_COOPERATIVE_MATRIX_BIT,
       c->matrices.cooperativeMatrix && c->model.vulkanMemoryModel}};
  device->features = 0;
  for (size_t i = 0; i < sizeof features / sizeof *features; ++i)
    device->features |= features[i].has ? 1u << features[i].bit : 0;
  read_subgroups(device, c);
}

// ---- Choosing ---------------------------------------------------------------

static int rank_of(VkPhysicalDeviceType type) {
  switch (type) {
  case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
    return 4;
  case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
    return 3;
  case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
    return 2;
  default:
    return 1;
  }
}

// Whether the device is the one that is asked for by number or a part of its name.
static int is_wanted(const char *wanted, uint32_t index, const char *name) {
  char *end;
  unsigned long number = strtoul(wanted, &end, 10);
  return *wanted && !*end ? number == index : strstr(name, wanted) != NULL;
}

// The first queue family that computes, of those without graphics if possible.
static int choose_family(const vulkan_instance *instance, VkPhysicalDevice physical,
                         uint32_t *family, uint32_t *timestamp_bits) {
  VkQueueFamilyProperties families[16];
  uint32_t count = sizeof families / sizeof *families;
  instance->f.GetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
  *family = UINT32_MAX;
  for (uint32_t i = 0; i < count; ++i) {
    if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) ||
        (*family != UINT32_MAX && families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
      continue;
    int alone = !(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT);
    if (*family != UINT32_MAX && !(families[*family].queueFlags & VK_QUEUE_GRAPHICS_BIT) && alone)
      continue;
    *family = i;
    *timestamp_bits = families[i].timestampValidBits;
  }
  return *family != UINT32_MAX;
}

static tercet_status choose(const vulkan_instance *instance, const char *wanted,
                            vulkan_device *device, tercet_error *error) {
  VkPhysicalDevice all[MOST_DEVICES];
  uint32_t count = MOST_DEVICES, old = 0, best = 0;
  VkResult result = instance->f.EnumeratePhysicalDevices(instance->handle, &count, all);
  if (result && result != VK_INCOMPLETE)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_ABSENT, "vkEnumeratePhysicalDevices",
                              result);
  for (uint32_t i = 0; i < count; ++i) {
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    uint32_t family, bits = 0;
    instance->f.GetPhysicalDeviceProperties2(all[i], &p);
    if (wanted && !is_wanted(wanted, i, p.properties.deviceName))
      continue;
    if (p.properties.apiVersion < VK_API_VERSION_1_1) {
      ++old;
      continue;
    }
    uint32_t rank = (uint32_t)rank_of(p.properties.deviceType);
    if (rank <= best || !choose_family(instance, all[i], &family, &bits))
      continue;
    best = rank;
    device->physical = all[i];
    device->properties = p.properties;
    if (device->properties.apiVersion > instance->version)
      device->properties.apiVersion = instance->version;
    device->family = family;
    device->timestamp_mask = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
  }
  if (best)
    return TERCET_OK;
  if (old)
    return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                       "the Vulkan device is of version 1.0; 1.1 or later is needed");
  return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                     "no Vulkan device%s%.80s%s among the %u that there are", wanted ? " '" : "",
                     wanted ? wanted : "", wanted ? "'" : " that computes", count);
}

// ---- Making it --------------------------------------------------------------

static int calibrates(const vulkan_device *device) {
  VkTimeDomainEXT domains[16];
  uint32_t count = sizeof domains / sizeof *domains;
  int found = 0;
  if (!device->instance->f.GetPhysicalDeviceCalibrateableTimeDomainsEXT ||
      device->instance->f.GetPhysicalDeviceCalibrateableTimeDomainsEXT(device->physical, &count,
                                                                       domains) < 0)
    return 0;
  for (uint32_t i = 0; i < count; ++i)
    found |= (domains[i] == VK_TIME_DOMAIN_DEVICE_EXT) |
             (domains[i] == VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT) * 2;
  return found == 3;
}

static uint64_t read_import_alignment(const vulkan_device *device) {
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
  VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                     .pNext = &host};
  device->instance->f.GetPhysicalDeviceProperties2(device->physical, &all);
  return host.minImportedHostPointerAlignment;
}

static tercet_status make(vulkan_device *device, const chain *c, const extensions *e,
                          tercet_error *error) {
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                   .queueFamilyIndex = device->family,
                                   .queueCount = 1,
                                   .pQueuePriorities = &priority};
  VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                             .pNext = &c->base,
                             .queueCreateInfoCount = 1,
                             .pQueueCreateInfos = &queue,
                             .enabledExtensionCount = e->enabled_count,
                             .ppEnabledExtensionNames = e->enabled};
  const vulkan_instance_functions *f = &device->instance->f;
  VkResult result = f->CreateDevice(device->physical, &info, NULL, &device->handle);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_ABSENT, "vkCreateDevice", result);
  tercet_status status = vulkan_library_device(f, device->handle, &device->f, error);
  if (status)
    return status;
  device->timeline = device->timeline && device->f.WaitSemaphores;
  device->calibrated = device->calibrated && device->f.GetCalibratedTimestampsEXT;
  if (!device->f.GetMemoryHostPointerPropertiesEXT)
    device->import_alignment = 0;
  device->f.GetDeviceQueue(device->handle, device->family, 0, &device->queue);
  VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                  .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                  .queueFamilyIndex = device->family};
  result = device->f.CreateCommandPool(device->handle, &pool, NULL, &device->commands);
  return result
             ? vulkan_fail_result(error, TERCET_ERROR_ENGINE_ABSENT, "vkCreateCommandPool", result)
             : TERCET_OK;
}

tercet_status vulkan_device_open(const vulkan_instance *instance,
                                 const tercet_vulkan_options *options, vulkan_device *device,
                                 tercet_error *error) {
  memset(device, 0, sizeof *device);
  device->instance = instance;
  tercet_status status = choose(instance, options->device, device, error);
  if (status)
    return status;
  const vulkan_instance_functions *f = &instance->f;
  f->GetPhysicalDeviceMemoryProperties(device->physical, &device->memories);
  extensions e = {0};
  f->EnumerateDeviceExtensionProperties(device->physical, NULL, &e.count, NULL);
  e.all = (VkExtensionProperties *)calloc(e.count + 1, sizeof *e.all);
  if (!e.all || f->EnumerateDeviceExtensionProperties(device->physical, NULL, &e.count, e.all) < 0)
    e.count = 0;
  chain c;
  link_all(&c, device, &e);
  f->GetPhysicalDeviceFeatures2(device->physical, &c.base);
  keep_used(&c);
  if (options->without_timeline)
    c.timeline.timelineSemaphore = VK_FALSE;
  device->timeline = c.timeline.timelineSemaphore != VK_FALSE;
  read_features(device, &c);
  if (!options->without_import && has(&e, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME)) {
    device->import_alignment = read_import_alignment(device);
    enable(&e, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  }
  if (!options->without_calibration && has(&e, VK_EXT_CALIBRATED_TIMESTAMPS_EXTENSION_NAME) &&
      calibrates(device)) {
    device->calibrated = 1;
    enable(&e, VK_EXT_CALIBRATED_TIMESTAMPS_EXTENSION_NAME);
  }
  if (has(&e, "VK_KHR_portability_subset")) // has to be enabled where it is
    enable(&e, "VK_KHR_portability_subset");
  status = make(device, &c, &e, error);
  free(e.all);
  if (status)
    vulkan_device_close(device);
  return status;
}

void vulkan_device_close(vulkan_device *device) {
  if (device->handle && device->f.DestroyDevice) {
    if (device->commands)
      device->f.DestroyCommandPool(device->handle, device->commands, NULL);
    device->f.DestroyDevice(device->handle, NULL);
  }
  memset(device, 0, sizeof *device);
}

#endif // TERCET_HAVE_VULKAN
