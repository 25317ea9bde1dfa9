// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A segment: submissions that are recorded once, as one command buffer for each
// stretch that something else waits for the end of (a *batch*), with the
// descriptors, the control blocks and, in a second set of buffers, the
// timestamps. Invariants: submitting it again writes control blocks and nothing
// else; between two submissions there is a barrier exactly where one touches
// what the other writes.
#ifndef TERCET_DRIVERS_VULKAN_SEGMENT_H
#define TERCET_DRIVERS_VULKAN_SEGMENT_H

#include "kernels.h"
#include "memory.h"

typedef struct vulkan_step {
  uint32_t kernel; // or TERCET_DRIVER_COPY
  uint32_t grid[3];
  uint32_t first_operand, operand_count;
  uint32_t scalar_count;
  const uint32_t *scalar_refs; // NULL: of a single submission
  uint32_t batch;
  uint32_t control; // offset of its block
  uint32_t awaited;
  uint64_t copy_bytes;
  VkDescriptorSet set;
} vulkan_step;

// How often something was done that resubmitting never does.
typedef struct vulkan_counts {
  uint64_t descriptor_updates, recordings, allocations;
} vulkan_counts;

typedef struct vulkan_segment {
  vulkan_step *steps;
  tercet_driver_operand *operands;
  uint32_t count, noted; // steps
  uint32_t operand_count, operand_capacity;
  uint32_t batch_count;
  uint32_t most_descriptors; // that the pool has
  VkDescriptorPool pool;
  vulkan_memory control;
  uint64_t control_bytes;
  VkQueryPool queries;
  // Of each batch; the second half of `buffers` measures.
  VkCommandBuffer *buffers;
  VkFence *fences; // without timeline semaphores
  uint64_t *values;
  VkSubmitInfo *submits;
  VkTimelineSemaphoreSubmitInfo *timelines;
} vulkan_segment;

// What a segment is made for.
typedef struct vulkan_world {
  const vulkan_device *device;
  const vulkan_memories *memories;
  const vulkan_kernels *kernels;
  VkSemaphore timeline; // or VK_NULL_HANDLE
  vulkan_counts *counts;
} vulkan_world;

// An empty segment of `count` submissions. Errors: ENGINE_MEMORY.
tercet_status vulkan_segment_begin(vulkan_segment *segment, uint32_t count, tercet_error *error);

// Adds a submission; what the image says of its kernel must fit. Errors:
// ENGINE_IMAGE, ENGINE_MEMORY.
tercet_status vulkan_segment_note(vulkan_segment *segment, const vulkan_world *world,
                                  const tercet_driver_submission *submission,
                                  const uint32_t *scalar_refs, uint32_t awaited,
                                  tercet_error *error);

// Records all that was noted. May be called again after `vulkan_segment_again`.
// Errors: ENGINE_MEMORY, ENGINE_LOST.
tercet_status vulkan_segment_record(vulkan_segment *segment, const vulkan_world *world,
                                    tercet_error *error);

// Forgets what was noted and keeps what it has for as many submissions.
void vulkan_segment_again(vulkan_segment *segment);

// Without a device: what belongs to one has gone with it.
void vulkan_segment_clear(vulkan_segment *segment, const vulkan_device *device);

// The control block of a step; NULL: its kernel has none.
tercet_vulkan_control *vulkan_segment_control(const vulkan_segment *segment,
                                              const vulkan_kernels *kernels, uint32_t step);

#endif // TERCET_DRIVERS_VULKAN_SEGMENT_H
