// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints what the runtime itself costs: nanoseconds a command for entry `main`
// of the demo (five commands, tiny kernels), and a bare wake-up and barrier of
// the workers with an empty body. The best of many rounds, for the machine may
// be shared.
#include "abi_demo.h"
#include "tercet/posix.h"
#include <stdio.h>

static _Alignas(64) unsigned char memory[TERCET_DEMO_CONTEXT_BYTES];
static _Alignas(64) unsigned char arena[TERCET_DEMO_ARENA_BYTES];
static _Alignas(64) unsigned char state[TERCET_DEMO_STATE_BYTES];
static _Alignas(64) int32_t ids[4] = {3, 0, 9, 1};
static _Alignas(64) float y[4][16];

enum { ROUNDS = 200, RUNS = 1000 };

static void nothing(void *argument, uint32_t worker) { (void)argument, (void)worker; }

int main(void) {
  for (uint32_t count = 1; count <= 2; ++count) {
    tercet_workers *workers = NULL;
    tercet_workers_options pool = {.count = count};
    tercet_options options = {.workers = count, .parallel_for = tercet_workers_run};
    tercet_context *context;
    if (tercet_workers_start(&pool, &workers))
      return 1;
    options.parallel_user = workers;
    if (tercet_context_open(memory, sizeof memory, &tercet_demo, &options, &context, NULL))
      return 1;
    tercet_pool_bind(context, 0, arena, sizeof arena);
    tercet_pool_bind(context, 2, state, sizeof state);
    tercet_input_bind(context, 0, 0, ids, sizeof ids);
    tercet_output_bind(context, 0, 0, y, sizeof y);
    uint64_t best_run = UINT64_MAX, best_job = UINT64_MAX, sum_job = 0;
    for (int round = 0; round < ROUNDS; ++round) {
      uint64_t start = tercet_port_clock_read();
      for (int i = 0; i < RUNS; ++i)
        tercet_entry_run(context, 0);
      uint64_t middle = tercet_port_clock_read();
      for (int i = 0; i < RUNS; ++i)
        tercet_workers_run(workers, count, nothing, NULL);
      uint64_t end = tercet_port_clock_read();
      best_run = middle - start < best_run ? middle - start : best_run;
      best_job = end - middle < best_job ? end - middle : best_job;
      sum_job += end - middle;
    }
    printf("%u worker(s): %.0f ns a command of `main`, %.0f ns a bare "
           "dispatch (mean %.0f)\n",
           count, (double)best_run / RUNS / 5, (double)best_job / RUNS,
           (double)sum_job / RUNS / ROUNDS);
    tercet_workers_stop(workers);
  }
  return 0;
}
