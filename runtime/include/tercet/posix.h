// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What port/posix adds for Linux and other POSIX systems: a pool of persistent
// workers, mapping of NAME.weights, page memory for arenas, and the choice of
// performance cores. Invariants: nothing here starts by itself; what start or
// map made, stop or unmap ends; the core never calls into this header.
#ifndef TERCET_POSIX_H
#define TERCET_POSIX_H

#include "tercet/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- Workers ----------------------------------------------------------------

typedef struct tercet_workers tercet_workers;

typedef struct tercet_workers_options {
  // Workers, the calling thread (worker 0) included, 1 to 1024;
  // 0: tercet_cores_count().
  uint32_t count;
  // How long an idle thread spins before it sleeps in the kernel; 0: 20 us.
  uint32_t spin_ns;
  // Stack of the started threads; 0: 256 KiB. Give at least
  // tercet_context_stack_bytes + 32 KiB.
  uint64_t stack_bytes;
  // Nonzero: tie worker w > 0 to the w-th performance core. Otherwise workers
  // float over the performance cores of a chip that has two kinds.
  int pin;
} tercet_workers_options;

// Starts count - 1 threads. *workers is owned by the caller, who ends it with
// tercet_workers_stop. `options` may be NULL.
// Errors: INVALID_ARGUMENT, SYSTEM_MEMORY, THREAD_START.
tercet_status tercet_workers_start(const tercet_workers_options *options, tercet_workers **workers);

// Joins and frees. No run may be using them. NULL is allowed.
void tercet_workers_stop(tercet_workers *workers);

uint32_t tercet_workers_count(const tercet_workers *workers);

// A tercet_parallel_for_fn: options.parallel_for = tercet_workers_run,
// options.parallel_user = workers. One caller at a time. More workers than
// threads is allowed: the caller then runs the rest itself.
void tercet_workers_run(void *workers, uint32_t count, tercet_worker_fn body, void *argument);

// Number of cores to use by default: the cores of the highest capacity among
// those that this process may run on, one a physical core; at least 1.
uint32_t tercet_cores_count(void);

// ---- Memory -----------------------------------------------------------------

// Zeroed pages for pools, huge pages where the system gives them on request.
// Untouched when returned, so the first worker that writes a page places it.
// 4096-byte aligned; 2 MiB aligned from 2 MiB up. *memory is owned by the
// caller, who frees it with tercet_pages_unmap(memory, bytes).
// Errors: INVALID_ARGUMENT, SYSTEM_MEMORY.
tercet_status tercet_pages_map(uint64_t bytes, void **memory);
void tercet_pages_unmap(void *memory, uint64_t bytes);

// Lets each of the workers touch its contiguous share of the pages.
void tercet_pages_touch(tercet_workers *workers, void *memory, uint64_t bytes);

// Maps a file read-only and shared, so that all processes share one copy.
// data/bytes go into options.weights / weights_bytes as they are.
// Errors: FILE_OPEN, FILE_MAP (empty, or no address space), INVALID_ARGUMENT.
tercet_status tercet_weights_map(const char *path, const void **data, uint64_t *bytes);
void tercet_weights_unmap(const void *data, uint64_t bytes);

#ifdef __cplusplus
}
#endif
#endif // TERCET_POSIX_H
