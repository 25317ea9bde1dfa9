// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes one-line error texts without stdio. Every failing path of the core
// ends in tercet_error_set and at most a few appends. Invariant: the text is
// always NUL-terminated, and what does not fit is cut off.
#ifndef TERCET_CORE_MESSAGE_H
#define TERCET_CORE_MESSAGE_H

#include "tercet/runtime.h"

// Starts a new message: "<text>". Returns `status`, so that a caller can
// return it. `error` may be NULL in all of these.
tercet_status tercet_error_set(tercet_error *error, tercet_status status,
                               const char *text);
void tercet_error_append(tercet_error *error, const char *text);
void tercet_error_append_number(tercet_error *error, uint64_t value);
void tercet_error_append_signed(tercet_error *error, int64_t value);

// "CORRUPT: COMMANDS[12]: <text>"; index TERCET_NONE leaves the [..] out.
tercet_status tercet_error_corrupt(tercet_error *error, uint32_t record,
                                   uint32_t index, const char *text);

#endif // TERCET_CORE_MESSAGE_H
