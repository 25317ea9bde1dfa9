// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A language model in an application: goes on greedily with the token ids that
// are given. Memory is allocated once, before the first token. Build with
//   cc -DMODEL=qwen run_decoder.c qwen.o -ltercet_runtime -lpthread
// and run with the path of NAME.weights ("" if there is none), how many tokens
// to add, and the ids.
#include "tercet/posix.h"
#include "tercet/session.h"
#include <stdio.h>
#include <stdlib.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define PROGRAM PASTE(tercet_, MODEL)
extern const tercet_program PROGRAM;

static void check(tercet_status status, const tercet_error *error) {
  if (!status)
    return;
  fprintf(stderr, "error: %s: %s\n", tercet_status_string(status), error ? error->text : "");
  exit(1);
}

static void *allocate(uint64_t bytes) {
  void *memory;
  check(tercet_pages_map(bytes ? bytes : 1, &memory), NULL);
  return memory;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: run_decoder WEIGHTS COUNT TOKEN...\n");
    return 1;
  }
  tercet_workers *workers;
  check(tercet_workers_start(NULL, &workers), NULL);
  tercet_options options = {.workers = tercet_workers_count(workers),
                            .parallel_for = tercet_workers_run,
                            .parallel_user = workers};
  if (*argv[1])
    check(tercet_weights_map(argv[1], &options.weights, &options.weights_bytes), NULL);

  tercet_error error;
  uint64_t bytes;
  check(tercet_context_bytes(&PROGRAM, &bytes, &error), &error);
  tercet_context *context;
  check(tercet_context_open(allocate(bytes), bytes, &PROGRAM, &options, &context, &error), &error);
  tercet_pool_info pool;
  for (uint32_t i = 0; !tercet_pool_query(context, i, &pool); ++i)
    if (pool.kind == TERCET_POOL_ARENA || pool.kind == TERCET_POOL_STATE)
      check(tercet_pool_bind(context, i, allocate(pool.bytes), pool.bytes),
            tercet_context_error(context));
  tercet_session session;
  check(tercet_session_bytes(context, &bytes), tercet_context_error(context));
  check(tercet_session_open(&session, context, allocate(bytes), bytes),
        tercet_context_error(context));

  // The prompt at once, then what is most probable, token by token.
  int64_t *tokens = allocate((uint64_t)argc * sizeof *tokens);
  uint32_t count = 0;
  for (int i = 3; i < argc; ++i)
    tokens[count++] = strtoll(argv[i], NULL, 10);
  for (long left = strtol(argv[2], NULL, 10); left > 0; --left) {
    check(tercet_session_append(&session, tokens, count), tercet_context_error(context));
    int64_t best = 0;
    for (uint32_t v = 1; v < session.vocabulary; ++v)
      if (session.logits[v] > session.logits[best])
        best = v;
    printf("%lld ", (long long)best);
    tokens[0] = best;
    count = 1;
  }
  printf("\n");
  tercet_context_close(context);
  tercet_workers_stop(workers);
  return 0;
}
