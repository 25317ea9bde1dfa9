// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the same model twice, with its weights in the program and in a file,
// in memory that is sized by the headers alone. Prints y[3][7] for x = 1.
#include "scale.h"
#include "scale_file.h"
#include "tercet/posix.h"
#include <stdio.h>

static _Alignas(64) unsigned char context_memory[TERCET_SCALE_CONTEXT_BYTES];
static _Alignas(64) unsigned char arena[TERCET_SCALE_ARENA_BYTES + 1];
static _Alignas(64) float x[TERCET_SCALE_MAIN_INPUT_X_ELEMENTS];
static _Alignas(64) float y[TERCET_SCALE_MAIN_OUTPUT_Y_ELEMENTS];

static int run(const tercet_program *program, const tercet_options *options) {
  tercet_context *context;
  tercet_error error;
  if (tercet_context_open(context_memory, sizeof context_memory, program, options, &context,
                          &error)) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  uint32_t pool;
  if (!tercet_pool_find(context, TERCET_POOL_ARENA, 0, &pool))
    tercet_pool_bind(context, pool, arena, sizeof arena);
  for (int i = 0; i < TERCET_SCALE_MAIN_INPUT_X_ELEMENTS; ++i)
    x[i] = 1;
  tercet_status status =
      tercet_input_bind(context, TERCET_SCALE_ENTRY_MAIN, TERCET_SCALE_MAIN_INPUT_X, x, sizeof x);
  if (!status)
    status = tercet_output_bind(context, TERCET_SCALE_ENTRY_MAIN, TERCET_SCALE_MAIN_OUTPUT_Y, y,
                                sizeof y);
  if (!status)
    status = tercet_entry_run(context, TERCET_SCALE_ENTRY_MAIN);
  if (status) {
    fprintf(stderr, "%s\n", tercet_context_error(context)->text);
    return 1;
  }
  printf("%g\n", (double)y[31]);
  return 0;
}

int main(int argc, char **argv) {
  tercet_options options = {.workers = 1};
  if (run(&tercet_scale, &options))
    return 1;
  const char *path = argc > 1 ? argv[1] : WEIGHTS_PATH;
  if (tercet_weights_map(path, &options.weights, &options.weights_bytes)) {
    fprintf(stderr, "cannot map %s\n", path);
    return 1;
  }
  return run(&tercet_scale_file, &options);
}
