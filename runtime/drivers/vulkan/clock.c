// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calibration, and submissions that are made once and waited for. Of several
// brackets the narrowest counts; the device's reading is taken for its end, for
// the host hears of it last.
#include "clock.h"

#if TERCET_HAVE_VULKAN
#include "../failure.h"
#include "tercet/port.h"
#include <string.h>

#define BRACKETS 5
#define PATIENCE_NS UINT64_C(5000000000)

tercet_status vulkan_run_once(const vulkan_device *device,
                              void (*record)(void *user, const vulkan_device *device,
                                             VkCommandBuffer buffer),
                              void *user, uint64_t timeout_ns, tercet_error *error) {
  const vulkan_device_functions *f = &device->f;
  VkCommandBufferAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                          .commandPool = device->commands,
                                          .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                          .commandBufferCount = 1};
  VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                    .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  VkCommandBuffer buffer = VK_NULL_HANDLE;
  VkFence fence = VK_NULL_HANDLE;
  const char *call = "vkAllocateCommandBuffers";
  VkResult result = f->AllocateCommandBuffers(device->handle, &allocate, &buffer);
  if (!result) {
    call = "vkCreateFence";
    result = f->CreateFence(device->handle, &fence_info, NULL, &fence);
  }
  if (!result) {
    call = "vkBeginCommandBuffer";
    result = f->BeginCommandBuffer(buffer, &begin);
  }
  if (!result) {
    call = "vkEndCommandBuffer";
    record(user, device, buffer);
    result = f->EndCommandBuffer(buffer);
  }
  VkSubmitInfo submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &buffer};
  if (!result) {
    call = "vkQueueSubmit";
    result = f->QueueSubmit(device->queue, 1, &submit, fence);
  }
  int submitted = !result;
  if (submitted) {
    call = "vkWaitForFences";
    result = f->WaitForFences(device->handle, 1, &fence, VK_TRUE, timeout_ns);
  }
  tercet_status status = TERCET_OK;
  if (result == VK_TIMEOUT)
    status = driver_fail(error, TERCET_ERROR_ENGINE_TIMEOUT, "the GPU does not answer");
  else if (result)
    status = vulkan_fail_result(error, TERCET_ERROR_ENGINE_LOST, call, result);
  // What may still be in use is left to the command pool's and device's end.
  if (submitted && result == VK_TIMEOUT)
    return status;
  if (fence)
    f->DestroyFence(device->handle, fence, NULL);
  if (buffer)
    f->FreeCommandBuffers(device->handle, device->commands, 1, &buffer);
  return status;
}

static void record_timestamp(void *user, const vulkan_device *device, VkCommandBuffer buffer) {
  VkQueryPool pool = *(VkQueryPool *)user;
  device->f.CmdResetQueryPool(buffer, pool, 0, 1);
  device->f.CmdWriteTimestamp(buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, 0);
}

static tercet_status bracket(const vulkan_device *device, vulkan_clock *clock,
                             tercet_error *error) {
  VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                .queryCount = 1};
  VkQueryPool pool;
  VkResult result = device->f.CreateQueryPool(device->handle, &info, NULL, &pool);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_MEMORY, "vkCreateQueryPool", result);
  tercet_status status = TERCET_OK;
  uint64_t narrowest = UINT64_MAX;
  for (int i = 0; i < BRACKETS && !status; ++i) {
    uint64_t tick = 0, before = tercet_port_clock_read();
    status = vulkan_run_once(device, record_timestamp, &pool, PATIENCE_NS, error);
    uint64_t after = tercet_port_clock_read();
    if (status || after - before >= narrowest ||
        device->f.GetQueryPoolResults(device->handle, pool, 0, 1, sizeof tick, &tick, sizeof tick,
                                      VK_QUERY_RESULT_64_BIT))
      continue;
    narrowest = after - before;
    *clock = (vulkan_clock){tick, after, 1};
  }
  if (status != TERCET_ERROR_ENGINE_TIMEOUT)
    device->f.DestroyQueryPool(device->handle, pool, NULL);
  return status;
}

tercet_status vulkan_clock_adjust(const vulkan_device *device, vulkan_clock *clock,
                                  tercet_error *error) {
  if (!device->timestamp_mask)
    return TERCET_OK;
  if (device->calibrated) {
    VkCalibratedTimestampInfoEXT domains[2] = {
        {.sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT,
         .timeDomain = VK_TIME_DOMAIN_DEVICE_EXT},
        {.sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT,
         .timeDomain = VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT}};
    uint64_t values[2], deviation;
    VkResult result =
        device->f.GetCalibratedTimestampsEXT(device->handle, 2, domains, values, &deviation);
    if (result)
      return vulkan_fail_result(error, TERCET_ERROR_ENGINE_LOST, "vkGetCalibratedTimestamps",
                                result);
    *clock = (vulkan_clock){values[0], values[1], 1};
    return TERCET_OK;
  }
  return clock->set ? TERCET_OK : bracket(device, clock, error);
}

uint64_t vulkan_clock_ns(const vulkan_device *device, const vulkan_clock *clock, uint64_t tick) {
  uint64_t mask = device->timestamp_mask;
  uint64_t ahead = (tick - clock->tick) & mask;
  double period = (double)device->properties.limits.timestampPeriod;
  if (ahead <= mask / 2)
    return clock->ns + (uint64_t)((double)ahead * period);
  return clock->ns - (uint64_t)((double)((clock->tick - tick) & mask) * period);
}

#endif // TERCET_HAVE_VULKAN
