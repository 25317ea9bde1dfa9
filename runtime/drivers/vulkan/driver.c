// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver: a device, its memories, the kernels of an image, segments, and a
// ring of what has been submitted. Invariants: of what is in the ring nothing is
// changed; after a failure that is a loss or a timeout the ring is empty. A lost
// device is replaced by the next load; one that is still running what took too
// long is not touched, nor is its memory freed.
#include "library.h"
#include "tercet/vulkan.h"
#include <stdlib.h>
#include <string.h>

#if TERCET_HAVE_VULKAN
#include "../failure.h"
#include "driver.h"

#define DEFAULT_GRACE_NS UINT64_C(2000000000)

// ---- Opening and memory -----------------------------------------------------

static tercet_status driver_open(void *user, const tercet_driver_setup *setup,
                                 tercet_error *error) {
  vulkan_driver *self = (vulkan_driver *)user;
  self->setup = *setup;
  if (setup->image_format != TERCET_IMAGE_SPIRV)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "engine '%s' has no SPIR-V image",
                       setup->engine);
  const char *library = getenv("TERCET_VULKAN_LIBRARY"), *device = getenv("TERCET_VULKAN_DEVICE");
  self->options.library = self->library[0]      ? self->library
                          : library && *library ? library
                                                : "libvulkan.so.1";
  self->options.device = self->device_name[0] ? self->device_name
                         : device && *device  ? device
                                              : NULL;
  tercet_status status = vulkan_instance_open(&self->options, &self->instance, error);
  if (status)
    return status;
  status = vulkan_device_open(&self->instance, &self->options, &self->device, error);
  if (status)
    vulkan_instance_close(&self->instance);
  self->open = !status;
  return status;
}

static void record_zeros(void *user, const vulkan_device *device, VkCommandBuffer buffer) {
  device->f.CmdFillBuffer(buffer, *(VkBuffer *)user, 0, VK_WHOLE_SIZE, 0);
}

static tercet_status driver_alloc(void *user, tercet_memory_kind kind, uint64_t bytes,
                                  uint32_t alignment, tercet_driver_memory *memory,
                                  tercet_error *error) {
  vulkan_driver *self = (vulkan_driver *)user;
  tercet_status status = vulkan_memory_alloc(&self->memories, &self->device, self->options.memory,
                                             kind, bytes, alignment, memory, error);
  if (status)
    return status;
  vulkan_memory *made = &self->memories.all[memory->id];
  if (kind == TERCET_MEMORY_LOCAL) {
    status = vulkan_run_once(&self->device, record_zeros, &made->buffer, self->options.grace_ns * 5,
                             error);
    if (status) {
      vulkan_memory_free(&self->memories, &self->device, memory->id);
      return error->status = TERCET_ERROR_ENGINE_MEMORY;
    }
  } else if (self->first_memory == TERCET_VULKAN_MEMORY_END) {
    self->first_memory = (tercet_vulkan_memory)made->mode;
  }
  return TERCET_OK;
}

static void driver_free(void *user, uint32_t memory) {
  vulkan_driver *self = (vulkan_driver *)user;
  if (!self->stuck)
    vulkan_memory_free(&self->memories, &self->device, memory);
}

static tercet_status driver_import(void *user, void *address, uint64_t bytes, uint32_t access,
                                   tercet_driver_memory *memory, tercet_error *error) {
  vulkan_driver *self = (vulkan_driver *)user;
  tercet_status status =
      vulkan_memory_import(&self->memories, &self->device, address, bytes, access, memory, error);
  if (!status && access & TERCET_ACCESS_WRITE && self->first_memory == TERCET_VULKAN_MEMORY_END)
    self->first_memory = (tercet_vulkan_memory)self->memories.all[memory->id].mode;
  return status;
}

static tercet_status driver_sync(void *user, uint32_t memory, uint64_t offset, uint64_t bytes,
                                 tercet_sync_direction direction, tercet_error *error) {
  vulkan_driver *self = (vulkan_driver *)user;
  return vulkan_note(self, vulkan_memory_sync(&self->memories, &self->device, memory, offset, bytes,
                                              direction, self->count != 0, error));
}

