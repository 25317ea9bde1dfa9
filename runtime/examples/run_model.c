// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs entry 0 of any compiled model on inputs of zeros and prints what comes
// out. All memory is static, sized by NAME.h. Build with
//   cc -DMODEL=resnet -DMODEL_UPPER=RESNET -DMODEL_HEADER='"resnet.h"'
//      run_model.c resnet.o -ltercet_runtime -lpthread
// and give the path of NAME.weights if the model has one.
#include "tercet/posix.h"
#include MODEL_HEADER
#include <stdio.h>

#define PASTE_(a, b, c) a##b##c
#define PASTE(a, b, c) PASTE_(a, b, c)
#define PROGRAM PASTE(tercet_, MODEL, )
#define SIZE(what) PASTE(TERCET_, MODEL_UPPER, what)

// A byte more than asked, because C has no arrays of no elements.
static _Alignas(64) unsigned char context_memory[SIZE(_CONTEXT_BYTES)];
static _Alignas(SIZE(_ARENA_ALIGN)) unsigned char arena[SIZE(_ARENA_BYTES) + 1];
static _Alignas(SIZE(_STATE_ALIGN)) unsigned char state[SIZE(_STATE_BYTES) + 1];
static _Alignas(SIZE(_IO_ALIGN)) unsigned char io[SIZE(_IO_BYTES) + 1];

static int fail(const char *what, tercet_status status, const char *text) {
  fprintf(stderr, "%s: %s: %s\n", what, tercet_status_string(status), text);
  return 1;
}

int main(int argc, char **argv) {
  tercet_workers *workers = NULL;
  tercet_status status = tercet_workers_start(NULL, &workers);
  if (status)
    return fail("workers", status, "");
  tercet_options options = {.workers = tercet_workers_count(workers),
                            .parallel_for = tercet_workers_run,
                            .parallel_user = workers};
  if (SIZE(_WEIGHTS_BYTES) && argc > 1 &&
      (status = tercet_weights_map(argv[1], &options.weights, &options.weights_bytes)))
    return fail(argv[1], status, "");

  tercet_context *context;
  tercet_error error;
  status = tercet_context_open(context_memory, sizeof context_memory, &PROGRAM, &options, &context,
                               &error);
  if (status)
    return fail("open", status, error.text);
  uint32_t pool;
  if (!tercet_pool_find(context, TERCET_POOL_ARENA, 0, &pool))
    tercet_pool_bind(context, pool, arena, sizeof arena);
  if (!tercet_pool_find(context, TERCET_POOL_STATE, 0, &pool))
    tercet_pool_bind(context, pool, state, sizeof state);

  tercet_tensor_info tensor;
  unsigned char *next = io;
  for (int side = TERCET_INPUT; side <= TERCET_OUTPUT; ++side)
    for (uint32_t i = 0; !tercet_tensor_query(context, 0, (tercet_direction)side, i, &tensor);
         ++i) {
      if (!tensor.bindable || tensor.data)
        continue;
      status = side == TERCET_INPUT ? tercet_input_bind(context, 0, i, next, tensor.bytes)
                                    : tercet_output_bind(context, 0, i, next, tensor.bytes);
      next += (tensor.bytes + 63) / 64 * 64;
    }
  status = tercet_entry_run(context, 0);
  if (status)
    return fail("run", status, tercet_context_error(context)->text);
  for (uint32_t i = 0; !tercet_tensor_query(context, 0, TERCET_OUTPUT, i, &tensor); ++i)
    printf("%s: %llu bytes, first byte %d\n", tensor.name, (unsigned long long)tensor.bytes,
           *(unsigned char *)tensor.data);
  tercet_weights_unmap(options.weights, options.weights_bytes);
  tercet_workers_stop(workers);
  return 0;
}
