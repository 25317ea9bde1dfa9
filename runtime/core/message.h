// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes one-line error texts without stdio. One function with fixed arguments
// instead of printf: call sites are many, and their size counts. Invariant:
// the text is always NUL-terminated, and what does not fit is cut off.
#ifndef TERCET_CORE_MESSAGE_H
#define TERCET_CORE_MESSAGE_H

#include "tercet/runtime.h"

// Keeps a function out of line where that makes the core smaller.
#define TERCET_NOINLINE __attribute__((noinline))

// Sets status and text and returns the status. In `text`, @a and @b stand for
// the strings, @x, @y and @z for the numbers. `error` may be NULL in all of
// these; record and index are left at "none".
tercet_status tercet_error_format(tercet_error *error, tercet_status status, const char *text,
                                  const char *a, const char *b, int64_t x, int64_t y, int64_t z);

tercet_status tercet_error_set(tercet_error *error, tercet_status status, const char *text);

void tercet_error_append(tercet_error *error, const char *text);

// "table: COMMANDS[12]: <text>" and TERCET_ERROR_CORRUPT; index TERCET_NONE
// leaves the [..] out.
tercet_status tercet_error_corrupt(tercet_error *error, uint32_t record, uint32_t index,
                                   const char *text);

// Checks memory that the application hands in for `kind` ("pool") `name`:
// TERCET_ERROR_OUT_OF_MEMORY, TERCET_ERROR_MISALIGNED, or TERCET_OK.
tercet_status tercet_error_check_memory(tercet_error *error, const char *kind, const char *name,
                                        const void *memory, uint64_t bytes, uint64_t bytes_needed,
                                        uint32_t alignment);

// The upper-case name of a record kind.
const char *tercet_record_name(uint32_t kind);

#endif // TERCET_CORE_MESSAGE_H
