// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets the engines of a program really run at the same time: each engine's
// queue is walked by a thread of its own, with workers of its own, and tokens
// are waited for and signalled (abi.h, before tercet_command_record). Optional:
// without it a run walks the command list in order, with the same results.
// Like the core this allocates nothing and starts no threads; a port lends
// them (port/posix: tercet_queues_start). Invariant: a context that has queues
// attached is used as any other one.
//
// Order of use: tercet_context_open, tercet_queues_bytes, tercet_queues_attach;
// then everything as in runtime.h.
#ifndef TERCET_QUEUES_H
#define TERCET_QUEUES_H

#include "tercet/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- What a port lends ------------------------------------------------------

typedef struct tercet_queue {
  // Workers of this queue; worker 0 is the thread that walks it. 0 means 1. A
  // run uses no more than the engine asks for (tercet_engine_info.workers).
  uint32_t workers;
  // As in tercet_options. Queues call theirs concurrently. NULL:
  // tercet_port_parallel_for.
  tercet_parallel_for_fn parallel_for;
  void *parallel_user;
} tercet_queue;

typedef struct tercet_queue_port {
  // Queues that can be walked at once, 1 to 64. A program with more engines
  // has the last ones share a queue.
  uint32_t count;
  // How long a thread spins for a token before it calls `wait`. Measured with
  // tercet_port_clock_read; estimated where that reads 0.
  uint32_t spin_ns;
  const tercet_queue *queues; // `count` elements
  // Calls body(argument, q) exactly once for every bit q of `mask`, the lowest
  // on the calling thread, each other one on a thread of its own, and returns
  // when all have returned. All of them must make progress at the same time:
  // one may wait for another. Memory is visible as for tercet_parallel_for_fn.
  void (*run)(void *user, uint64_t mask, tercet_worker_fn body, void *argument);
  // Sleeps while the atomic *word is `value`; may return at any time. `wake`
  // wakes all threads that sleep on that word. Both NULL: threads spin.
  void (*wait)(void *user, const uint32_t *word, uint32_t value);
  void (*wake)(void *user, const uint32_t *word);
  void *user;
} tercet_queue_port;

// ---- Attaching --------------------------------------------------------------

// Memory that tercet_queues_attach needs for this context.
// Errors: INVALID_ARGUMENT.
tercet_status tercet_queues_bytes(const tercet_context *context, uint64_t *bytes);

// The same at compile time: an upper bound. max_operands and max_scalars are
// the greatest of any one command; tokens are those of all entries together.
#define TERCET_QUEUES_BYTES(engines, entries, tokens, max_operands, max_scalars)                   \
  (512u + 8u * (size_t)(entries) + (size_t)(tokens) +                                              \
   (size_t)(engines) * (320u + 8u * ((size_t)(max_operands) + (size_t)(max_scalars))))

// From now on runs of this context walk the queues concurrently. `memory`, of
// at least tercet_queues_bytes bytes at 64-byte alignment, and `port` with all
// that it names are borrowed until the context is closed or others are
// attached; several contexts may share a port, one run at a time. `port` NULL:
// back to the list order.
//
// What then differs from runtime.h: the calling thread walks the entry's first
// queue; tercet_options.workers and parallel_for are not used; a clock given to
// tercet_profile_set is called by several threads at once; the observer is
// called on the thread that ran the command, one call at a time, and the
// command's tokens are signalled after it has returned. After a failure or a
// stop the queues finish the commands that they are in and start no others; the
// error names the first in list order of the commands that failed.
// Errors: BUSY, INVALID_ARGUMENT, OUT_OF_MEMORY, MISALIGNED.
tercet_status tercet_queues_attach(tercet_context *context, void *memory, uint64_t bytes,
                                   const tercet_queue_port *port);

// ---- Engines ----------------------------------------------------------------

typedef struct tercet_engine_info {
  const char *name; // static, in the table
  tercet_engine_kind kind;
  uint32_t workers; // most workers that a command of it can use; at least 1
  uint32_t queue;   // its queue; TERCET_NONE: no entry has commands for it
  tercet_isa isa;
  tercet_image_format image_format;
} tercet_engine_info;

// Number of engines; 0 for a NULL context.
uint32_t tercet_engine_count(const tercet_context *context);

// Errors: INVALID_ARGUMENT.
tercet_status tercet_engine_query(const tercet_context *context, uint32_t engine,
                                  tercet_engine_info *info);

// Number of engines that have commands, in any entry: the queues that a port
// should have. 0 for a NULL context.
uint32_t tercet_queues_count(const tercet_context *context);

#ifdef __cplusplus
}
#endif
#endif // TERCET_QUEUES_H
