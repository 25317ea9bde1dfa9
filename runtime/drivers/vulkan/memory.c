// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ways to have one memory for CPU and device, tried in an order; and the copies
// where there is none. Buffers are rounded up so that the ranges of descriptors,
// which are too, stay inside them.
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include "memory.h"

#if TERCET_HAVE_VULKAN
#include "../failure.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define VISIBLE VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define COHERENT VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define CACHED VK_MEMORY_PROPERTY_HOST_CACHED_BIT
#define LOCAL VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT

// What is flushed is whole atoms: no larger than what two engines never share.
#define ATOM_MAX 64u

static uint64_t round_up(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

// ---- Buffers of a device ----------------------------------------------------

// A type with all of `required` and none of `excluded`, with most of `wanted`,
// of which earlier bits of the list count more; UINT32_MAX: none.
static uint32_t find_type(const vulkan_device *device, uint32_t allowed, uint32_t required,
                          uint32_t excluded, uint32_t first_wanted, uint32_t then_wanted) {
  uint32_t best = UINT32_MAX, best_score = 0;
  for (uint32_t t = 0; t < device->memories.memoryTypeCount; ++t) {
    uint32_t flags = device->memories.memoryTypes[t].propertyFlags;
    if (!(allowed >> t & 1) || (flags & required) != required || flags & excluded)
      continue;
    uint32_t score = 1u + (flags & first_wanted ? 2u : 0u) + (flags & then_wanted ? 1u : 0u);
    if (score <= best_score)
      continue;
    best = t;
    best_score = score;
  }
  return best;
}

static tercet_status create_buffer(const vulkan_device *device, uint64_t bytes, int imported,
                                   vulkan_memory *memory, VkMemoryRequirements *needs,
                                   tercet_error *error) {
  VkExternalMemoryBufferCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
      .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT};
  VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                             .pNext = imported ? &external : NULL,
                             .size = bytes,
                             .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                             .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
  VkResult result = device->f.CreateBuffer(device->handle, &info, NULL, &memory->buffer);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkCreateBuffer", result);
  device->f.GetBufferMemoryRequirements(device->handle, memory->buffer, needs);
  memory->buffer_bytes = bytes;
  return TERCET_OK;
}

// Device memory behind the buffer, mapped if that type can be.
static tercet_status back(const vulkan_device *device, const void *next, uint64_t bytes,
                          uint32_t type, int map, vulkan_memory *memory, tercet_error *error) {
  VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                               .pNext = next,
                               .allocationSize = bytes,
                               .memoryTypeIndex = type};
  if (bytes > device->allocation_max)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                       "%llu bytes in one piece, the device gives at most %llu",
                       (unsigned long long)bytes, (unsigned long long)device->allocation_max);
  VkResult result = device->f.AllocateMemory(device->handle, &info, NULL, &memory->memory);
  if (result) {
    memory->memory = VK_NULL_HANDLE;
    vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkAllocateMemory", result);
    char text[TERCET_ERROR_TEXT_BYTES];
    memcpy(text, error->text, sizeof text);
    return driver_fail(error, error->status, "%.120s, asked for %llu bytes", text,
                       (unsigned long long)bytes);
  }
  result = device->f.BindBufferMemory(device->handle, memory->buffer, memory->memory, 0);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkBindBufferMemory", result);
  void *address = NULL;
  if (map) {
    result = device->f.MapMemory(device->handle, memory->memory, 0, VK_WHOLE_SIZE, 0, &address);
    if (result)
      return vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkMapMemory", result);
  }
  memory->mapped = (unsigned char *)address;
  return TERCET_OK;
}

void vulkan_memory_release(const vulkan_device *device, vulkan_memory *memory) {
  if (device && memory->buffer)
    device->f.DestroyBuffer(device->handle, memory->buffer, NULL);
  if (device && memory->memory)
    device->f.FreeMemory(device->handle, memory->memory, NULL);
  memory->buffer = VK_NULL_HANDLE;
  memory->memory = VK_NULL_HANDLE;
  memory->mapped = NULL;
}

