// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The device's ticks in nanoseconds of tercet_port_clock_read: a pair of
// readings taken at the same moment, by VK_EXT_calibrated_timestamps, or else as
// well as readings of the host's clock before and after a submission tell.
#ifndef TERCET_DRIVERS_VULKAN_CLOCK_H
#define TERCET_DRIVERS_VULKAN_CLOCK_H

#include "device.h"

typedef struct vulkan_clock {
  uint64_t tick, ns; // the same moment
  int set;
} vulkan_clock;

// Reads the pair again. Without calibration only if it has never been read: that
// takes submissions, with the device idle. Errors: ENGINE_LOST, ENGINE_MEMORY.
tercet_status vulkan_clock_adjust(const vulkan_device *device, vulkan_clock *clock,
                                  tercet_error *error);

uint64_t vulkan_clock_ns(const vulkan_device *device, const vulkan_clock *clock, uint64_t tick);

// Runs what `record` puts into a command buffer and waits for it, at most
// timeout_ns. Errors: ENGINE_LOST, ENGINE_TIMEOUT, ENGINE_MEMORY.
tercet_status vulkan_run_once(const vulkan_device *device,
                              void (*record)(void *user, const vulkan_device *device,
                                             VkCommandBuffer buffer),
                              void *user, uint64_t timeout_ns, tercet_error *error);

#endif // TERCET_DRIVERS_VULKAN_CLOCK_H