// ---- Loading ----------------------------------------------------------------

// Forgets all that depends on the image.
static void unload(vulkan_driver *self) {
  const vulkan_device *device = &self->device;
  for (uint32_t s = 0; s < self->segment_count; ++s)
    vulkan_segment_clear(&self->segments[s], device);
  free(self->segments);
  self->segments = NULL;
  self->segment_count = 0;
  for (uint32_t s = 0; s < VULKAN_DEPTH; ++s)
    vulkan_segment_clear(&self->singles[s], device);
  vulkan_kernels_clear(device, &self->kernels);
  if (self->timeline)
    device->f.DestroySemaphore(device->handle, self->timeline, NULL);
  self->timeline = VK_NULL_HANDLE;
  self->count = self->first = 0;
}

static tercet_status replace_device(vulkan_driver *self, tercet_error *error) {
  vulkan_device next;
  tercet_status status = vulkan_device_open(&self->instance, &self->options, &next, error);
  if (status)
    return status;
  vulkan_memory_leave(&self->memories, &self->device);
  // The first device's mappings are what the CPU uses; later ones have none.
  if (!self->retired.handle) {
    self->retired = self->device;
    self->memories.retired = &self->retired;
  } else {
    vulkan_device_close(&self->device);
  }
  self->device = next;
  self->clock.set = 0;
  return vulkan_memory_enter(&self->memories, &self->device, error);
}

static tercet_status make_timeline(vulkan_driver *self, tercet_error *error) {
  VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                    .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  self->value = self->reached = 0;
  if (!self->device.timeline)
    return TERCET_OK;
  VkResult result =
      self->device.f.CreateSemaphore(self->device.handle, &info, NULL, &self->timeline);
  return result ? vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkCreateSemaphore", result)
                : TERCET_OK;
}

static tercet_status driver_load(void *user, tercet_error *error) {
  vulkan_driver *self = (vulkan_driver *)user;
  if (self->stuck) {
    VkResult result = vulkan_await_idle(self);
    if (result == VK_TIMEOUT)
      return driver_fail(error, TERCET_ERROR_ENGINE_TIMEOUT,
                         "the GPU still runs what took too long, and Vulkan cannot stop it");
    self->lost |= result != VK_SUCCESS;
    self->stuck = 0;
  }
  self->device.f.DeviceWaitIdle(self->device.handle);
  unload(self);
  tercet_status status = TERCET_OK;
  if (self->lost)
    status = replace_device(self, error);
  self->lost = status != TERCET_OK;
  if (!status)
    status = vulkan_image_check(self->setup.image, self->setup.image_bytes,
                                self->setup.kernel_count, &self->image, error);
  if (!status)
    status = make_timeline(self, error);
  if (!status)
    status =
        vulkan_kernels_make(&self->device, &self->image, &self->options, &self->kernels, error);
  if (!status)
    status = vulkan_clock_adjust(&self->device, &self->clock, error);
  return vulkan_note(self, status);
}

static tercet_status driver_record(void *user, const tercet_driver_place *place,
                                   const tercet_driver_submission *submission,
                                   const uint32_t *scalar_refs, tercet_error *error) {
  vulkan_driver *self = (vulkan_driver *)user;
  vulkan_world world = vulkan_world_of(self);
  tercet_status status = TERCET_OK;
  if (place->index == 0) {
    vulkan_segment *all =
        (vulkan_segment *)realloc(self->segments, (self->segment_count + 1u) * sizeof *all);
    if (!all)
      return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "out of memory");
    self->segments = all;
    memset(&all[self->segment_count], 0, sizeof *all);
    status = vulkan_segment_begin(&all[self->segment_count++], place->count, error);
  }
  vulkan_segment *segment = &self->segments[self->segment_count - 1];
  if (!status)
    status = vulkan_segment_note(segment, &world, submission, scalar_refs, place->awaited, error);
  if (!status && place->index + 1 == place->count)
    status = vulkan_segment_record(segment, &world, error);
  return vulkan_note(self, status);
}

// ---- The end ----------------------------------------------------------------

