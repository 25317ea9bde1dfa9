// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memories of a driver: each is one buffer of the device, and for shared ones an
// address of the CPU. Invariant: that address and what it holds stay until the
// memory is freed, also when the device is lost: then the lost device's mapping
// is kept (it remains valid), and the next device works on a copy.
#ifndef TERCET_DRIVERS_VULKAN_MEMORY_H
#define TERCET_DRIVERS_VULKAN_MEMORY_H

#include "device.h"

typedef enum vulkan_memory_mode {
  VULKAN_MEMORY_FREE = 0, // not in use
  VULKAN_MEMORY_COHERENT = TERCET_VULKAN_MEMORY_COHERENT,
  VULKAN_MEMORY_CACHED = TERCET_VULKAN_MEMORY_CACHED,
  VULKAN_MEMORY_IMPORTED = TERCET_VULKAN_MEMORY_IMPORTED,
  VULKAN_MEMORY_COPIED = TERCET_VULKAN_MEMORY_COPIED,
  VULKAN_MEMORY_LOCAL // the device's own, not mapped
} vulkan_memory_mode;

typedef struct vulkan_memory {
  vulkan_memory_mode mode;
  uint32_t access;       // TERCET_ACCESS_READ: constants of somebody else's
  uint64_t bytes;        // that were asked for
  uint64_t base;         // of the first byte in the buffer
  uint64_t buffer_bytes; // of the buffer
  unsigned char *host;   // the CPU's address of the first byte; NULL: local
  unsigned char *mapped; // the device memory's own; COPIED: not `host`
  void *pages;           // that the driver mapped for `host`, or NULL
  uint64_t page_bytes;
  int foreign; // nonzero: `host` is somebody else's
  VkBuffer buffer;
  VkDeviceMemory memory;
  VkDeviceMemory retired; // of a lost device, which `host` is a mapping of
} vulkan_memory;

typedef struct vulkan_memories {
  vulkan_memory *all; // by id
  uint32_t count;
  uint64_t allocations;
  const vulkan_device *retired; // has their `retired`; NULL: there are none
} vulkan_memories;

// As tercet_driver_table.alloc and import. `order` as in tercet_vulkan_options.
// Errors: ENGINE_MEMORY; of import ENGINE_REFUSED too.
tercet_status vulkan_memory_alloc(vulkan_memories *memories, const vulkan_device *device,
                                  const tercet_vulkan_memory *order, tercet_memory_kind kind,
                                  uint64_t bytes, uint32_t alignment, tercet_driver_memory *memory,
                                  tercet_error *error);
tercet_status vulkan_memory_import(vulkan_memories *memories, const vulkan_device *device,
                                   void *address, uint64_t bytes, uint32_t access,
                                   tercet_driver_memory *memory, tercet_error *error);
void vulkan_memory_free(vulkan_memories *memories, const vulkan_device *device, uint32_t id);

// As tercet_driver_table.sync; `busy`: whether the device has submissions.
// Errors: ENGINE_FULL, ENGINE_LOST.
tercet_status vulkan_memory_sync(const vulkan_memories *memories, const vulkan_device *device,
                                 uint32_t id, uint64_t offset, uint64_t bytes,
                                 tercet_sync_direction direction, int busy, tercet_error *error);

// Takes all memories from a device that was lost. What it has mapped stays
// mapped: the device is kept then, as `retired`.
void vulkan_memory_leave(vulkan_memories *memories, const vulkan_device *device);

// Gives all memories to another device, where they have left theirs. Errors:
// ENGINE_MEMORY; some have none then, and leave again.
tercet_status vulkan_memory_enter(vulkan_memories *memories, const vulkan_device *device,
                                  tercet_error *error);

// Frees all. Without a device: what belongs to one has gone with it.
void vulkan_memory_clear(vulkan_memories *memories, const vulkan_device *device);

// A buffer that the CPU writes and reads, coherent and mapped.
tercet_status vulkan_memory_mapped(const vulkan_device *device, uint64_t bytes,
                                   vulkan_memory *memory, tercet_error *error);
void vulkan_memory_release(const vulkan_device *device, vulkan_memory *memory);

#endif // TERCET_DRIVERS_VULKAN_MEMORY_H