// A buffer in memory of some type. `alignment` is that of the first byte, both
// for the CPU and in the buffer.
static tercet_status allocate(const vulkan_device *device, uint64_t bytes, uint32_t alignment,
                              uint32_t required, uint32_t excluded, uint32_t first_wanted,
                              uint32_t then_wanted, vulkan_memory *memory, tercet_error *error) {
  // Room to shift the first byte, and for ranges that are rounded up.
  uint64_t total = round_up(bytes + TERCET_VULKAN_OFFSET_MAX, TERCET_VULKAN_OFFSET_MAX) +
                   (alignment > TERCET_VULKAN_OFFSET_MAX ? alignment : TERCET_VULKAN_OFFSET_MAX);
  VkMemoryRequirements needs;
  tercet_status status = create_buffer(device, total, 0, memory, &needs, error);
  if (status)
    return status;
  uint32_t type =
      find_type(device, needs.memoryTypeBits, required, excluded, first_wanted, then_wanted);
  if (type == UINT32_MAX)
    status = driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                         "the device has no memory of the kind that is wanted");
  if (!status)
    status = back(device, NULL, needs.size, type, (required & VISIBLE) != 0, memory, error);
  if (status) {
    vulkan_memory_release(device, memory);
    return status;
  }
  memory->bytes = bytes;
  memory->base = (uint64_t)(-(uintptr_t)memory->mapped & (alignment - 1u));
  if (memory->mapped)
    memory->mapped += memory->base;
  return TERCET_OK;
}

// Host memory as a buffer; the range grows to what can be imported.
static tercet_status import_pages(const vulkan_device *device, void *address, uint64_t bytes,
                                  vulkan_memory *memory, tercet_error *error) {
  uint64_t unit = device->import_alignment;
  if (!unit)
    return driver_fail(error, TERCET_ERROR_ENGINE_REFUSED,
                       "the device cannot import host memory (VK_EXT_external_memory_host)");
  uintptr_t first = (uintptr_t)address / unit * unit;
  uint64_t total = round_up((uintptr_t)address + bytes - first, unit);
  VkMemoryHostPointerPropertiesEXT host = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
  VkResult result = device->f.GetMemoryHostPointerPropertiesEXT(
      device->handle, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, (void *)first, &host);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_REFUSED,
                              "vkGetMemoryHostPointerPropertiesEXT", result);
  VkImportMemoryHostPointerInfoEXT import = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
      .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
      .pHostPointer = (void *)first};
  VkMemoryRequirements needs;
  tercet_status status = create_buffer(device, total, 1, memory, &needs, error);
  if (status)
    return status;
  uint32_t type = find_type(device, needs.memoryTypeBits & host.memoryTypeBits, VISIBLE | COHERENT,
                            0, CACHED, LOCAL);
  if (type == UINT32_MAX || needs.size > total)
    status = driver_fail(error, TERCET_ERROR_ENGINE_REFUSED,
                         "the device has no coherent memory for what it imports");
  if (!status)
    status = back(device, &import, total, type, 0, memory, error);
  if (status) {
    vulkan_memory_release(device, memory);
    return status;
  }
  memory->bytes = bytes;
  memory->base = (uintptr_t)address - first;
  return TERCET_OK;
}

tercet_status vulkan_memory_mapped(const vulkan_device *device, uint64_t bytes,
                                   vulkan_memory *memory, tercet_error *error) {
  memset(memory, 0, sizeof *memory);
  return allocate(device, bytes, 64, VISIBLE | COHERENT, 0, CACHED, LOCAL, memory, error);
}

// ---- Ways to share ----------------------------------------------------------

typedef struct way {
  vulkan_memory_mode mode;
  uint32_t required, excluded;
} way;

static int map_pages(uint64_t bytes, uint32_t alignment, vulkan_memory *memory) {
  uint64_t extra = alignment > TERCET_DRIVER_PAGE ? alignment : 0;
  uint64_t total = round_up(bytes, TERCET_DRIVER_PAGE) + extra;
  void *pages = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    return 0;
  memory->pages = pages;
  memory->page_bytes = total;
  memory->host = (unsigned char *)pages + (-(uintptr_t)pages & (alignment - 1u));
  return 1;
}

static void unmap_pages(vulkan_memory *memory) {
  if (memory->pages)
    munmap(memory->pages, memory->page_bytes);
  memory->pages = NULL;
}

// The device's copy of memory that is elsewhere.
static tercet_status make_copy(const vulkan_device *device, vulkan_memory *memory,
                               tercet_error *error) {
  tercet_status status =
      allocate(device, memory->bytes, 64, VISIBLE | COHERENT, 0, LOCAL, CACHED, memory, error);
  if (!status)
    memory->mode = VULKAN_MEMORY_COPIED;
  return status;
}

