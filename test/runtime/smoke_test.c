// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The essentials without GoogleTest, for machines that are reached through an
// emulator: open, run with workers, a fault, two queues, and what the CPU query
// says.
#include "abi_demo.h"
#include "abi_pair.h"
#include "tercet/posix.h"
#include <stdio.h>

static _Alignas(64) unsigned char memory[TERCET_DEMO_CONTEXT_BYTES];
static _Alignas(64) unsigned char arena[TERCET_DEMO_ARENA_BYTES];
static _Alignas(64) unsigned char state[TERCET_DEMO_STATE_BYTES];
static _Alignas(64) int32_t ids[4] = {3, 0, 9, 1};
static _Alignas(64) float y[4][16];

#define EXPECT(condition)                                                                          \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
      return 1;                                                                                    \
    }                                                                                              \
  } while (0)

static _Alignas(64) unsigned char pair_memory[TERCET_PAIR_CONTEXT_BYTES];
static _Alignas(64) unsigned char pair_queues[TERCET_PAIR_QUEUES_BYTES];
static _Alignas(64) unsigned char pair_arena[TERCET_PAIR_ARENA_BYTES];
static _Alignas(64) float in[256];
static _Alignas(64) float out[256];

static int run_pair(void) {
  tercet_context *context;
  tercet_error error;
  tercet_status status =
      tercet_context_open(pair_memory, sizeof pair_memory, &tercet_pair, NULL, &context, &error);
  printf("open: %s\n", error.text);
  EXPECT(status == TERCET_OK);
  tercet_queues *queues;
  const uint32_t workers[] = {2, 1};
  tercet_queues_options options = {.count = tercet_queues_count(context), .workers = workers};
  EXPECT(options.count == 2);
  EXPECT(!tercet_queues_start(&options, &queues));
  EXPECT(
      !tercet_queues_attach(context, pair_queues, sizeof pair_queues, tercet_queues_port(queues)));
  EXPECT(!tercet_pool_bind(context, 0, pair_arena, sizeof pair_arena));
  EXPECT(!tercet_input_bind(context, 0, 0, in, sizeof in));
  EXPECT(!tercet_output_bind(context, 0, 0, out, sizeof out));
  for (int i = 0; i < 256; ++i)
    in[i] = (float)(i * i);
  for (int run = 0; run < 200; ++run)
    EXPECT(tercet_entry_run(context, 0) == TERCET_OK);
  for (int i = 0; i < 256; ++i)
    EXPECT(out[i] == 2 * in[i] + 2 * in[255 - i]);
  EXPECT(!tercet_context_close(context));
  tercet_queues_stop(queues);
  return 0;
}

int main(void) {
  tercet_cpu_info cpu;
  tercet_port_cpu_query(&cpu);
  printf("isa %d, vectors of %u bits, features %#llx, %u cores\n", (int)cpu.isa, cpu.vector_bits,
         (unsigned long long)cpu.features, tercet_cores_count());
#if defined(__aarch64__)
  EXPECT(cpu.features >> TERCET_AARCH64_NEON_BIT & 1);
#elif defined(__riscv)
  EXPECT(cpu.features >> TERCET_RISCV_D_BIT & 1);
#endif
  tercet_workers *workers = NULL;
  tercet_workers_options pool = {.count = 3};
  EXPECT(tercet_workers_start(&pool, &workers) == TERCET_OK);
  tercet_options options = {
      .workers = 3, .parallel_for = tercet_workers_run, .parallel_user = workers};
  tercet_context *context;
  tercet_error error;
  tercet_status status =
      tercet_context_open(memory, sizeof memory, &tercet_demo, &options, &context, &error);
  printf("open: %s\n", error.text);
  EXPECT(status == TERCET_OK);
  EXPECT(!tercet_pool_bind(context, 0, arena, sizeof arena));
  EXPECT(!tercet_pool_bind(context, 2, state, sizeof state));
  EXPECT(!tercet_input_bind(context, 0, 0, ids, sizeof ids));
  EXPECT(!tercet_output_bind(context, 0, 0, y, sizeof y));
  EXPECT(!tercet_scalar_set(context, 0, 0, 2));
  for (int i = 0; i < 200; ++i)
    EXPECT(tercet_entry_run(context, 0) == TERCET_OK);
  for (int r = 0; r < 4; ++r)
    for (int c = 0; c < 16; ++c)
      EXPECT(y[r][c] == 2 * ((float)ids[r] + (float)c / 16));
  ids[1] = -1;
  EXPECT(tercet_entry_run(context, 0) == TERCET_ERROR_INDEX_OUT_OF_RANGE);
  tercet_workers_stop(workers);
  return run_pair();
}
