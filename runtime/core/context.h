// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The context: a validated view of the table, and the addresses and values
// that change between runs, all in one block of the caller's memory.
// Invariant: buffers[b] is pool base + offset once the pool is bound (IO: once
// the tensor is), else NULL; nothing of it changes while `running` is set.
#ifndef TERCET_CORE_CONTEXT_H
#define TERCET_CORE_CONTEXT_H

#include "message.h"
#include "table.h"
#include <stdatomic.h>

struct tercet_context {
  tercet_table table;
  const tercet_program *program;
  tercet_parallel_for_fn parallel_for;
  void *parallel_user;
  tercet_observer_fn observer;
  void *observer_user;
  tercet_profile_sample *samples;
  tercet_clock_fn clock;
  void *clock_user;
  uint64_t pools_needed; // bit p: pool p is ARENA or STATE
  uint64_t pools_bound;
  int64_t *scalars;      // one per SCALARS element
  int64_t *scalar_args;  // of the running command
  unsigned char **pools; // base addresses
  unsigned char **buffers;
  void **operands; // of the running command
  uint32_t sample_capacity;
  uint32_t workers;
  uint32_t running;
  _Atomic uint32_t fault;
  tercet_error error;
};

// The entry, or NULL if there is none or no context.
const tercet_entry_record *tercet_entry_at(const tercet_context *context, uint32_t entry);

// For calls that change the context: INVALID_ARGUMENT for NULL, BUSY in a run.
tercet_status tercet_context_enter(tercet_context *context);

// Copies one contiguous or strided COPY. run.c calls it; copy.c.
void tercet_copy_run(const tercet_copy_record *copy, uint64_t bytes, const unsigned char *source,
                     unsigned char *destination);

// strcmp() == 0, without a C library.
static inline int tercet_name_equal(const char *a, const char *b) {
  while (*a && *a == *b)
    ++a, ++b;
  return *a == *b;
}

#endif // TERCET_CORE_CONTEXT_H
