// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fills a tercet_error as printf does, and returns its status; and says of a
// VkResult which status it is. What the device has lost it is asked for no more.
#ifndef TERCET_DRIVERS_VULKAN_FAILURE_H
#define TERCET_DRIVERS_VULKAN_FAILURE_H

#include "tercet/runtime.h"
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 4))) static inline tercet_status
vulkan_fail(tercet_error *error, tercet_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  error->status = status;
  error->record = 0;
  error->index = TERCET_NONE;
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return status;
}

// For a call that did not return VK_SUCCESS: LOST, MEMORY, or `otherwise`.
tercet_status vulkan_fail_result(tercet_error *error, tercet_status otherwise, const char *call,
                                 int result);

#endif // TERCET_DRIVERS_VULKAN_FAILURE_H
