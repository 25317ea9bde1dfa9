// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A driver for a GPU with Vulkan 1.1 or later, as a tercet_driver table
// (driver.h). libvulkan is loaded at run time, the engine's image is that of
// vulkan_image.h. Recorded segments are command buffers that are submitted again
// with other scalars; memory that the CPU reaches too is the device's own where
// it can be mapped. Invariants: nothing is started before its open and nothing
// is left after its close; what the device lacks is named.
#ifndef TERCET_VULKAN_H
#define TERCET_VULKAN_H

#include "tercet/driver.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// Where memory that CPU and GPU share may be.
typedef enum tercet_vulkan_memory {
  TERCET_VULKAN_MEMORY_END = 0, // no more choices
  // The device's, mapped and coherent; for the CPU's sake cached where possible.
  TERCET_VULKAN_MEMORY_COHERENT = 1,
  // The device's, mapped and cached, but to be flushed and invalidated.
  TERCET_VULKAN_MEMORY_CACHED = 2,
  // The process's, imported by VK_EXT_external_memory_host.
  TERCET_VULKAN_MEMORY_IMPORTED = 3,
  // The process's, with a copy for the device, copied for every submission.
  TERCET_VULKAN_MEMORY_COPIED = 4
} tercet_vulkan_memory;

// Zero-initialise, then set what is needed. Strings are copied.
typedef struct tercet_vulkan_options {
  // The loader; NULL: the environment's TERCET_VULKAN_LIBRARY, or libvulkan.so.1.
  const char *library;
  // The device: its index as in the loader's order, or a part of its name. NULL:
  // the environment's TERCET_VULKAN_DEVICE, or else a discrete GPU before an
  // integrated one before any other.
  const char *device;
  // In which order memory is tried, ended by TERCET_VULKAN_MEMORY_END; all 0: as
  // they are numbered.
  tercet_vulkan_memory memory[5];
  // Vulkan cannot stop what was submitted. After a timeout the driver waits so
  // long for the device to become idle, and again whenever it is opened anew;
  // 0: 2 s.
  uint64_t grace_ns;
  // Where compiled pipelines are kept from one process to the next. `read` is
  // called with data NULL for the number of bytes, then for the bytes; it returns
  // how many there are, 0 for none. `write` gets them when there are new ones.
  // What was read is checked, and left aside unless it is from the same device
  // and driver and whole. NULL: not kept.
  size_t (*cache_read)(void *user, void *data, size_t bytes);
  void (*cache_write)(void *user, const void *data, size_t bytes);
  void *cache_user;
  // Gets warnings and errors of validation layers, if any are loaded; nonzero
  // `validate` asks for VK_LAYER_KHRONOS_validation. Called from any thread.
  void (*message)(void *user, const char *text);
  void *message_user;
  int validate;
  // For tests: as if the device had no timeline semaphores, no calibrated
  // timestamps, or no import of host memory.
  int without_timeline, without_calibration, without_import;
} tercet_vulkan_options;

// Makes a driver, owned by the caller, who ends it with tercet_vulkan_destroy
// after tercet_drivers_detach. Loads nothing yet. `options` may be NULL.
// Errors: INVALID_ARGUMENT, SYSTEM_MEMORY, ENGINE_ABSENT (built without Vulkan's
// headers).
tercet_status tercet_vulkan_create(const tercet_vulkan_options *options, tercet_driver *driver);
void tercet_vulkan_destroy(tercet_driver *driver);

typedef enum tercet_vulkan_cache {
  TERCET_VULKAN_CACHE_NONE = 0,    // there was none, or no hook
  TERCET_VULKAN_CACHE_USED = 1,    //
  TERCET_VULKAN_CACHE_REFUSED = 2, // of another device or driver, or damaged
} tercet_vulkan_cache;

// Plain data. Zero before open.
typedef struct tercet_vulkan_info {
  char device[256];            // its name
  uint32_t api_version;        // as Vulkan counts
  uint64_t features;           // 1 << tercet_vulkan_feature
  tercet_vulkan_memory memory; // of the first shared memory
  tercet_vulkan_cache cache;   // at the last load
  int timeline;                // nonzero: timeline semaphores, else fences
  int calibrated;              // nonzero: VK_EXT_calibrated_timestamps
  uint64_t descriptor_updates; // calls of Vulkan that update, record, allocate:
  uint64_t recordings;         // none of them grows by resubmitting
  uint64_t allocations;
} tercet_vulkan_info;

// Errors: INVALID_ARGUMENT.
tercet_status tercet_vulkan_query(const tercet_driver *driver, tercet_vulkan_info *info);

#ifdef __cplusplus
}
#endif
#endif // TERCET_VULKAN_H
