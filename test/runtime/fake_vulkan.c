// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A library in place of Vulkan's loader, for tests of faults: it hands every
// call on to the real loader, but for those that it has been told to fail, and
// for what it says about devices: memory that is not coherent, of which the host
// sees a copy then, among it. It also counts.
#define _POSIX_C_SOURCE 199309L
#include "fake_vulkan.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#define EXPORT __attribute__((visibility("default")))

static fake_vulkan state;
static PFN_vkGetInstanceProcAddr real_instance_proc;
static PFN_vkGetDeviceProcAddr real_device_proc;

EXPORT fake_vulkan *fake_vulkan_state(void) { return &state; }

// Whether this call is to fail.
static int fails(const char *name) {
  if (strcmp(name, state.failing) != 0)
    return 0;
  if (state.skip > 0) {
    --state.skip;
    return 0;
  }
  if (state.times && state.failed >= state.times)
    return 0;
  ++state.failed;
  return 1;
}

// ---- Calls that can fail ----------------------------------------------------

#define COUNT_NOTHING (void)0
// WRAP(name, what it counts, parameters, arguments)
#define WRAPPED(X)                                                                                 \
  X(CreateDevice, COUNT_NOTHING,                                                                   \
    (VkPhysicalDevice a, const VkDeviceCreateInfo *b, const VkAllocationCallbacks *c,              \
     VkDevice *d),                                                                                 \
    (a, b, c, d))                                                                                  \
  X(BindBufferMemory, COUNT_NOTHING, (VkDevice a, VkBuffer b, VkDeviceMemory c, VkDeviceSize d),   \
    (a, b, c, d))                                                                                  \
  X(CreateBuffer, COUNT_NOTHING,                                                                   \
    (VkDevice a, const VkBufferCreateInfo *b, const VkAllocationCallbacks *c, VkBuffer *d),        \
    (a, b, c, d))                                                                                  \
  X(CreateShaderModule, COUNT_NOTHING,                                                             \
    (VkDevice a, const VkShaderModuleCreateInfo *b, const VkAllocationCallbacks *c,                \
     VkShaderModule *d),                                                                           \
    (a, b, c, d))                                                                                  \
  X(CreateComputePipelines, COUNT_NOTHING,                                                         \
    (VkDevice a, VkPipelineCache b, uint32_t c, const VkComputePipelineCreateInfo *d,              \
     const VkAllocationCallbacks *e, VkPipeline *f),                                               \
    (a, b, c, d, e, f))                                                                            \
  X(CreatePipelineCache, COUNT_NOTHING,                                                            \
    (VkDevice a, const VkPipelineCacheCreateInfo *b, const VkAllocationCallbacks *c,               \
     VkPipelineCache *d),                                                                          \
    (a, b, c, d))                                                                                  \
  X(CreatePipelineLayout, COUNT_NOTHING,                                                           \
    (VkDevice a, const VkPipelineLayoutCreateInfo *b, const VkAllocationCallbacks *c,              \
     VkPipelineLayout *d),                                                                         \
    (a, b, c, d))                                                                                  \
  X(CreateDescriptorSetLayout, COUNT_NOTHING,                                                      \
    (VkDevice a, const VkDescriptorSetLayoutCreateInfo *b, const VkAllocationCallbacks *c,         \
     VkDescriptorSetLayout *d),                                                                    \
    (a, b, c, d))                                                                                  \
  X(CreateDescriptorPool, COUNT_NOTHING,                                                           \
    (VkDevice a, const VkDescriptorPoolCreateInfo *b, const VkAllocationCallbacks *c,              \
     VkDescriptorPool *d),                                                                         \
    (a, b, c, d))                                                                                  \
  X(AllocateDescriptorSets, ++state.allocations,                                                   \
    (VkDevice a, const VkDescriptorSetAllocateInfo *b, VkDescriptorSet *c), (a, b, c))             \
  X(CreateCommandPool, COUNT_NOTHING,                                                              \
    (VkDevice a, const VkCommandPoolCreateInfo *b, const VkAllocationCallbacks *c,                 \
     VkCommandPool *d),                                                                            \
    (a, b, c, d))                                                                                  \
  X(AllocateCommandBuffers, ++state.allocations,                                                   \
    (VkDevice a, const VkCommandBufferAllocateInfo *b, VkCommandBuffer *c), (a, b, c))             \
  X(BeginCommandBuffer, ++state.recordings,                                                        \
    (VkCommandBuffer a, const VkCommandBufferBeginInfo *b), (a, b))                                \
  X(EndCommandBuffer, COUNT_NOTHING, (VkCommandBuffer a), (a))                                     \
  X(CreateQueryPool, COUNT_NOTHING,                                                                \
    (VkDevice a, const VkQueryPoolCreateInfo *b, const VkAllocationCallbacks *c, VkQueryPool *d),  \
    (a, b, c, d))                                                                                  \
  X(GetQueryPoolResults, COUNT_NOTHING,                                                            \
    (VkDevice a, VkQueryPool b, uint32_t c, uint32_t d, size_t e, void *f, VkDeviceSize g,         \
     VkQueryResultFlags h),                                                                        \
    (a, b, c, d, e, f, g, h))                                                                      \
  X(CreateSemaphore, COUNT_NOTHING,                                                                \
    (VkDevice a, const VkSemaphoreCreateInfo *b, const VkAllocationCallbacks *c, VkSemaphore *d),  \
    (a, b, c, d))                                                                                  \
  X(CreateFence, COUNT_NOTHING,                                                                    \
    (VkDevice a, const VkFenceCreateInfo *b, const VkAllocationCallbacks *c, VkFence *d),          \
    (a, b, c, d))                                                                                  \
  X(ResetFences, COUNT_NOTHING, (VkDevice a, uint32_t b, const VkFence *c), (a, b, c))             \
  X(WaitForFences, COUNT_NOTHING,                                                                  \
    (VkDevice a, uint32_t b, const VkFence *c, VkBool32 d, uint64_t e), (a, b, c, d, e))           \
  X(WaitSemaphores, COUNT_NOTHING, (VkDevice a, const VkSemaphoreWaitInfo *b, uint64_t c),         \
    (a, b, c))

