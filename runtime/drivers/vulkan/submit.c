// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Hands segments over and waits for their submissions, in their order. A wait
// that does not succeed ends everything that is in hand; what Vulkan cannot stop
// is waited for a while, and said to be running still if it is.
#include "library.h"

#if TERCET_HAVE_VULKAN
#include "../failure.h"
#include "driver.h"
#include "tercet/port.h"
#include <string.h>

// ---- Submitting -------------------------------------------------------------

static tercet_status fail_lost(tercet_error *error) {
  return driver_fail(error, TERCET_ERROR_ENGINE_LOST, "the device was lost");
}

// Hands the segment's batches over; its control blocks have been written.
static tercet_status hand_over(vulkan_driver *self, vulkan_segment *segment, uint32_t measured,
                               uint64_t *ticket, tercet_error *error) {
  const vulkan_device_functions *f = &self->device.f;
  uint32_t batches = segment->batch_count;
  VkSubmitInfo *submits = segment->submits + (measured ? batches : 0);
  vulkan_in_hand *hand = &self->ring[(self->first + self->count) % VULKAN_DEPTH];
  *hand = (vulkan_in_hand){.segment = segment,
                           .ticket = self->tickets + 1,
                           .value = self->value + 1,
                           .submitted_ns = measured ? tercet_port_clock_read() : 0,
                           .measured = measured && segment->queries};
  VkResult result = VK_SUCCESS;
  if (self->timeline) {
    for (uint32_t b = 0; b < batches; ++b) {
      segment->values[b] = self->value + 1 + b;
      submits[b].pNext = &segment->timelines[b];
      submits[b].signalSemaphoreCount = 1;
      submits[b].pSignalSemaphores = &self->timeline;
    }
    result = f->QueueSubmit(self->device.queue, batches, submits, VK_NULL_HANDLE);
  } else {
    result = f->ResetFences(self->device.handle, batches, segment->fences);
    for (uint32_t b = 0; b < batches && !result; ++b)
      result = f->QueueSubmit(self->device.queue, 1, &submits[b], segment->fences[b]);
  }
  if (result) {
    // What was taken before the failure runs no more than the rest of it.
    self->lost = 1;
    self->count = self->first = 0;
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_LOST, "vkQueueSubmit", result);
  }
  self->value += batches;
  *ticket = hand->ticket;
  self->tickets += segment->noted;
  ++self->count;
  return TERCET_OK;
}

tercet_status vulkan_resubmit(void *user, uint32_t index, const int64_t *values, uint32_t measure,
                              uint64_t *ticket, tercet_error *error) {
  vulkan_driver *self = (vulkan_driver *)user;
  if (self->lost || self->stuck)
    return fail_lost(error);
  if (self->count == VULKAN_DEPTH)
    return driver_fail(error, TERCET_ERROR_ENGINE_FULL, "the ring is full");
  vulkan_segment *segment = &self->segments[index];
  for (uint32_t s = 0; s < segment->noted; ++s) {
    const vulkan_step *step = &segment->steps[s];
    tercet_vulkan_control *control = vulkan_segment_control(segment, &self->kernels, s);
    if (!control)
      continue;
    control->fault = 0;
    for (uint32_t i = 0; i < step->scalar_count; ++i)
      control->scalars[i] = values[step->scalar_refs[i]];
  }
  return hand_over(self, segment, measure, ticket, error);
}

tercet_status vulkan_submit(void *user, const tercet_driver_submission *submission,
                            uint64_t *ticket, tercet_error *error) {
  vulkan_driver *self = (vulkan_driver *)user;
  if (self->lost || self->stuck)
    return fail_lost(error);
  if (self->count == VULKAN_DEPTH)
    return driver_fail(error, TERCET_ERROR_ENGINE_FULL, "the ring is full");
  vulkan_world world = vulkan_world_of(self);
  // No more are in hand than there are of these, each for its turn.
  vulkan_segment *segment = &self->singles[self->next_single];
  tercet_status status = TERCET_OK;
  if (!segment->steps)
    status = vulkan_segment_begin(segment, 1, error);
  if (!status) {
    vulkan_segment_again(segment);
    status = vulkan_segment_note(segment, &world, submission, NULL, 1, error);
  }
  if (!status)
    status = vulkan_segment_record(segment, &world, error);
  if (status)
    return vulkan_note(self, status);
  self->next_single = (self->next_single + 1) % VULKAN_DEPTH;
  tercet_vulkan_control *control = vulkan_segment_control(segment, &self->kernels, 0);
  if (control) {
    control->fault = 0;
    memcpy(control->scalars, submission->scalars,
           submission->scalar_count * sizeof *submission->scalars);
  }
  return hand_over(self, segment, 1, ticket, error);
}

