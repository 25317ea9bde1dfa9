// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures runs of an entry point whose tensors are bound. Errors are reported
// on standard error; nonzero is returned.
#ifndef TERCET_RUNNER_PROFILE_H
#define TERCET_RUNNER_PROFILE_H

#include "tercet/runtime.h"

// Runs `count` times and prints the median and the least time.
int profile_latency(tercet_context *context, uint32_t entry, uint32_t count);

// Runs `count` times and writes the median time of each command to `path`:
// {"format": 1, "entry", "workers", "runs", "total_ns", "commands": [{"index",
// "op", "kernel", "engine", "node", "tiles", "ns", "predicted_ps"}]}.
int profile_commands(tercet_context *context, uint32_t entry, uint32_t count, const char *path);

#endif // TERCET_RUNNER_PROFILE_H