#define WRAP(name, count, parameters, arguments)                                                   \
  static PFN_vk##name real_##name;                                                                 \
  static VkResult VKAPI_PTR fake_##name parameters {                                               \
    count;                                                                                         \
    return fails("vk" #name) ? (VkResult)state.result : real_##name arguments;                     \
  }
WRAPPED(WRAP)

// ---- Memory that is not coherent --------------------------------------------

// The host sees a copy, which flushing and invalidating bring to the device and
// back. Type 0 is cached and not coherent, type 1 coherent and not cached; both
// are the device's type 0.
enum { NONCOHERENT, COHERENT, SHADOWS = 256, ATOM = 64 };
static struct shadow {
  VkDeviceMemory memory;
  unsigned char *copy, *mapped;
  VkDeviceSize bytes;
} shadows[SHADOWS];

static struct shadow *find_shadow(VkDeviceMemory memory) {
  for (size_t i = 0; i < SHADOWS; ++i)
    if (shadows[i].memory == memory)
      return &shadows[i];
  return NULL;
}

static PFN_vkAllocateMemory real_AllocateMemory;
static VkResult VKAPI_PTR fake_AllocateMemory(VkDevice a, const VkMemoryAllocateInfo *b,
                                              const VkAllocationCallbacks *c, VkDeviceMemory *d) {
  ++state.allocations;
  if (fails("vkAllocateMemory"))
    return (VkResult)state.result;
  if (!state.noncoherent)
    return real_AllocateMemory(a, b, c, d);
  VkMemoryAllocateInfo info = *b;
  info.memoryTypeIndex = 0;
  VkResult result = real_AllocateMemory(a, &info, c, d);
  struct shadow *shadow = find_shadow(VK_NULL_HANDLE);
  if (!result && b->memoryTypeIndex == NONCOHERENT && shadow)
    *shadow = (struct shadow){*d, malloc(b->allocationSize), NULL, b->allocationSize};
  return result;
}

static PFN_vkFreeMemory real_FreeMemory;
static void VKAPI_PTR fake_FreeMemory(VkDevice a, VkDeviceMemory b,
                                      const VkAllocationCallbacks *c) {
  struct shadow *shadow = b ? find_shadow(b) : NULL;
  if (shadow) {
    free(shadow->copy);
    memset(shadow, 0, sizeof *shadow);
  }
  real_FreeMemory(a, b, c);
}

static PFN_vkMapMemory real_MapMemory;
static VkResult VKAPI_PTR fake_MapMemory(VkDevice a, VkDeviceMemory b, VkDeviceSize c,
                                         VkDeviceSize d, VkMemoryMapFlags e, void **f) {
  if (fails("vkMapMemory"))
    return (VkResult)state.result;
  VkResult result = real_MapMemory(a, b, c, d, e, f);
  struct shadow *shadow = find_shadow(b);
  if (result || !shadow)
    return result;
  shadow->mapped = *f;
  memset(shadow->copy, 0xa5, shadow->bytes);
  *f = shadow->copy;
  return result;
}