static tercet_status try_way(const vulkan_device *device, const way *w, uint64_t bytes,
                             uint32_t alignment, vulkan_memory *memory, tercet_error *error) {
  tercet_status status = TERCET_OK;
  memset(memory, 0, sizeof *memory);
  memory->bytes = bytes;
  if (w->mode == VULKAN_MEMORY_COHERENT || w->mode == VULKAN_MEMORY_CACHED) {
    if (w->mode == VULKAN_MEMORY_CACHED && device->properties.limits.nonCoherentAtomSize > ATOM_MAX)
      return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "nonCoherentAtomSize is above %u",
                         ATOM_MAX);
    status =
        allocate(device, bytes, alignment, w->required, w->excluded, CACHED, LOCAL, memory, error);
    memory->host = memory->mapped;
    memory->mode = w->mode;
    if (!status)
      memset(memory->host, 0, bytes);
    return status;
  }
  if (!map_pages(bytes, alignment, memory))
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "no memory for %llu bytes",
                       (unsigned long long)bytes);
  if (w->mode == VULKAN_MEMORY_IMPORTED) {
    memory->mode = VULKAN_MEMORY_IMPORTED;
    status = import_pages(device, memory->host, bytes, memory, error);
  } else {
    status = make_copy(device, memory, error);
  }
  if (status)
    unmap_pages(memory);
  return status;
}

static tercet_status share(const vulkan_device *device, const tercet_vulkan_memory *order,
                           uint64_t bytes, uint32_t alignment, vulkan_memory *memory,
                           tercet_error *error) {
  static const way usual[] = {{VULKAN_MEMORY_COHERENT, VISIBLE | COHERENT | CACHED, 0},
                              {VULKAN_MEMORY_CACHED, VISIBLE | CACHED, COHERENT},
                              {VULKAN_MEMORY_IMPORTED, 0, 0},
                              {VULKAN_MEMORY_COHERENT, VISIBLE | COHERENT, 0},
                              {VULKAN_MEMORY_COPIED, 0, 0}};
  tercet_status status = driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "no memory is allowed");
  if (order[0] == TERCET_VULKAN_MEMORY_END) {
    for (size_t i = 0; i < sizeof usual / sizeof *usual && status; ++i)
      status = try_way(device, &usual[i], bytes, alignment, memory, error);
    return status ? (error->status = TERCET_ERROR_ENGINE_MEMORY) : status;
  }
  for (size_t i = 0; order[i] != TERCET_VULKAN_MEMORY_END && status; ++i) {
    // To flush what is coherent does no harm.
    int cached = order[i] == TERCET_VULKAN_MEMORY_CACHED;
    way w = {(vulkan_memory_mode)order[i], VISIBLE | (cached ? CACHED : COHERENT), 0};
    status = try_way(device, &w, bytes, alignment, memory, error);
  }
  return status ? (error->status = TERCET_ERROR_ENGINE_MEMORY) : status;
}

// ---- The list ---------------------------------------------------------------

static vulkan_memory *add(vulkan_memories *memories, uint32_t *id) {
  for (*id = 0; *id < memories->count; ++*id)
    if (memories->all[*id].mode == VULKAN_MEMORY_FREE)
      return &memories->all[*id];
  vulkan_memory *all =
      (vulkan_memory *)realloc(memories->all, (memories->count + 16u) * sizeof *all);
  if (!all)
    return NULL;
  memset(all + memories->count, 0, 16 * sizeof *all);
  memories->all = all;
  memories->count += 16;
  return &all[*id];
}

tercet_status vulkan_memory_alloc(vulkan_memories *memories, const vulkan_device *device,
                                  const tercet_vulkan_memory *order, tercet_memory_kind kind,
                                  uint64_t bytes, uint32_t alignment, tercet_driver_memory *memory,
                                  tercet_error *error) {
  uint32_t id;
  vulkan_memory *made = add(memories, &id);
  if (!made)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "out of memory");
  tercet_status status;
  if (kind == TERCET_MEMORY_LOCAL) {
    memset(made, 0, sizeof *made);
    status = allocate(device, bytes, alignment, 0, 0, LOCAL, 0, made, error);
    made->mode = VULKAN_MEMORY_LOCAL;
  } else {
    status = share(device, order, bytes, alignment, made, error);
  }
  if (status) {
    memset(made, 0, sizeof *made);
    return status;
  }
  ++memories->allocations;
  *memory = (tercet_driver_memory){id, made->host};
  return TERCET_OK;
}

