// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures runs of an entry point whose tensors are bound. Errors are reported
// on standard error; nonzero is returned.
#ifndef TERCET_RUNNER_PROFILE_H
#define TERCET_RUNNER_PROFILE_H

#include "threads.h"

// Runs `count` times and prints the median and the least time.
int profile_latency(tercet_context *context, uint32_t entry, uint32_t count,
                    const thread_plan *plan);

// Runs `count` times, at most 1000, and writes to `path` what each command
// took. All times are integers; a name never changes its meaning.
//   "format": 1
//   "entry": name
//   "order": "queues", walked concurrently, or "list", one after the other
//   "workers": of all engines together
//   "runs": number of runs behind the statistics
//   "latency_ns": {"min", "median"} of a whole run
//   "engines": [{"name", "queue", "workers"}], those that have commands
//   "commands": in list order [{
//     "index": in the entry's list, "op": "dispatch", "copy", "signal", "wait",
//     "node": source node or nodes, "engine", "kernel", "tiles",
//     "start_ns", "end_ns": since the start of the run, in the run whose
//       latency is the median (of an even number, the lesser); waiting for
//       tokens is not in it,
//     "ns": median of all runs, "min_ns": least of all runs,
//     "predicted_ps": by the cost model; 0: not predicted,
//     and where an engine counted them, in the last run: "packets" of all its
//       workers, "packets_of_one" worker, the busiest, "vector_instructions"}]
//   "total_ns": sum of the medians
int profile_commands(tercet_context *context, uint32_t entry, uint32_t count, const char *path,
                     const thread_plan *plan);

#endif // TERCET_RUNNER_PROFILE_H
