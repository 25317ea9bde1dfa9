// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Notes submissions and checks them against the image, finds the hazards between
// them, and records command buffers. A buffer begins with a barrier against all
// that was submitted before and ends with one for the CPU.
#include "segment.h"

#if TERCET_HAVE_VULKAN
#include "../failure.h"
#include <stdlib.h>
#include <string.h>

#define STAGES (VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT)
#define WRITES (VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT)
#define READS (VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT)

static uint64_t round_up(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

static tercet_status no_memory(tercet_error *error) {
  return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "out of memory");
}

// ---- Noting -----------------------------------------------------------------

tercet_status vulkan_segment_begin(vulkan_segment *segment, uint32_t count, tercet_error *error) {
  memset(segment, 0, sizeof *segment);
  segment->count = count;
  segment->steps = (vulkan_step *)calloc(count, sizeof *segment->steps);
  return segment->steps ? TERCET_OK : no_memory(error);
}

void vulkan_segment_again(vulkan_segment *segment) {
  segment->noted = 0;
  segment->operand_count = 0;
}

// An operand as the device sees it.
typedef struct range {
  VkBuffer buffer;
  uint64_t first;  // aligned down
  uint64_t before; // bytes between that and the operand
  uint64_t bytes;  // from `first`
} range;

static range range_of(const vulkan_world *world, const tercet_driver_operand *operand) {
  const vulkan_memory *memory = &world->memories->all[operand->memory];
  uint64_t unit = world->device->properties.limits.minStorageBufferOffsetAlignment;
  range r = {.buffer = memory->buffer};
  uint64_t begin = memory->base + operand->offset;
  r.first = begin / unit * unit;
  r.before = begin - r.first;
  // Whole vectors, which kernels read; the buffer has the room.
  r.bytes = round_up(r.before + (operand->bytes ? operand->bytes : 1), 16);
  if (r.bytes > memory->buffer_bytes - r.first)
    r.bytes = memory->buffer_bytes - r.first;
  return r;
}

static tercet_status check_operands(const vulkan_world *world, const vulkan_kernel *kernel,
                                    const tercet_driver_submission *submission,
                                    tercet_error *error) {
  for (uint32_t i = 0; i < submission->operand_count; ++i) {
    const tercet_driver_operand *operand = &submission->operands[i];
    const char *wrong = NULL;
    range r = range_of(world, operand);
    uint32_t limit = world->device->properties.limits.maxStorageBufferRange;
    if (kernel->operands[i].access & ~operand->access)
      wrong = "is accessed in a way that the program's table does not declare";
    else if ((r.first + r.before) % kernel->operands[i].alignment)
      wrong = "is less aligned than the image says";
    if (wrong)
      return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "kernel '%.60s': operand %u %s",
                         kernel->name, i, wrong);
    if (r.bytes > limit)
      return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                         "kernel '%.60s': operand %u has %llu bytes, maxStorageBufferRange is %u",
                         kernel->name, i, (unsigned long long)operand->bytes, limit);
  }
  return TERCET_OK;
}

static tercet_status check(const vulkan_world *world, const tercet_driver_submission *submission,
                           tercet_error *error) {
  if (submission->kernel == TERCET_DRIVER_COPY)
    return TERCET_OK;
  const vulkan_kernel *kernel = &world->kernels->all[submission->kernel];
  if (kernel->operand_count != submission->operand_count ||
      kernel->scalar_count != submission->scalar_count)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "kernel '%.40s' has %u operands and %u scalars in the image, %u and %u in "
                       "the program's table",
                       kernel->name, kernel->operand_count, kernel->scalar_count,
                       submission->operand_count, submission->scalar_count);
  for (int i = 0; i < 3; ++i)
    if (submission->grid[i] > world->device->properties.limits.maxComputeWorkGroupCount[i])
      return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                         "kernel '%.40s' has a grid of %u, maxComputeWorkGroupCount[%d] is %u",
                         kernel->name, submission->grid[i], i,
                         world->device->properties.limits.maxComputeWorkGroupCount[i]);
  return check_operands(world, kernel, submission, error);
}

