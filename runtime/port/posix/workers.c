// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Persistent workers. A dispatch costs one store to each worker's mailbox and
// one shared counter on the way back; idle threads spin for some microseconds,
// because the next command usually follows at once, and then sleep, because a
// spinning thread that shares its core with another starves both.
// Invariants: job fields are written only while no worker is pending; each
// mailbox belongs to one thread, so workers that take no part in a job never
// look at it.
#define _POSIX_C_SOURCE 200809L

#include "workers.h"
#include "wait.h"
#include <stdatomic.h>
#include <stdlib.h>

#define MAX_WORKERS 1024
#define DEFAULT_SPIN_NS 20000
#define DEFAULT_STACK_BYTES (256u * 1024)

typedef struct worker_thread {
  _Alignas(64) tercet_wait_word go; // number of the last job posted
  struct tercet_workers *pool;
  pthread_t thread;
  uint32_t index;
} worker_thread;

struct tercet_workers {
  // The job.
  tercet_worker_fn body;
  void *argument;
  int stopping;
  uint32_t count;
  uint32_t started;
  uint32_t spin_ns;
  uint32_t jobs;
  _Alignas(64) tercet_wait_word done; // number of the last job completed
  _Alignas(64) _Atomic uint32_t pending;
  worker_thread threads[]; // threads[w - 1] is worker w
};

static void *run_thread(void *argument) {
  worker_thread *self = (worker_thread *)argument;
  struct tercet_workers *pool = self->pool;
  for (uint32_t seen = 0;;) {
    seen = tercet_wait_change(&self->go, seen, pool->spin_ns);
    if (pool->stopping)
      return NULL;
    pool->body(pool->argument, self->index);
    if (atomic_fetch_sub_explicit(&pool->pending, 1, memory_order_acq_rel) == 1)
      tercet_wait_post(&pool->done, seen);
  }
}

// Sets up the next job for `helpers` threads.
static void prepare(struct tercet_workers *pool, uint32_t helpers, tercet_worker_fn body,
                    void *argument) {
  pool->body = body;
  pool->argument = argument;
  ++pool->jobs;
  atomic_store_explicit(&pool->pending, helpers, memory_order_relaxed);
}

static void start_worker(struct tercet_workers *pool, uint32_t worker) {
  tercet_wait_post(&pool->threads[worker - 1].go, pool->jobs);
}

static void finish(struct tercet_workers *pool) {
  tercet_wait_value(&pool->done, pool->jobs, pool->spin_ns);
}

void tercet_workers_run(void *workers, uint32_t count, tercet_worker_fn body, void *argument) {
  struct tercet_workers *pool = (struct tercet_workers *)workers;
  uint32_t helpers = count ? count - 1 : 0;
  if (helpers > pool->started)
    helpers = pool->started;
  if (helpers) {
    prepare(pool, helpers, body, argument);
    for (uint32_t w = 1; w <= helpers; ++w)
      start_worker(pool, w);
  }
  if (count)
    body(argument, 0);
  for (uint32_t w = helpers + 1; w < count; ++w)
    body(argument, w);
  if (helpers)
    finish(pool);
}

void tercet_workers_run_some(tercet_workers *pool, uint64_t mask, tercet_worker_fn body,
                             void *argument) {
  uint64_t others = mask & (mask - 1);
  uint32_t helpers = 0;
  for (uint64_t left = others; left; left &= left - 1)
    ++helpers;
  if (helpers)
    prepare(pool, helpers, body, argument);
  for (uint64_t left = others; left; left &= left - 1)
    start_worker(pool, (uint32_t)__builtin_ctzll(left));
  if (mask)
    body(argument, (uint32_t)__builtin_ctzll(mask));
  if (helpers)
    finish(pool);
}

tercet_status tercet_workers_start(const tercet_workers_options *options,
                                   tercet_workers **workers) {
  tercet_status status = tercet_workers_create(options, workers);
  for (uint32_t i = 0; !status && i < (*workers)->started; ++i)
    tercet_cores_place((*workers)->threads[i].thread, i + 1, options && options->pin);
  return status;
}

void tercet_workers_tie(tercet_workers *workers, uint32_t worker, const uint32_t *cpus,
                        uint32_t count) {
  tercet_cores_tie(workers->threads[worker - 1].thread, cpus, count);
}

tercet_status tercet_workers_create(const tercet_workers_options *options,
                                    tercet_workers **workers) {
  if (!workers)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *workers = NULL;
  uint32_t count = options ? options->count : 0;
  if (!count)
    count = tercet_cores_count();
  if (count > MAX_WORKERS)
    return TERCET_ERROR_INVALID_ARGUMENT;
  size_t bytes = sizeof(tercet_workers) + (count - 1) * sizeof(worker_thread);
  void *memory = NULL;
  if (posix_memalign(&memory, 64, (bytes + 63) & ~(size_t)63))
    return TERCET_ERROR_SYSTEM_MEMORY;
  tercet_workers *pool = (tercet_workers *)memory;
  pool->body = NULL;
  pool->argument = NULL;
  pool->stopping = 0;
  pool->count = count;
  pool->started = 0;
  pool->jobs = 0;
  pool->spin_ns = options && options->spin_ns ? options->spin_ns : DEFAULT_SPIN_NS;
  atomic_init(&pool->pending, 0);
  tercet_wait_init(&pool->done);

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  int failed = pthread_attr_setstacksize(&attributes, options && options->stack_bytes
                                                          ? ((size_t)options->stack_bytes + 65535) &
                                                                ~(size_t)65535
                                                          : DEFAULT_STACK_BYTES);
  for (uint32_t w = 1; w < count && !failed; ++w) {
    worker_thread *thread = &pool->threads[w - 1];
    tercet_wait_init(&thread->go);
    thread->pool = pool;
    thread->index = w;
    failed = pthread_create(&thread->thread, &attributes, run_thread, thread);
    if (failed)
      break;
    ++pool->started;
  }
  pthread_attr_destroy(&attributes);
  if (failed) {
    tercet_workers_stop(pool);
    return TERCET_ERROR_THREAD_START;
  }
  *workers = pool;
  return TERCET_OK;
}

void tercet_workers_stop(tercet_workers *workers) {
  if (!workers)
    return;
  workers->stopping = 1;
  ++workers->jobs;
  for (uint32_t i = 0; i < workers->started; ++i)
    tercet_wait_post(&workers->threads[i].go, workers->jobs);
  for (uint32_t i = 0; i < workers->started; ++i) {
    pthread_join(workers->threads[i].thread, NULL);
    tercet_wait_end(&workers->threads[i].go);
  }
  tercet_wait_end(&workers->done);
  free(workers);
}

uint32_t tercet_workers_count(const tercet_workers *workers) {
  return workers ? workers->count : 0;
}
