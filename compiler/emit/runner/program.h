// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opening the program that the runner is linked with: weights, threads, engines,
// memory of its pools. All memory is freed by the end of the process. Errors are
// reported on standard error, under the name of the tool that was called;
// nonzero is returned.
#ifndef TERCET_RUNNER_PROGRAM_H
#define TERCET_RUNNER_PROGRAM_H

#include "threads.h"

// The tool that speaks: tercet-run unless it is set before anything else is done.
extern const char *tool_name;

// "TOOL: error: TEXT"; 1.
int fail(const char *text);
int fail_named(tercet_status status, const char *text);
int fail_status(tercet_status status, const tercet_error *error);

// Zeroed, aligned to 64 or more; NULL if there is none.
void *allocate(uint64_t bytes, uint64_t alignment);

// `weights` NULL: beside the executable, if they are there.
int open_program(const char *weights, const thread_options *threads, tercet_context **context,
                 thread_plan *plan);

#endif // TERCET_RUNNER_PROGRAM_H
