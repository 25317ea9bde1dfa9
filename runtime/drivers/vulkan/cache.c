// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pipelines kept from one process to the next. Drivers are not made for data
// that is damaged, so that it gets a header of Tercet's own, with the device and
// a sum over the bytes; Vulkan's header inside is compared too.
#include "kernels.h"

#if TERCET_HAVE_VULKAN
#include <stdlib.h>
#include <string.h>

#define CACHE_MAGIC 0x43565654u // "TVVC"
#define MOST_BYTES ((size_t)256 << 20)

typedef struct cache_header {
  uint32_t magic, version;
  uint32_t vendor, device, driver, reserved;
  uint8_t uuid[VK_UUID_SIZE];
  uint64_t bytes; // behind the header
  uint64_t sum;   // of these
} cache_header;

// FNV-1a.
static uint64_t sum_of(const void *data, size_t bytes) {
  const unsigned char *at = (const unsigned char *)data;
  uint64_t sum = UINT64_C(0xCBF29CE484222325);
  for (size_t i = 0; i < bytes; ++i)
    sum = (sum ^ at[i]) * UINT64_C(0x100000001B3);
  return sum;
}

static cache_header describe(const vulkan_device *device, const void *data, size_t bytes) {
  cache_header h = {.magic = CACHE_MAGIC,
                    .version = 1,
                    .vendor = device->properties.vendorID,
                    .device = device->properties.deviceID,
                    .driver = device->properties.driverVersion,
                    .bytes = bytes,
                    .sum = sum_of(data, bytes)};
  memcpy(h.uuid, device->properties.pipelineCacheUUID, sizeof h.uuid);
  return h;
}

// Whether Vulkan's own header is there and of this device.
static int is_ours(const vulkan_device *device, const unsigned char *data, size_t bytes) {
  VkPipelineCacheHeaderVersionOne h;
  if (bytes < sizeof h)
    return 0;
  memcpy(&h, data, sizeof h);
  return h.headerSize >= sizeof h && h.headerSize <= bytes &&
         h.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
         h.vendorID == device->properties.vendorID && h.deviceID == device->properties.deviceID &&
         memcmp(h.pipelineCacheUUID, device->properties.pipelineCacheUUID, VK_UUID_SIZE) == 0;
}

static int is_good(const vulkan_device *device, const unsigned char *data, size_t bytes) {
  cache_header expected, h;
  if (bytes < sizeof h)
    return 0;
  expected = describe(device, data + sizeof h, bytes - sizeof h);
  memcpy(&h, data, sizeof h);
  return memcmp(&h, &expected, sizeof h) == 0 && is_ours(device, data + sizeof h, bytes - sizeof h);
}

VkPipelineCache vulkan_cache_open(const vulkan_device *device, const tercet_vulkan_options *options,
                                  tercet_vulkan_cache *how) {
  *how = TERCET_VULKAN_CACHE_NONE;
  if (!options->cache_read && !options->cache_write)
    return VK_NULL_HANDLE;
  size_t bytes = options->cache_read ? options->cache_read(options->cache_user, NULL, 0) : 0;
  unsigned char *data = bytes && bytes <= MOST_BYTES ? (unsigned char *)malloc(bytes) : NULL;
  if (data && options->cache_read(options->cache_user, data, bytes) == bytes)
    *how = is_good(device, data, bytes) ? TERCET_VULKAN_CACHE_USED : TERCET_VULKAN_CACHE_REFUSED;
  else if (bytes)
    *how = TERCET_VULKAN_CACHE_REFUSED;
  int used = *how == TERCET_VULKAN_CACHE_USED;
  VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                    .initialDataSize = used ? bytes - sizeof(cache_header) : 0,
                                    .pInitialData = used ? data + sizeof(cache_header) : NULL};
  VkPipelineCache cache = VK_NULL_HANDLE;
  if (device->f.CreatePipelineCache(device->handle, &info, NULL, &cache))
    cache = VK_NULL_HANDLE; // goes without
  free(data);
  return cache;
}

void vulkan_cache_close(const vulkan_device *device, const tercet_vulkan_options *options,
                        VkPipelineCache cache) {
  if (!cache)
    return;
  size_t bytes = 0;
  if (options->cache_write &&
      device->f.GetPipelineCacheData(device->handle, cache, &bytes, NULL) >= 0 && bytes) {
    unsigned char *data = (unsigned char *)malloc(bytes + sizeof(cache_header));
    if (data && device->f.GetPipelineCacheData(device->handle, cache, &bytes,
                                               data + sizeof(cache_header)) == VK_SUCCESS) {
      cache_header h = describe(device, data + sizeof h, bytes);
      memcpy(data, &h, sizeof h);
      options->cache_write(options->cache_user, data, bytes + sizeof h);
    }
    free(data);
  }
  device->f.DestroyPipelineCache(device->handle, cache, NULL);
}

#endif // TERCET_HAVE_VULKAN
