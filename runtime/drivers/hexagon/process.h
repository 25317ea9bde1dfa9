// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A child process and the thread that started it, waits for its end and keeps
// what it says on standard error. Linux. Invariants: the process ends with the
// application, however that ends; its id is used only while it is not reaped;
// after hexagon_process_end nothing of it is left.
#ifndef TERCET_DRIVERS_HEXAGON_PROCESS_H
#define TERCET_DRIVERS_HEXAGON_PROCESS_H

#include "tercet/runtime.h"

typedef struct hexagon_process hexagon_process;

typedef struct hexagon_process_options {
  const char *program; // a path, or a name that PATH finds
  const char *argument;
  // What the child gets as descriptors 3 and 4; it has no others of the
  // application's.
  int descriptors[2];
  // Where it may run (a cpu_set_t), whatever thread starts it. NULL: as that.
  const void *cores;
  size_t cores_bytes;
  // Called on the supervising thread when the process has ended.
  void (*ended)(void *user);
  void *user;
} hexagon_process_options;

// Errors: ENGINE_ABSENT (not found, or cannot be executed), SYSTEM_MEMORY,
// THREAD_START.
tercet_status hexagon_process_start(const hexagon_process_options *options,
                                    hexagon_process **process, tercet_error *error);

// Nonzero once it has ended.
int hexagon_process_has_ended(const hexagon_process *process);

// How it ended, and its last words, in text[0, bytes).
void hexagon_process_describe(hexagon_process *process, char *text, size_t bytes);

int hexagon_process_id(const hexagon_process *process);

// Kills it if need be, and frees. NULL is allowed.
void hexagon_process_end(hexagon_process *process);

#endif // TERCET_DRIVERS_HEXAGON_PROCESS_H