tercet_status vulkan_segment_note(vulkan_segment *segment, const vulkan_world *world,
                                  const tercet_driver_submission *submission,
                                  const uint32_t *scalar_refs, uint32_t awaited,
                                  tercet_error *error) {
  tercet_status status = check(world, submission, error);
  if (status)
    return status;
  uint32_t needed = segment->operand_count + submission->operand_count;
  if (needed > segment->operand_capacity) {
    uint32_t capacity = needed * 2 + 16;
    tercet_driver_operand *grown =
        (tercet_driver_operand *)realloc(segment->operands, capacity * sizeof *segment->operands);
    if (!grown)
      return no_memory(error);
    segment->operands = grown;
    segment->operand_capacity = capacity;
  }
  vulkan_step *step = &segment->steps[segment->noted++];
  VkDescriptorSet set = step->set; // of a segment that is recorded again
  *step = (vulkan_step){.kernel = submission->kernel,
                        .first_operand = segment->operand_count,
                        .operand_count = submission->operand_count,
                        .scalar_count = submission->scalar_count,
                        .scalar_refs = scalar_refs,
                        .awaited = awaited,
                        .set = set};
  memcpy(step->grid, submission->grid, sizeof step->grid);
  if (submission->kernel == TERCET_DRIVER_COPY)
    step->copy_bytes = (uint64_t)submission->scalars[0];
  if (submission->operand_count)
    memcpy(segment->operands + segment->operand_count, submission->operands,
           submission->operand_count * sizeof *segment->operands);
  segment->operand_count = needed;
  return TERCET_OK;
}

// ---- What a segment has -----------------------------------------------------

static const vulkan_kernel *kernel_of(const vulkan_world *world, const vulkan_step *step) {
  return step->kernel == TERCET_DRIVER_COPY ? NULL : &world->kernels->all[step->kernel];
}

// Gives every step its batch and its control block; how much is needed of all.
static void lay_out(vulkan_segment *segment, const vulkan_world *world, uint32_t *descriptors,
                    uint64_t *control_bytes) {
  uint64_t unit = world->device->properties.limits.minStorageBufferOffsetAlignment;
  segment->batch_count = 1;
  *descriptors = 0;
  *control_bytes = 0;
  for (uint32_t s = 0; s < segment->noted; ++s) {
    vulkan_step *step = &segment->steps[s];
    const vulkan_kernel *kernel = kernel_of(world, step);
    step->batch = segment->batch_count - 1;
    if (step->awaited && s + 1 < segment->noted)
      ++segment->batch_count;
    if (!kernel)
      continue;
    *descriptors += kernel->operand_count + kernel->control;
    if (!kernel->control)
      continue;
    step->control = (uint32_t)*control_bytes;
    *control_bytes += round_up(8 + 8 * (uint64_t)step->scalar_count, unit < 16 ? 16 : unit);
  }
}

static tercet_status make_pool(vulkan_segment *segment, const vulkan_world *world,
                               uint32_t descriptors, tercet_error *error) {
  const vulkan_device *device = world->device;
  if (segment->pool && descriptors <= segment->most_descriptors) {
    device->f.ResetDescriptorPool(device->handle, segment->pool, 0);
    return TERCET_OK;
  }
  if (segment->pool)
    device->f.DestroyDescriptorPool(device->handle, segment->pool, NULL);
  segment->pool = VK_NULL_HANDLE;
  segment->most_descriptors = descriptors ? descriptors : 1;
  VkDescriptorPoolSize size = {.type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                               .descriptorCount = segment->most_descriptors};
  VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                     .maxSets = segment->count,
                                     .poolSizeCount = 1,
                                     .pPoolSizes = &size};
  ++world->counts->allocations;
  VkResult result = device->f.CreateDescriptorPool(device->handle, &info, NULL, &segment->pool);
  return result ? vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkCreateDescriptorPool",
                                     result)
                : TERCET_OK;
}

static tercet_status make_control(vulkan_segment *segment, const vulkan_world *world,
                                  uint64_t bytes, tercet_error *error) {
  if (bytes <= segment->control_bytes)
    return TERCET_OK;
  vulkan_memory_release(world->device, &segment->control);
  segment->control_bytes = 0;
  ++world->counts->allocations;
  tercet_status status = vulkan_memory_mapped(world->device, bytes, &segment->control, error);
  if (!status)
    segment->control_bytes = bytes;
  return status;
}