static void move_range(const VkMappedMemoryRange *range, int to_device) {
  struct shadow *shadow = find_shadow(range->memory);
  if (!shadow)
    return;
  ++*(to_device ? &state.flushed : &state.invalidated);
  VkDeviceSize end = range->offset + range->size;
  if (range->offset % ATOM || (end % ATOM && end != shadow->bytes) || end > shadow->bytes) {
    ++state.unaligned;
    return;
  }
  unsigned char *device = shadow->mapped + range->offset, *host = shadow->copy + range->offset;
  memcpy(to_device ? device : host, to_device ? host : device, range->size);
}

static PFN_vkFlushMappedMemoryRanges real_FlushMappedMemoryRanges;
static VkResult VKAPI_PTR fake_FlushMappedMemoryRanges(VkDevice a, uint32_t b,
                                                       const VkMappedMemoryRange *c) {
  if (fails("vkFlushMappedMemoryRanges"))
    return (VkResult)state.result;
  for (uint32_t i = 0; i < b; ++i)
    move_range(&c[i], 1);
  return real_FlushMappedMemoryRanges(a, b, c);
}

static PFN_vkInvalidateMappedMemoryRanges real_InvalidateMappedMemoryRanges;
static VkResult VKAPI_PTR fake_InvalidateMappedMemoryRanges(VkDevice a, uint32_t b,
                                                            const VkMappedMemoryRange *c) {
  if (fails("vkInvalidateMappedMemoryRanges"))
    return (VkResult)state.result;
  for (uint32_t i = 0; i < b; ++i)
    move_range(&c[i], 0);
  return real_InvalidateMappedMemoryRanges(a, b, c);
}

static PFN_vkGetBufferMemoryRequirements real_GetBufferMemoryRequirements;
static void VKAPI_PTR fake_GetBufferMemoryRequirements(VkDevice a, VkBuffer b,
                                                       VkMemoryRequirements *c) {
  real_GetBufferMemoryRequirements(a, b, c);
  if (state.noncoherent)
    c->memoryTypeBits = 1u << NONCOHERENT | 1u << COHERENT;
}

static PFN_vkGetPhysicalDeviceMemoryProperties real_GetPhysicalDeviceMemoryProperties;
static void VKAPI_PTR fake_GetPhysicalDeviceMemoryProperties(VkPhysicalDevice a,
                                                             VkPhysicalDeviceMemoryProperties *b) {
  real_GetPhysicalDeviceMemoryProperties(a, b);
  if (!state.noncoherent)
    return;
  b->memoryTypeCount = 2;
  b->memoryTypes[COHERENT] = b->memoryTypes[NONCOHERENT];
  b->memoryTypes[NONCOHERENT].propertyFlags =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  b->memoryTypes[COHERENT].propertyFlags =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static PFN_vkQueueSubmit real_QueueSubmit;
static VkResult VKAPI_PTR fake_QueueSubmit(VkQueue a, uint32_t b, const VkSubmitInfo *c,
                                           VkFence d) {
  if (fails("vkQueueSubmit"))
    return (VkResult)state.result;
  uint64_t start = now_ns();
  VkResult result = real_QueueSubmit(a, b, c, d);
  state.submit_ns += now_ns() - start;
  ++state.submits;
  return result;
}

static PFN_vkUpdateDescriptorSets real_UpdateDescriptorSets;
static void VKAPI_PTR fake_UpdateDescriptorSets(VkDevice a, uint32_t b,
                                                const VkWriteDescriptorSet *c, uint32_t d,
                                                const VkCopyDescriptorSet *e) {
  ++state.descriptor_updates;
  real_UpdateDescriptorSets(a, b, c, d, e);
}

static PFN_vkCmdPipelineBarrier real_CmdPipelineBarrier;
static void VKAPI_PTR fake_CmdPipelineBarrier(VkCommandBuffer a, VkPipelineStageFlags b,
                                              VkPipelineStageFlags c, VkDependencyFlags d,
                                              uint32_t e, const VkMemoryBarrier *f, uint32_t g,
                                              const VkBufferMemoryBarrier *h, uint32_t i,
                                              const VkImageMemoryBarrier *j) {
  ++state.barriers;
  real_CmdPipelineBarrier(a, b, c, d, e, f, g, h, i, j);
}

// ---- What devices are said to be --------------------------------------------

static PFN_vkCreateInstance real_CreateInstance;
static VkResult VKAPI_PTR fake_CreateInstance(const VkInstanceCreateInfo *a,
                                              const VkAllocationCallbacks *b, VkInstance *c) {
  return fails("vkCreateInstance") ? (VkResult)state.result : real_CreateInstance(a, b, c);
}

static PFN_vkEnumeratePhysicalDevices real_EnumeratePhysicalDevices;
static VkResult VKAPI_PTR fake_EnumeratePhysicalDevices(VkInstance a, uint32_t *b,
                                                        VkPhysicalDevice *c) {
  if (fails("vkEnumeratePhysicalDevices"))
    return (VkResult)state.result;
  VkResult result = real_EnumeratePhysicalDevices(a, b, c);
  if (state.no_devices)
    *b = 0;
  return result;
}

static PFN_vkGetPhysicalDeviceProperties2 real_GetPhysicalDeviceProperties2;
static void VKAPI_PTR fake_GetPhysicalDeviceProperties2(VkPhysicalDevice a,
                                                        VkPhysicalDeviceProperties2 *b) {
  real_GetPhysicalDeviceProperties2(a, b);
  if (state.api_version)
    b->properties.apiVersion = state.api_version;
  if (state.discrete)
    b->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  if (state.noncoherent)
    b->properties.limits.nonCoherentAtomSize = ATOM;
}

static PFN_vkGetPhysicalDeviceFeatures2 real_GetPhysicalDeviceFeatures2;
static void VKAPI_PTR fake_GetPhysicalDeviceFeatures2(VkPhysicalDevice a,
                                                      VkPhysicalDeviceFeatures2 *b) {
  real_GetPhysicalDeviceFeatures2(a, b);
  if (!state.without_features)
    return;
  for (VkBaseOutStructure *next = (VkBaseOutStructure *)b->pNext; next; next = next->pNext)
    if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES)
      ((VkPhysicalDeviceShaderFloat16Int8Features *)next)->shaderFloat16 = VK_FALSE;
}

