// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many workers: as many as the engines can use, but not more than there are
// cores; queues then get equal shares of them, one worker at the least. Engines
// are cores, so the threads of queues are always tied to theirs.
#include "threads.h"
#include "program.h"
#include <stdio.h>
#include <stdlib.h>

// What the started threads need beside the kernels' frames.
#define STACK_RESERVE (256u << 10)

// Workers of each queue before the machine is looked at: an engine's own
// number, at most what --threads says.
static void count_workers(const tercet_context *context, const thread_options *wanted,
                          thread_plan *plan) {
  tercet_engine_info engine;
  plan->workers = 0;
  for (uint32_t e = 0; !tercet_engine_query(context, e, &engine); ++e) {
    if (engine.queue == TERCET_NONE)
      continue;
    // An engine with a driver needs a thread that waits for it, and no more.
    uint32_t workers = engine.kind == TERCET_ENGINE_CPU ? engine.workers : 1;
    if (wanted->threads && workers > wanted->threads)
      workers = wanted->threads;
    plan->of_queue[engine.queue] = workers;
    plan->workers += workers;
  }
}

static int start_queues(tercet_context *context, const thread_options *wanted, thread_plan *plan) {
  thread_options shared = *wanted;
  count_workers(context, wanted, plan);
  uint32_t cores = tercet_cores_count();
  if (!wanted->threads && plan->workers > cores) {
    shared.threads = cores > plan->queues ? cores / plan->queues : 1;
    count_workers(context, &shared, plan);
  }
  tercet_queues_options options = {.count = plan->queues,
                                   .workers = plan->of_queue,
                                   .stack_bytes =
                                       tercet_context_stack_bytes(context) + STACK_RESERVE,
                                   .pin = 1};
  tercet_queues *queues;
  tercet_status status = tercet_queues_start(&options, &queues);
  if (status)
    return fail_named(status, "");
  plan->started = queues;
  uint64_t bytes;
  void *memory;
  tercet_queues_bytes(context, &bytes);
  if (posix_memalign(&memory, TERCET_CONTEXT_ALIGN, bytes))
    return fail_named(TERCET_ERROR_SYSTEM_MEMORY, "");
  status = tercet_queues_attach(context, memory, bytes, tercet_queues_port(queues));
  return status ? fail_named(status, tercet_context_error(context)->text) : 0;
}

static int start_workers(tercet_context *context, const thread_options *wanted,
                         tercet_options *options, thread_plan *plan) {
  plan->workers = plan->of_queue[0] = options->workers = tercet_context_workers(context);
  if (wanted->threads > options->workers)
    fprintf(stderr, "tercet-run: note: compiled for at most %u workers; using %u\n",
            options->workers, options->workers);
  tercet_workers_options workers_options = {.count = options->workers,
                                            .stack_bytes =
                                                tercet_context_stack_bytes(context) + STACK_RESERVE,
                                            .pin = wanted->pin};
  tercet_workers *workers;
  tercet_status status = tercet_workers_start(&workers_options, &workers);
  if (status)
    return fail_named(status, "");
  options->parallel_for = tercet_workers_run;
  options->parallel_user = workers;
  return 0;
}

void threads_place_caller(const thread_plan *plan) { tercet_queues_place_caller(plan->started); }

int threads_start(tercet_context *context, const thread_options *wanted, tercet_options *options,
                  thread_plan *plan) {
  uint32_t queues = tercet_queues_count(context);
  plan->queues = wanted->sequential || queues < 2 ? 1 : queues;
  return plan->queues > 1 ? start_queues(context, wanted, plan)
                          : start_workers(context, wanted, options, plan);
}