static tercet_status make_batches(vulkan_segment *segment, const vulkan_world *world,
                                  tercet_error *error) {
  if (segment->buffers) // those of a segment of one submission fit again
    return TERCET_OK;
  const vulkan_device *device = world->device;
  uint32_t count = segment->batch_count;
  segment->buffers = (VkCommandBuffer *)calloc(2u * count, sizeof *segment->buffers);
  segment->fences = (VkFence *)calloc(count, sizeof *segment->fences);
  segment->values = (uint64_t *)calloc(count, sizeof *segment->values);
  segment->submits = (VkSubmitInfo *)calloc(2u * count, sizeof *segment->submits);
  segment->timelines = (VkTimelineSemaphoreSubmitInfo *)calloc(count, sizeof *segment->timelines);
  if (!segment->buffers || !segment->fences || !segment->values || !segment->submits ||
      !segment->timelines)
    return no_memory(error);
  VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                      .commandPool = device->commands,
                                      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                      .commandBufferCount = 2 * count};
  ++world->counts->allocations;
  VkResult result = device->f.AllocateCommandBuffers(device->handle, &info, segment->buffers);
  if (result) {
    memset(segment->buffers, 0, 2u * count * sizeof *segment->buffers);
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkAllocateCommandBuffers",
                              result);
  }
  VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  for (uint32_t b = 0; b < count && !world->timeline && !result; ++b)
    result = device->f.CreateFence(device->handle, &fence, NULL, &segment->fences[b]);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkCreateFence", result);
  VkQueryPoolCreateInfo queries = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                   .queryCount = segment->count + count};
  if (device->timestamp_mask)
    result = device->f.CreateQueryPool(device->handle, &queries, NULL, &segment->queries);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkCreateQueryPool", result);
  for (uint32_t b = 0; b < 2 * count; ++b) {
    uint32_t batch = b % count;
    segment->timelines[batch] =
        (VkTimelineSemaphoreSubmitInfo){.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                        .signalSemaphoreValueCount = 1,
                                        .pSignalSemaphoreValues = &segment->values[batch]};
    segment->submits[b] = (VkSubmitInfo){.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                         .commandBufferCount = 1,
                                         .pCommandBuffers = &segment->buffers[b]};
  }
  return TERCET_OK;
}

// ---- Recording --------------------------------------------------------------

static tercet_status write_descriptors(vulkan_segment *segment, const vulkan_world *world,
                                       vulkan_step *step, tercet_error *error) {
  const vulkan_device *device = world->device;
  const vulkan_kernel *kernel = kernel_of(world, step);
  VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                      .descriptorPool = segment->pool,
                                      .descriptorSetCount = 1,
                                      .pSetLayouts = &kernel->bindings};
  VkResult result = device->f.AllocateDescriptorSets(device->handle, &info, &step->set);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkAllocateDescriptorSets",
                              result);
  VkDescriptorBufferInfo buffers[TERCET_VULKAN_OPERANDS_MAX + 1];
  VkWriteDescriptorSet writes[TERCET_VULKAN_OPERANDS_MAX + 1];
  uint32_t count = kernel->operand_count + kernel->control;
  for (uint32_t i = 0; i < count; ++i) {
    if (i < kernel->operand_count) {
      range r = range_of(world, &segment->operands[step->first_operand + i]);
      buffers[i] = (VkDescriptorBufferInfo){r.buffer, r.first, r.bytes};
    } else {
      buffers[i] =
          (VkDescriptorBufferInfo){segment->control.buffer, segment->control.base + step->control,
                                   8 + 8 * (uint64_t)step->scalar_count};
    }
    writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                       .dstSet = step->set,
                                       .dstBinding = i,
                                       .descriptorCount = 1,
                                       .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                       .pBufferInfo = &buffers[i]};
  }
  ++world->counts->descriptor_updates;
  device->f.UpdateDescriptorSets(device->handle, count, writes, 0, NULL);
  return TERCET_OK;
}

// Whether a step touches what one of the steps from `since` on writes, or writes
// what one of them touches.
static int has_hazard(const vulkan_segment *segment, uint32_t since, uint32_t index) {
  const vulkan_step *step = &segment->steps[index];
  const tercet_driver_operand *before = segment->operands + segment->steps[since].first_operand;
  const tercet_driver_operand *own = segment->operands + step->first_operand;
  for (uint32_t i = 0; i < step->operand_count; ++i)
    for (const tercet_driver_operand *other = before; other < own; ++other)
      if (own[i].memory == other->memory && (own[i].access | other->access) & TERCET_ACCESS_WRITE &&
          own[i].offset < other->offset + other->bytes &&
          other->offset < own[i].offset + own[i].bytes)
        return 1;
  return 0;
}

static void barrier(const vulkan_device *device, VkCommandBuffer buffer, int for_host) {
  VkMemoryBarrier memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                            .srcAccessMask = WRITES,
                            .dstAccessMask =
                                for_host ? VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT
                                         : READS | WRITES};
  device->f.CmdPipelineBarrier(buffer, STAGES,
                               for_host ? (VkPipelineStageFlags)VK_PIPELINE_STAGE_HOST_BIT : STAGES,
                               0, 1, &memory, 0, NULL, 0, NULL);
}

