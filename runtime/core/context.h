// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The context: a validated view of the table, and the addresses and values
// that change between runs, all in one block of the caller's memory. Also the
// seam at which runtime/queues walks an entry in another way than the core.
// Invariant: buffers[b] is pool base + offset once the pool is bound (IO: once
// the tensor is), else NULL; nothing of it changes while `running` is set but
// lanes.
#ifndef TERCET_CORE_CONTEXT_H
#define TERCET_CORE_CONTEXT_H

#include "message.h"
#include "table.h"
#include <stdatomic.h>

// What runs one command at a time: workers, and the arguments of the command
// that they run. Walks that go on concurrently have a lane each.
typedef struct tercet_lane {
  tercet_parallel_for_fn parallel_for;
  void *parallel_user;
  int64_t *scalar_args;
  void **operands;
  uint32_t workers;
  // Nonzero: commands of several engines end in the order of the list here.
  uint32_t shared;
  _Atomic uint32_t fault;
  // Told of every SUBMIT of the lane that has ended; of the walk that is on.
  void (*end)(void *end_user, uint32_t index, tercet_status status);
  void *end_user;
} tercet_lane;

// Runs the commands of an entry that exists and is bound, in an order that the
// tokens allow.
typedef tercet_status (*tercet_walk_fn)(tercet_context *context, uint32_t entry);

// How SUBMIT commands are run: by runtime/drivers, when it is attached. A walk
// starts commands of an engine in their order, and later finishes them in the
// same order; lane->end is told of each that has ended. Different engines may be
// used concurrently.
typedef struct tercet_submitter {
  tercet_walk_fn walk; // in list order
  // Hands the command to its engine's driver, which may run it from now on;
  // finishes others for that where it must, and it too if there is an observer.
  void (*start)(tercet_context *context, tercet_lane *lane, uint32_t entry, uint32_t index);
  // Waits for the oldest command that was started on the engine, with its
  // profile sample and its observer; 0 if there is none.
  int (*finish)(tercet_context *context, tercet_lane *lane, uint32_t entry, uint32_t engine);
  // Adds what the engine's driver says to the context's error.
  void (*explain)(tercet_context *context, uint32_t engine);
} tercet_submitter;

struct tercet_context {
  tercet_table table;
  const tercet_program *program;
  tercet_lane lane;    // of the walk in list order
  tercet_walk_fn walk; // NULL: in list order
  void *walk_user;
  const tercet_submitter *submitter; // NULL: no drivers
  void *submitter_user;
  tercet_observer_fn observer;
  void *observer_user;
  tercet_profile_sample *samples;
  tercet_clock_fn clock;
  void *clock_user;
  uint64_t pools_needed; // bit p: pool p is ARENA or STATE
  uint64_t pools_bound;
  int64_t *scalars;      // one per SCALARS element
  unsigned char **pools; // base addresses
  unsigned char **buffers;
  uint32_t sample_capacity; // 0 without samples
  uint32_t running;
  tercet_error error;
};

// The entry, or NULL if there is none or no context.
const tercet_entry_record *tercet_entry_at(const tercet_context *context, uint32_t entry);

// For calls that change the context: INVALID_ARGUMENT for NULL, BUSY in a run.
tercet_status tercet_context_enter(tercet_context *context);

// Runs command `index` of the entry in the lane, with its profile sample and
// its observer; tokens are the caller's business. A failure leaves the fault's
// number in the lane and no text. run.c.
tercet_status tercet_command_run(tercet_context *context, tercet_lane *lane, uint32_t entry,
                                 uint32_t index);

// Writes the context's error for a command that failed with that status and
// that fault number; returns the status. run.c.
tercet_status tercet_command_fail(tercet_context *context, uint32_t entry, uint32_t index,
                                  tercet_status status, uint32_t fault);

_Static_assert(TERCET_ERROR_INDEX_OUT_OF_RANGE + 1 == TERCET_ERROR_DIVISION_BY_ZERO &&
                   TERCET_ERROR_DIVISION_BY_ZERO + 1 == TERCET_ERROR_KERNEL_FAULT &&
                   TERCET_FAULT_INDEX_OUT_OF_RANGE == 1 && TERCET_FAULT_DIVISION_BY_ZERO == 2,
               "faults and their statuses are in the same order");
// The status of a command whose kernel reported that fault, which is not 0.
static inline tercet_status tercet_fault_status(uint32_t fault) {
  return (tercet_status)(TERCET_ERROR_INDEX_OUT_OF_RANGE - 1 + (fault < 3 ? fault : 3));
}

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
