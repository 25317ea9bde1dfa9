// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How drivers say what went wrong: fills a tercet_error as printf does, and
// returns its status.
#ifndef TERCET_DRIVERS_FAILURE_H
#define TERCET_DRIVERS_FAILURE_H

#include "tercet/runtime.h"
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 4))) static inline tercet_status
driver_fail(tercet_error *error, tercet_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  error->status = status;
  error->record = 0;
  error->index = TERCET_NONE;
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return status;
}

#endif // TERCET_DRIVERS_FAILURE_H