static void record_step(const vulkan_segment *segment, const vulkan_world *world,
                        const vulkan_step *step, VkCommandBuffer buffer) {
  const vulkan_device *device = world->device;
  const vulkan_kernel *kernel = kernel_of(world, step);
  const tercet_driver_operand *operands = segment->operands + step->first_operand;
  if (!kernel) {
    const vulkan_memory *from = &world->memories->all[operands[0].memory];
    const vulkan_memory *to = &world->memories->all[operands[1].memory];
    VkBufferCopy copy = {from->base + operands[0].offset, to->base + operands[1].offset,
                         step->copy_bytes};
    device->f.CmdCopyBuffer(buffer, from->buffer, to->buffer, 1, &copy);
    return;
  }
  uint32_t before[TERCET_VULKAN_OPERANDS_MAX];
  for (uint32_t i = 0; i < kernel->operand_count; ++i)
    before[i] = (uint32_t)range_of(world, &operands[i]).before;
  device->f.CmdBindPipeline(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
  device->f.CmdBindDescriptorSets(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->layout, 0, 1,
                                  &step->set, 0, NULL);
  if (kernel->operand_count)
    device->f.CmdPushConstants(buffer, kernel->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                               kernel->operand_count * 4, before);
  device->f.CmdDispatch(buffer, step->grid[0], step->grid[1], step->grid[2]);
}

static tercet_status record_batch(const vulkan_segment *segment, const vulkan_world *world,
                                  uint32_t batch, int measured, tercet_error *error) {
  const vulkan_device *device = world->device;
  VkCommandBuffer buffer = segment->buffers[batch + (measured ? segment->batch_count : 0)];
  uint32_t first = 0;
  while (segment->steps[first].batch != batch)
    ++first;
  uint32_t end = first;
  while (end < segment->noted && segment->steps[end].batch == batch)
    ++end;
  VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  ++world->counts->recordings;
  VkResult result = device->f.BeginCommandBuffer(buffer, &begin);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkBeginCommandBuffer", result);
  int timed = measured && segment->queries;
  uint32_t query = first + batch;
  if (timed)
    device->f.CmdResetQueryPool(buffer, segment->queries, query, end - first + 1);
  barrier(device, buffer, 0);
  if (timed)
    device->f.CmdWriteTimestamp(buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, segment->queries,
                                query++);
  uint32_t since = first;
  for (uint32_t s = first; s < end; ++s) {
    if (s > since && has_hazard(segment, since, s)) {
      barrier(device, buffer, 0);
      since = s;
    }
    record_step(segment, world, &segment->steps[s], buffer);
    if (timed)
      device->f.CmdWriteTimestamp(buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, segment->queries,
                                  query++);
  }
  barrier(device, buffer, 1);
  result = device->f.EndCommandBuffer(buffer);
  return result
             ? vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkEndCommandBuffer", result)
             : TERCET_OK;
}

tercet_status vulkan_segment_record(vulkan_segment *segment, const vulkan_world *world,
                                    tercet_error *error) {
  uint32_t descriptors;
  uint64_t control_bytes;
  lay_out(segment, world, &descriptors, &control_bytes);
  tercet_status status = make_pool(segment, world, descriptors, error);
  if (!status)
    status = make_control(segment, world, control_bytes, error);
  if (!status)
    status = make_batches(segment, world, error);
  for (uint32_t s = 0; s < segment->noted && !status; ++s)
    if (kernel_of(world, &segment->steps[s]))
      status = write_descriptors(segment, world, &segment->steps[s], error);
  for (uint32_t b = 0; b < segment->batch_count && !status; ++b) {
    status = record_batch(segment, world, b, 0, error);
    if (!status)
      status = record_batch(segment, world, b, 1, error);
  }
  return status;
}

void vulkan_segment_clear(vulkan_segment *segment, const vulkan_device *device) {
  if (device) {
    vulkan_memory_release(device, &segment->control);
    if (segment->pool)
      device->f.DestroyDescriptorPool(device->handle, segment->pool, NULL);
    if (segment->queries)
      device->f.DestroyQueryPool(device->handle, segment->queries, NULL);
    if (segment->buffers && segment->buffers[0])
      device->f.FreeCommandBuffers(device->handle, device->commands, 2 * segment->batch_count,
                                   segment->buffers);
    for (uint32_t b = 0; segment->fences && b < segment->batch_count; ++b)
      if (segment->fences[b])
        device->f.DestroyFence(device->handle, segment->fences[b], NULL);
  }
  free(segment->steps);
  free(segment->operands);
  free(segment->buffers);
  free(segment->fences);
  free(segment->values);
  free(segment->submits);
  free(segment->timelines);
  memset(segment, 0, sizeof *segment);
}

tercet_vulkan_control *vulkan_segment_control(const vulkan_segment *segment,
                                              const vulkan_kernels *kernels, uint32_t step) {
  const vulkan_step *s = &segment->steps[step];
  if (s->kernel == TERCET_DRIVER_COPY || !kernels->all[s->kernel].control)
    return NULL;
  return (tercet_vulkan_control *)(void *)(segment->control.mapped + s->control);
}

#endif // TERCET_HAVE_VULKAN