// ---- Handing out ------------------------------------------------------------

static PFN_vkVoidFunction VKAPI_PTR fake_device_proc(VkDevice device, const char *name);

// The stand-in for a function, which will call `real`.
static PFN_vkVoidFunction stand_in(const char *name, PFN_vkVoidFunction real) {
#define FIND(function, count, parameters, arguments)                                               \
  if (strcmp(name, "vk" #function) == 0) {                                                         \
    real_##function = (PFN_vk##function)real;                                                      \
    return (PFN_vkVoidFunction)fake_##function;                                                    \
  }
#define FIND_NAME(function) FIND(function, , , )
  WRAPPED(FIND)
  FIND_NAME(AllocateMemory)
  FIND_NAME(FreeMemory)
  FIND_NAME(MapMemory)
  FIND_NAME(FlushMappedMemoryRanges)
  FIND_NAME(InvalidateMappedMemoryRanges)
  FIND_NAME(GetBufferMemoryRequirements)
  FIND_NAME(GetPhysicalDeviceMemoryProperties)
  FIND_NAME(QueueSubmit)
  FIND_NAME(UpdateDescriptorSets)
  FIND_NAME(CmdPipelineBarrier)
  FIND_NAME(CreateInstance)
  FIND_NAME(EnumeratePhysicalDevices)
  FIND_NAME(GetPhysicalDeviceProperties2)
  FIND_NAME(GetPhysicalDeviceFeatures2)
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
    real_device_proc = (PFN_vkGetDeviceProcAddr)real;
    return (PFN_vkVoidFunction)fake_device_proc;
  }
  return real;
}

static PFN_vkVoidFunction VKAPI_PTR fake_device_proc(VkDevice device, const char *name) {
  PFN_vkVoidFunction real = real_device_proc(device, name);
  if (strcmp(name, state.failing) == 0 && state.result == 0)
    return NULL; // as if it were not there
  return real ? stand_in(name, real) : NULL;
}

EXPORT PFN_vkVoidFunction VKAPI_PTR vkGetInstanceProcAddr(VkInstance instance, const char *name) {
  if (!real_instance_proc) {
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, "vkGetInstanceProcAddr") : NULL;
    if (!found)
      return NULL;
    memcpy(&real_instance_proc, &found, sizeof found);
  }
  PFN_vkVoidFunction real = real_instance_proc(instance, name);
  return real ? stand_in(name, real) : NULL;
}
