// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver's state, for the files that it is made of: driver.c opens, loads
// and closes, submit.c submits and waits.
#ifndef TERCET_DRIVERS_VULKAN_DRIVER_H
#define TERCET_DRIVERS_VULKAN_DRIVER_H

#include "clock.h"
#include "segment.h"

#define VULKAN_DEPTH 64u
#define VULKAN_NAME_BYTES 512u

// A segment that was submitted.
typedef struct vulkan_in_hand {
  vulkan_segment *segment;
  uint64_t ticket; // of its first step
  uint64_t value;  // of the timeline after its first batch
  uint64_t submitted_ns;
  uint32_t measured;
} vulkan_in_hand;

typedef struct vulkan_driver {
  tercet_vulkan_options options;
  char library[VULKAN_NAME_BYTES], device_name[VULKAN_NAME_BYTES];
  tercet_driver_setup setup;
  vulkan_instance instance;
  vulkan_device device;
  vulkan_device retired; // lost, but with mappings that the CPU uses
  vulkan_memories memories;
  vulkan_image image;
  vulkan_kernels kernels;
  VkSemaphore timeline;
  uint64_t value;   // that the last batch will signal
  uint64_t reached; // that is known to have been signalled
  vulkan_clock clock;
  vulkan_counts counts;
  vulkan_segment *segments;
  uint32_t segment_count;
  vulkan_segment singles[VULKAN_DEPTH]; // for submissions one by one
  vulkan_in_hand ring[VULKAN_DEPTH];
  uint32_t first, count; // of the ring
  uint32_t next_single;
  uint64_t tickets;
  int open, lost, stuck;
  tercet_vulkan_memory first_memory; // that is shared
} vulkan_driver;

static inline vulkan_world vulkan_world_of(vulkan_driver *self) {
  return (vulkan_world){&self->device, &self->memories, &self->kernels, self->timeline,
                        &self->counts};
}

static inline tercet_status vulkan_note(vulkan_driver *self, tercet_status status) {
  if (status == TERCET_ERROR_ENGINE_LOST)
    self->lost = 1;
  return status;
}

// Waits until nothing that was submitted runs; at most the grace.
VkResult vulkan_await_idle(vulkan_driver *self);

// Of the driver's table.
tercet_status vulkan_submit(void *self, const tercet_driver_submission *submission,
                            uint64_t *ticket, tercet_error *error);
tercet_status vulkan_resubmit(void *self, uint32_t segment, const int64_t *values, uint32_t measure,
                              uint64_t *ticket, tercet_error *error);
tercet_status vulkan_wait(void *self, uint64_t ticket, uint64_t timeout_ns,
                          tercet_driver_completion *completion, tercet_error *error);

#endif // TERCET_DRIVERS_VULKAN_DRIVER_H
