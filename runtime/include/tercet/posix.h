// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What port/posix adds for Linux and other POSIX systems: a pool of persistent
// workers, threads for the queues of several engines, mapping of NAME.weights,
// page memory for arenas, and the choice of cores. Invariants: nothing here starts by itself; what
// start or map made, stop or unmap ends; the core never calls into this header.
#ifndef TERCET_POSIX_H
#define TERCET_POSIX_H

#include "tercet/queues.h"
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

// ---- Queues -----------------------------------------------------------------

// Threads for programs with several engines: one to walk each queue, and
// workers for each.
typedef struct tercet_queues tercet_queues;

typedef struct tercet_queues_options {
  // Queues, the one that the calling thread walks included, 1 to 64: as many
  // as tercet_queues_count says.
  uint32_t count;
  // Workers of each queue, the thread that walks it included; 0 counts as 1.
  // Read by start only. NULL: one for each queue.
  const uint32_t *workers;
  // How long an idle thread spins before it sleeps in the kernel; 0: 20 us, for
  // tokens 100 us if pinned, and 1 us when there are more threads than cores.
  uint32_t spin_ns;
  // Stack of the started threads; 0: 256 KiB. As for workers.
  uint64_t stack_bytes;
  // Cores are taken queue by queue, of those that the calling thread may run on, the fastest first,
  // one for each worker, from the beginning again when there are too few. Nonzero: tie every
  // started thread to its core. Otherwise the threads of a queue float, on a chip with cores of two
  // kinds over the queue's cores only.
  int pin;
} tercet_queues_options;

// Starts all threads but the caller's. *queues is owned by the caller, who ends
// it with tercet_queues_stop after the last context that it is attached to has
// been closed.
// Errors: INVALID_ARGUMENT, SYSTEM_MEMORY, THREAD_START.
tercet_status tercet_queues_start(const tercet_queues_options *options, tercet_queues **queues);

// Joins and frees. No run may be using them. NULL is allowed.
void tercet_queues_stop(tercet_queues *queues);

// What tercet_queues_attach takes; owned by `queues`. NULL for NULL. One run at
// a time may use it.
const tercet_queue_port *tercet_queues_port(const tercet_queues *queues);

// Puts the calling thread on the cores of the first queue, as `pin` says, for
// good. For a thread that does nothing but call tercet_entry_run; after all
// starts, which look at where their caller may run.
void tercet_queues_place_caller(const tercet_queues *queues);

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
