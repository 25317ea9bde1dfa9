// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads for the queues of a program: a pool of workers whose thread q walks
// queue q, and for each queue with more than one worker a pool of its own, of
// which the walking thread is worker 0. Waits end in the kernel after some
// spinning. Invariant: pools share nothing, so queues never wait for each
// other's workers.
#define _POSIX_C_SOURCE 200809L

#include "wait.h"
#include "workers.h"
#include <stdlib.h>

#define MAX_QUEUES 64
#define MAX_CPUS 1024
// With a core of its own a thread may spin longer than it takes to wake one.
// Floating threads may share a core, where each spins in the other's way until
// one sleeps and is woken on another.
#define PINNED_SPIN_NS 100000
#define FLOATING_SPIN_NS 20000
#define CROWDED_SPIN_NS 1000

struct tercet_queues {
  tercet_queue_port port;
  tercet_queue queues[MAX_QUEUES];
  tercet_workers *walkers;             // thread q walks queue q
  tercet_workers *helpers[MAX_QUEUES]; // NULL: one worker
  uint32_t cpus[MAX_CPUS];
  uint32_t cpu_count;
  int pin;
  int confined; // queues keep to their cores although nothing is pinned
};

static void run(void *user, uint64_t mask, tercet_worker_fn body, void *argument) {
  tercet_workers_run_some(((struct tercet_queues *)user)->walkers, mask, body, argument);
}

static void wait(void *user, const uint32_t *word, uint32_t value) {
  (void)user;
  tercet_wait_sleep(word, value);
}

static void wake(void *user, const uint32_t *word) {
  (void)user;
  tercet_wait_wake(word);
}

// The cores of a queue: its workers' share of the order, which starts again
// where it ends.
static uint32_t cores_of(const struct tercet_queues *queues, uint32_t queue, uint32_t *cpus) {
  uint32_t first = 0, count = queues->queues[queue].workers;
  for (uint32_t q = 0; q < queue; ++q)
    first += queues->queues[q].workers;
  if (count > queues->cpu_count)
    count = queues->cpu_count;
  for (uint32_t i = 0; i < count; ++i)
    cpus[i] = queues->cpus[(first + i) % queues->cpu_count];
  return count;
}

// Puts the walking thread (but the caller's) and the helpers of a queue where
// they belong.
static void place(struct tercet_queues *queues, uint32_t queue) {
  uint32_t cpus[MAX_CPUS];
  uint32_t count = cores_of(queues, queue, cpus);
  if (!count || !(queues->pin || queues->confined))
    return;
  if (queue)
    tercet_workers_tie(queues->walkers, queue, cpus, queues->pin ? 1 : count);
  for (uint32_t w = 1; w < queues->queues[queue].workers; ++w)
    tercet_workers_tie(queues->helpers[queue], w, queues->pin ? &cpus[w % count] : cpus,
                       queues->pin ? 1 : count);
}

static tercet_status start_threads(struct tercet_queues *queues, tercet_workers_options options) {
  options.count = queues->port.count;
  tercet_status status = tercet_workers_create(&options, &queues->walkers);
  for (uint32_t q = 0; q < queues->port.count && !status; ++q) {
    tercet_queue *queue = &queues->queues[q];
    options.count = queue->workers;
    if (queue->workers > 1)
      status = tercet_workers_create(&options, &queues->helpers[q]);
    queue->parallel_for = queue->workers > 1 ? tercet_workers_run : NULL;
    queue->parallel_user = queues->helpers[q];
  }
  for (uint32_t q = 0; q < queues->port.count && !status; ++q)
    place(queues, q);
  return status;
}

static tercet_status start(struct tercet_queues *queues, const tercet_queues_options *options) {
  uint32_t total = 0;
  for (uint32_t q = 0; q < options->count; ++q) {
    uint32_t workers = options->workers ? options->workers[q] : 1;
    queues->queues[q].workers = workers ? workers : 1;
    total += queues->queues[q].workers;
  }
  int mixed;
  queues->cpu_count = tercet_cores_order(queues->cpus, MAX_CPUS, &mixed);
  uint32_t cores = queues->cpu_count ? queues->cpu_count : tercet_cores_count();
  int crowded = total > cores;
  queues->pin = options->pin;
  queues->confined = mixed && !crowded;
  uint32_t spin_ns = options->spin_ns ? options->spin_ns : crowded ? CROWDED_SPIN_NS : 0;
  uint32_t token_spin_ns = options->pin ? PINNED_SPIN_NS : FLOATING_SPIN_NS;
  queues->port.count = options->count;
  queues->port.spin_ns = spin_ns ? spin_ns : token_spin_ns;
  queues->port.queues = queues->queues;
  queues->port.run = run;
  queues->port.wait = wait;
  queues->port.wake = wake;
  queues->port.user = queues;
  const tercet_workers_options workers = {.spin_ns = spin_ns, .stack_bytes = options->stack_bytes};
  return start_threads(queues, workers);
}

tercet_status tercet_queues_start(const tercet_queues_options *options, tercet_queues **queues) {
  if (!queues)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *queues = NULL;
  if (!options || !options->count || options->count > MAX_QUEUES)
    return TERCET_ERROR_INVALID_ARGUMENT;
  struct tercet_queues *started = (struct tercet_queues *)calloc(1, sizeof *started);
  if (!started)
    return TERCET_ERROR_SYSTEM_MEMORY;
  tercet_status status = start(started, options);
  if (status)
    tercet_queues_stop(started);
  else
    *queues = started;
  return status;
}

void tercet_queues_stop(tercet_queues *queues) {
  if (!queues)
    return;
  for (uint32_t q = 0; q < MAX_QUEUES; ++q)
    tercet_workers_stop(queues->helpers[q]);
  tercet_workers_stop(queues->walkers);
  free(queues);
}

const tercet_queue_port *tercet_queues_port(const tercet_queues *queues) {
  return queues ? &queues->port : NULL;
}

void tercet_queues_place_caller(const tercet_queues *queues) {
  uint32_t cpus[MAX_CPUS];
  if (!queues || !queues->cpu_count || !(queues->pin || queues->confined))
    return;
  uint32_t count = cores_of(queues, 0, cpus);
  tercet_cores_tie(pthread_self(), cpus, queues->pin ? 1 : count);
}