tercet_status vulkan_memory_import(vulkan_memories *memories, const vulkan_device *device,
                                   void *address, uint64_t bytes, uint32_t access,
                                   tercet_driver_memory *memory, tercet_error *error) {
  // A discrete device would read them over its bus, again and again.
  int constants = access == TERCET_ACCESS_READ;
  if (constants && device->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU)
    return driver_fail(error, TERCET_ERROR_ENGINE_REFUSED, "constants belong into its own memory");
  uint32_t id;
  vulkan_memory *made = add(memories, &id);
  if (!made)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "out of memory");
  memset(made, 0, sizeof *made);
  tercet_status status = import_pages(device, address, bytes, made, error);
  made->mode = VULKAN_MEMORY_IMPORTED;
  made->bytes = bytes;
  made->host = (unsigned char *)address;
  made->access = access;
  made->foreign = 1;
  if (status && !constants)
    status = make_copy(device, made, error);
  if (status) {
    memset(made, 0, sizeof *made);
    return status;
  }
  ++memories->allocations;
  *memory = (tercet_driver_memory){id, address};
  return TERCET_OK;
}

void vulkan_memory_free(vulkan_memories *memories, const vulkan_device *device, uint32_t id) {
  if (id >= memories->count)
    return;
  vulkan_memory *memory = &memories->all[id];
  vulkan_memory_release(device, memory);
  if (memories->retired && memory->retired)
    memories->retired->f.FreeMemory(memories->retired->handle, memory->retired, NULL);
  unmap_pages(&memories->all[id]);
  memset(&memories->all[id], 0, sizeof memories->all[id]);
}

void vulkan_memory_clear(vulkan_memories *memories, const vulkan_device *device) {
  for (uint32_t i = 0; i < memories->count; ++i)
    vulkan_memory_free(memories, device, i);
  free(memories->all);
  memories->all = NULL;
  memories->count = 0;
}

// ---- Keeping both sides equal -----------------------------------------------

tercet_status vulkan_memory_sync(const vulkan_memories *memories, const vulkan_device *device,
                                 uint32_t id, uint64_t offset, uint64_t bytes,
                                 tercet_sync_direction direction, int busy, tercet_error *error) {
  const vulkan_memory *memory = &memories->all[id];
  int to_engine = direction == TERCET_SYNC_TO_ENGINE;
  if (memory->mode == VULKAN_MEMORY_COPIED) {
    // A submission may be writing what the CPU's side does not have yet.
    if (to_engine && busy)
      return driver_fail(error, TERCET_ERROR_ENGINE_FULL, "copied memory is in use");
    if (to_engine)
      memcpy(memory->mapped + offset, memory->host + offset, bytes);
    else
      memcpy(memory->host + offset, memory->mapped + offset, bytes);
  } else if (memory->mode == VULKAN_MEMORY_CACHED) {
    uint64_t atom = device->properties.limits.nonCoherentAtomSize;
    uint64_t first = (memory->base + offset) / atom * atom;
    VkMappedMemoryRange range = {.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
                                 .memory = memory->memory,
                                 .offset = first,
                                 .size = round_up(memory->base + offset + bytes, atom) - first};
    VkResult result = to_engine ? device->f.FlushMappedMemoryRanges(device->handle, 1, &range)
                                : device->f.InvalidateMappedMemoryRanges(device->handle, 1, &range);
    if (result)
      return vulkan_fail_result(
          error, TERCET_ERROR_ENGINE_LOST,
          to_engine ? "vkFlushMappedMemoryRanges" : "vkInvalidateMappedMemoryRanges", result);
  }
  return TERCET_OK;
}

void vulkan_memory_leave(vulkan_memories *memories, const vulkan_device *device) {
  for (uint32_t i = 0; i < memories->count; ++i) {
    vulkan_memory *memory = &memories->all[i];
    if (memory->mode == VULKAN_MEMORY_COHERENT || memory->mode == VULKAN_MEMORY_CACHED) {
      memory->retired = memory->memory;
      memory->memory = VK_NULL_HANDLE;
      memory->mode = VULKAN_MEMORY_COPIED;
    }
    vulkan_memory_release(device, memory);
  }
}

tercet_status vulkan_memory_enter(vulkan_memories *memories, const vulkan_device *device,
                                  tercet_error *error) {
  tercet_status status = TERCET_OK;
  for (uint32_t i = 0; i < memories->count && !status; ++i) {
    vulkan_memory *memory = &memories->all[i];
    if (memory->mode == VULKAN_MEMORY_FREE)
      continue;
    ++memories->allocations;
    if (memory->mode == VULKAN_MEMORY_LOCAL)
      status = allocate(device, memory->bytes, 1, 0, 0, LOCAL, 0, memory, error);
    else if (memory->mode != VULKAN_MEMORY_IMPORTED ||
             import_pages(device, memory->host, memory->bytes, memory, error))
      status = make_copy(device, memory, error);
    if (!status && memory->mode == VULKAN_MEMORY_COPIED)
      memcpy(memory->mapped, memory->host, memory->bytes);
  }
  return status;
}

#endif // TERCET_HAVE_VULKAN
