// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The context is opened twice: once to learn what its threads need, then with
// these threads.
#include "program.h"
#include "engines.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const tercet_program tercet_runner_program;

const char *tool_name = "tercet-run";

int fail(const char *text) {
  fprintf(stderr, "%s: error: %s\n", tool_name, text);
  return 1;
}

int fail_named(tercet_status status, const char *text) {
  fprintf(stderr, "%s: error: %s%s%s\n", tool_name, tercet_status_string(status), *text ? ": " : "",
          text);
  return 1;
}

int fail_status(tercet_status status, const tercet_error *error) {
  return fail_named(status, error ? error->text : "");
}

// An executable made by --emit exe finds its weights beside itself.
static const char *find_weights(const char *given) {
  static char path[PATH_MAX + 16];
  if (given)
    return given;
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
  if (length <= 0)
    return NULL;
  strcpy(path + length, ".weights");
  return access(path, R_OK) == 0 ? path : NULL;
}

void *allocate(uint64_t bytes, uint64_t alignment) {
  void *memory = NULL;
  if (alignment < 64)
    alignment = 64;
  if (posix_memalign(&memory, alignment, bytes ? bytes : 1))
    return NULL;
  return memset(memory, 0, bytes);
}

int open_program(const char *given, const thread_options *threads, tercet_context **context,
                 thread_plan *plan) {
  const tercet_program *program = &tercet_runner_program;
  tercet_error error = {0};
  tercet_options options = {0};
  uint64_t bytes;
  tercet_status status = tercet_context_bytes(program, &bytes, &error);
  if (status)
    return fail_status(status, &error);
  const char *weights = find_weights(given);
  if (weights && (status = tercet_weights_map(weights, &options.weights, &options.weights_bytes)))
    return fail_status(status, NULL);
  void *memory = allocate(bytes, TERCET_CONTEXT_ALIGN);
  if (!memory)
    return fail("out of memory");
  options.features = TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT);
  // The context tells what the threads need.
  options.workers = threads->threads ? threads->threads : tercet_cores_count();
  status = tercet_context_open(memory, bytes, program, &options, context, &error);
  if (status)
    return fail_status(status, &error);
  if (threads_start(*context, threads, &options, plan))
    return 1;
  if (plan->queues == 1 &&
      ((status = tercet_context_close(*context)) ||
       (status = tercet_context_open(memory, bytes, program, &options, context, &error))))
    return fail_status(status, &error);
  if (engines_start(*context))
    return 1;
  threads_place_caller(plan);
  for (uint32_t pool = 0; pool < tercet_pool_count(*context); ++pool) {
    tercet_pool_info info;
    tercet_pool_query(*context, pool, &info);
    if (info.bound || (info.kind != TERCET_POOL_ARENA && info.kind != TERCET_POOL_STATE))
      continue;
    void *pages;
    if ((status = tercet_pages_map(info.bytes ? info.bytes : 1, &pages)) ||
        (status = tercet_pool_bind(*context, pool, pages, info.bytes)))
      return fail_status(status, tercet_context_error(*context));
  }
  return 0;
}