static void driver_close(void *user) {
  vulkan_driver *self = (vulkan_driver *)user;
  if (!self->open)
    return;
  self->open = 0;
  if (self->stuck && vulkan_await_idle(self) == VK_TIMEOUT) {
    // What still runs writes into its memory: all of it is left to the process.
    self->instance = (vulkan_instance){0};
    self->memories = (vulkan_memories){0};
    self->segments = NULL;
    self->segment_count = 0;
    memset(self->singles, 0, sizeof self->singles);
  } else {
    self->device.f.DeviceWaitIdle(self->device.handle);
    unload(self);
    // Mappings of a retired device are no longer in use either.
    vulkan_memory_clear(&self->memories, &self->device);
    self->memories.retired = NULL;
    vulkan_device_close(&self->device);
    vulkan_device_close(&self->retired);
    vulkan_instance_close(&self->instance);
  }
  self->device = (vulkan_device){0};
  self->lost = self->stuck = 0;
  self->clock.set = 0;
  self->first_memory = TERCET_VULKAN_MEMORY_END;
}

static const tercet_driver_table table = {.version = TERCET_DRIVER_VERSION,
                                          .open = driver_open,
                                          .alloc = driver_alloc,
                                          .free = driver_free,
                                          .load = driver_load,
                                          .sync = driver_sync,
                                          .submit = vulkan_submit,
                                          .wait = vulkan_wait,
                                          .close = driver_close,
                                          .record = driver_record,
                                          .resubmit = vulkan_resubmit,
                                          .import = driver_import};

static int keep(char *kept, const char *text) {
  return !text || snprintf(kept, VULKAN_NAME_BYTES, "%s", text) < (int)VULKAN_NAME_BYTES;
}

tercet_status tercet_vulkan_create(const tercet_vulkan_options *options, tercet_driver *driver) {
  if (!driver)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *driver = (tercet_driver){NULL, NULL};
  vulkan_driver *self = (vulkan_driver *)calloc(1, sizeof *self);
  if (!self)
    return TERCET_ERROR_SYSTEM_MEMORY;
  if (options)
    self->options = *options;
  if (!keep(self->library, self->options.library) ||
      !keep(self->device_name, self->options.device) || self->options.memory[4]) {
    free(self);
    return TERCET_ERROR_INVALID_ARGUMENT;
  }
  if (!self->options.grace_ns)
    self->options.grace_ns = DEFAULT_GRACE_NS;
  *driver = (tercet_driver){&table, self};
  return TERCET_OK;
}

void tercet_vulkan_destroy(tercet_driver *driver) {
  if (!driver || !driver->self)
    return;
  driver_close(driver->self);
  free(driver->self);
  *driver = (tercet_driver){NULL, NULL};
}

tercet_status tercet_vulkan_query(const tercet_driver *driver, tercet_vulkan_info *info) {
  if (!driver || !driver->self || !info)
    return TERCET_ERROR_INVALID_ARGUMENT;
  const vulkan_driver *self = (const vulkan_driver *)driver->self;
  *info =
      (tercet_vulkan_info){.api_version = self->device.properties.apiVersion,
                           .features = self->device.features,
                           .memory = self->first_memory,
                           .cache = self->kernels.cache,
                           .timeline = self->device.timeline,
                           .calibrated = self->device.calibrated,
                           .descriptor_updates = self->counts.descriptor_updates,
                           .recordings = self->counts.recordings,
                           .allocations = self->counts.allocations + self->memories.allocations};
  memcpy(info->device, self->device.properties.deviceName, sizeof info->device);
  return TERCET_OK;
}

#else // without Vulkan's headers

tercet_status tercet_vulkan_create(const tercet_vulkan_options *options, tercet_driver *driver) {
  (void)options;
  if (driver)
    *driver = (tercet_driver){NULL, NULL};
  return TERCET_ERROR_ENGINE_ABSENT;
}

void tercet_vulkan_destroy(tercet_driver *driver) { (void)driver; }

tercet_status tercet_vulkan_query(const tercet_driver *driver, tercet_vulkan_info *info) {
  (void)driver, (void)info;
  return TERCET_ERROR_INVALID_ARGUMENT;
}

#endif