// ---- Waiting ----------------------------------------------------------------

VkResult vulkan_await_idle(vulkan_driver *self) {
  const vulkan_device_functions *f = &self->device.f;
  if (!self->timeline) {
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; i < self->count && !result; ++i) {
      const vulkan_in_hand *hand = &self->ring[(self->first + i) % VULKAN_DEPTH];
      result = f->WaitForFences(self->device.handle, hand->segment->batch_count,
                                hand->segment->fences, VK_TRUE, self->options.grace_ns);
    }
    return result;
  }
  VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                              .semaphoreCount = 1,
                              .pSemaphores = &self->timeline,
                              .pValues = &self->value};
  return f->WaitSemaphores(self->device.handle, &info, self->options.grace_ns);
}

// Ends everything after a wait that did not succeed.
static tercet_status give_up(vulkan_driver *self, VkResult result, uint64_t timeout_ns,
                             tercet_error *error) {
  if (result != VK_TIMEOUT) {
    self->lost = 1;
    self->count = self->first = 0;
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_LOST, "waiting for a submission", result);
  }
  result = vulkan_await_idle(self);
  self->stuck = result == VK_TIMEOUT;
  self->lost = result && result != VK_TIMEOUT;
  if (!self->stuck)
    self->count = self->first = 0;
  return driver_fail(error, TERCET_ERROR_ENGINE_TIMEOUT,
                     "no answer to a submission within %llu ms; the GPU %s",
                     (unsigned long long)timeout_ns / 1000000,
                     self->stuck ? "still runs it, and Vulkan cannot stop it" : "has ended it");
}

static VkResult await_batch(vulkan_driver *self, const vulkan_in_hand *hand, uint32_t batch,
                            uint64_t timeout_ns) {
  const vulkan_device_functions *f = &self->device.f;
  uint64_t value = hand->value + batch;
  if (value <= self->reached)
    return VK_SUCCESS;
  VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                              .semaphoreCount = 1,
                              .pSemaphores = &self->timeline,
                              .pValues = &value};
  VkResult result = self->timeline
                        ? f->WaitSemaphores(self->device.handle, &info, timeout_ns)
                        : f->WaitForFences(self->device.handle, 1, &hand->segment->fences[batch],
                                           VK_TRUE, timeout_ns);
  if (!result)
    self->reached = value;
  return result;
}

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most) {
  return value < least ? least : value > most ? most : value;
}

static tercet_status read_times(vulkan_driver *self, const vulkan_in_hand *hand, uint32_t step,
                                tercet_driver_completion *completion, tercet_error *error) {
  const vulkan_device *device = &self->device;
  uint64_t ticks[2];
  uint32_t query = step + hand->segment->steps[step].batch;
  VkResult result = device->f.GetQueryPoolResults(
      device->handle, hand->segment->queries, query, 2, sizeof ticks, ticks, sizeof *ticks,
      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_LOST, "vkGetQueryPoolResults", result);
  if (step == 0) { // clocks drift
    tercet_status status = vulkan_clock_adjust(device, &self->clock, error);
    if (status)
      return status;
  }
  uint64_t now = tercet_port_clock_read();
  completion->start =
      clamp(vulkan_clock_ns(device, &self->clock, ticks[0]), hand->submitted_ns, now);
  completion->end = clamp(vulkan_clock_ns(device, &self->clock, ticks[1]), completion->start, now);
  return TERCET_OK;
}

tercet_status vulkan_wait(void *user, uint64_t ticket, uint64_t timeout_ns,
                          tercet_driver_completion *completion, tercet_error *error) {
  vulkan_driver *self = (vulkan_driver *)user;
  if (self->lost || self->stuck || !self->count)
    return fail_lost(error);
  const vulkan_in_hand *hand = &self->ring[self->first];
  vulkan_segment *segment = hand->segment;
  uint32_t step = (uint32_t)(ticket - hand->ticket);
  VkResult result = await_batch(self, hand, segment->steps[step].batch, timeout_ns);
  if (result)
    return give_up(self, result, timeout_ns, error);
  tercet_status status = TERCET_OK;
  *completion = (tercet_driver_completion){0};
  if (hand->measured)
    status = read_times(self, hand, step, completion, error);
  const tercet_vulkan_control *control = vulkan_segment_control(segment, &self->kernels, step);
  if (control)
    completion->fault = control->fault;
  if (step + 1 == segment->noted) {
    self->first = (self->first + 1) % VULKAN_DEPTH;
    --self->count;
  }
  return vulkan_note(self, status);
}

#endif // TERCET_HAVE_VULKAN
