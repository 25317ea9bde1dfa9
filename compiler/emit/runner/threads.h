// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The threads of a run: workers for a program with one engine, and for one with
// several a queue with workers for each. Errors are reported on standard error;
// nonzero is returned.
#ifndef TERCET_RUNNER_THREADS_H
#define TERCET_RUNNER_THREADS_H

#include "tercet/posix.h"

typedef struct thread_options {
  uint32_t threads; // most workers of an engine; 0: what the machine has
  int sequential;   // the command list in order, whatever engines there are
  int pin;          // tie the workers of a program with one engine to cores
} thread_options;

typedef struct thread_plan {
  uint32_t queues;              // walked concurrently; 1: the list in order
  uint32_t workers;             // of all queues
  uint32_t of_queue[64];        // of each
  const tercet_queues *started; // NULL: no queues
} thread_plan;

// Starts threads for a context that has been opened with as many workers as
// were asked for. Queues are attached to it; workers are put into *options,
// with which the context is then to be opened again.
int threads_start(tercet_context *context, const thread_options *wanted, tercet_options *options,
                  thread_plan *plan);

// Ties the calling thread to its core, where queues were started. After all else
// that starts threads or processes, which would be tied with it.
void threads_place_caller(const thread_plan *plan);

#endif // TERCET_RUNNER_THREADS_H
