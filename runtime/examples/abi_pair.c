// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program with two engines, written by hand: two clusters of cores each do
// half of every task, and tokens say who waits for whom. It uses what version
// 1.1 adds: the number of workers of an engine. An object of it is kept as the
// 1.1 artifact, so its meaning must not change.
//
//   main(x: f32[256]) -> y: f32[256]:  t = 2 * x;  y[i] = t[i] + t[255 - i]
//
//   queue "big":     t[0..128)  -> signal 0, wait 1 -> y[0..128)
//   queue "little":  t[128..256) -> signal 1, wait 0 -> y[128..256)
#include "abi_pair.h"

#define HALF 128
#define HALF_BYTES 512
#define TILE 32

#define HIDDEN __attribute__((visibility("hidden")))

// buffers: half of x (read), half of t (write). Tile x is 32 elements.
HIDDEN void tercet_pair_kernel_0(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z,
                                 uint32_t worker) {
  (void)y, (void)z, (void)worker;
  const float *in = (const float *)args->buffers[0] + x * TILE;
  float *out = (float *)args->buffers[1] + x * TILE;
  for (int i = 0; i < TILE; ++i)
    out[i] = 2 * in[i];
}

// buffers: own half of t (read), the other half (read), half of y (write).
HIDDEN void tercet_pair_kernel_1(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z,
                                 uint32_t worker) {
  (void)y, (void)z, (void)worker;
  const float *own = (const float *)args->buffers[0];
  const float *other = (const float *)args->buffers[1];
  float *out = (float *)args->buffers[2];
  for (uint32_t i = x * TILE; i < (x + 1) * TILE; ++i)
    out[i] = own[i] + other[HALF - 1 - i];
}

// A kernel belongs to one engine: compiled for it, each has its own code.
static const tercet_kernel_fn tercet_pair_kernels[] = {tercet_pair_kernel_0, tercet_pair_kernel_0,
                                                       tercet_pair_kernel_1, tercet_pair_kernel_1};

#define STRINGS                                                                                    \
  "\0big\0little\0arena\0io\0main\0x\0y\0double_big\0double_little\0fold_big\0fold_little\0"       \
  "/Mul\0/Add"
enum {
  S_BIG = 1,
  S_LITTLE = S_BIG + 4,
  S_ARENA = S_LITTLE + 7,
  S_IO = S_ARENA + 6,
  S_MAIN = S_IO + 3,
  S_X = S_MAIN + 5,
  S_Y = S_X + 2,
  S_DOUBLE_BIG = S_Y + 2,
  S_DOUBLE_LITTLE = S_DOUBLE_BIG + 11,
  S_FOLD_BIG = S_DOUBLE_LITTLE + 14,
  S_FOLD_LITTLE = S_FOLD_BIG + 9,
  S_NODE_MUL = S_FOLD_LITTLE + 12,
  S_NODE_ADD = S_NODE_MUL + 5,
  STRINGS_BYTES = S_NODE_ADD + 5
};
_Static_assert(sizeof(STRINGS) == STRINGS_BYTES, "names");

enum { BIG, LITTLE, ENGINES };
enum { POOL_ARENA, POOL_IO, POOLS };
enum { BUFFER_T, BUFFER_X, BUFFER_Y, BUFFERS };
enum { OPERANDS = 10, COMMANDS = 4, WAITS = 2 };
#define PADDED8(bytes) (((bytes) + 7) / 8 * 8)

struct pair_table {
  tercet_table_header header;
  tercet_record_header strings_header;
  char strings[PADDED8(STRINGS_BYTES)];
  tercet_record_header engines_header;
  tercet_engine_record engines[ENGINES];
  tercet_record_header pools_header;
  tercet_pool_record pools[POOLS];
  tercet_record_header buffers_header;
  tercet_buffer_record buffers[BUFFERS];
  tercet_record_header dims_header;
  uint64_t dims[1];
  tercet_record_header tensors_header;
  tercet_tensor_record tensors[2];
  tercet_record_header entries_header;
  tercet_entry_record entries[1];
  tercet_record_header operands_header;
  tercet_operand_record operands[OPERANDS];
  tercet_record_header waits_header;
  uint32_t waits[WAITS];
  tercet_record_header commands_header;
  tercet_command_record commands[COMMANDS];
  tercet_record_header kernels_header;
  tercet_kernel_record kernels[4];
  tercet_record_header profile_header;
  tercet_profile_record profile[2];
  tercet_record_header limits_header;
  tercet_limits_record limits[1];
};

#define RECORD(kind, count, stride)                                                                \
  {TERCET_RECORD_##kind, count, stride, PADDED8((count) * (stride))}

#if defined(__x86_64__)
#define PAIR_ISA TERCET_ISA_X86_64
#elif defined(__aarch64__)
#define PAIR_ISA TERCET_ISA_AARCH64
#elif defined(__riscv)
#define PAIR_ISA TERCET_ISA_RISCV64
#else
#define PAIR_ISA TERCET_ISA_NONE
#endif

#define NONE TERCET_NONE
#define F32 TERCET_ELEMENT_F32
#define READ TERCET_ACCESS_READ
#define WRITE TERCET_ACCESS_WRITE
#define DISPATCH(engine, kernel, node, operand, count, signal, wait, waits)                        \
  {TERCET_COMMAND_DISPATCH,                                                                        \
   engine,                                                                                         \
   kernel,                                                                                         \
   node,                                                                                           \
   {HALF / TILE, 1, 1},                                                                            \
   0,                                                                                              \
   operand,                                                                                        \
   count,                                                                                          \
   0,                                                                                              \
   0,                                                                                              \
   0,                                                                                              \
   NONE,                                                                                           \
   signal,                                                                                         \
   wait,                                                                                           \
   waits,                                                                                          \
   0,                                                                                              \
   0}

__attribute__((section(".tercet.table"),
               aligned(16))) static const struct pair_table tercet_pair_table = {
    .header = {TERCET_MAGIC_TABLE, 1, 1, 0, sizeof(struct pair_table), 13, 0, 0},

    .strings_header = RECORD(STRINGS, STRINGS_BYTES, 1),
    .strings = STRINGS,

    // name, kind, isa, vector_bits_min, features, image (none), workers
    .engines_header = RECORD(ENGINES, ENGINES, sizeof(tercet_engine_record)),
    .engines = {{S_BIG, TERCET_ENGINE_CPU, PAIR_ISA, 0, 0, 0, 0, 0, 2},
                {S_LITTLE, TERCET_ENGINE_CPU, PAIR_ISA, 0, 0, 0, 0, 0, 1}},

    // name, kind, bytes, alignment, flags, engine mask: both address it
    .pools_header = RECORD(POOLS, POOLS, sizeof(tercet_pool_record)),
    .pools = {{S_ARENA, TERCET_POOL_ARENA, TERCET_PAIR_ARENA_BYTES, 64, 0, 3},
              {S_IO, TERCET_POOL_IO, 2, 64, 0, 3}},

    // pool, flags, alignment, reserved, offset, bytes
    .buffers_header = RECORD(BUFFERS, BUFFERS, sizeof(tercet_buffer_record)),
    .buffers = {{POOL_ARENA, 0, 64, 0, 0, 1024},
                {POOL_IO, 0, 64, 0, 0, 1024},
                {POOL_IO, 0, 64, 0, 1, 1024}},

    .dims_header = RECORD(DIMS, 1, 8),
    .dims = {2 * HALF},

    // name, element, rank, first dim, buffer, flags, tied, reserved, bytes
    .tensors_header = RECORD(TENSORS, 2, sizeof(tercet_tensor_record)),
    .tensors = {{S_X, F32, 1, 0, BUFFER_X, 0, NONE, 0, 1024},
                {S_Y, F32, 1, 0, BUFFER_Y, 0, NONE, 0, 1024}},

    // name, flags, inputs, outputs, scalars, commands, tokens, reserved
    .entries_header = RECORD(ENTRIES, 1, sizeof(tercet_entry_record)),
    .entries = {{S_MAIN, 0, 0, 1, 1, 1, 0, 0, 0, COMMANDS, 2, 0}},

    // buffer, access, offset, bytes
    .operands_header = RECORD(OPERANDS, OPERANDS, sizeof(tercet_operand_record)),
    .operands = {{BUFFER_X, READ, 0, HALF_BYTES},
                 {BUFFER_T, WRITE, 0, HALF_BYTES},
                 {BUFFER_X, READ, HALF_BYTES, HALF_BYTES},
                 {BUFFER_T, WRITE, HALF_BYTES, HALF_BYTES},
                 {BUFFER_T, READ, 0, HALF_BYTES},
                 {BUFFER_T, READ, HALF_BYTES, HALF_BYTES},
                 {BUFFER_Y, WRITE, 0, HALF_BYTES},
                 {BUFFER_T, READ, HALF_BYTES, HALF_BYTES},
                 {BUFFER_T, READ, 0, HALF_BYTES},
                 {BUFFER_Y, WRITE, HALF_BYTES, HALF_BYTES}},

    .waits_header = RECORD(WAITS, WAITS, 4),
    .waits = {1, 0},

    // engine, kernel, node, operands, signal, waits
    .commands_header = RECORD(COMMANDS, COMMANDS, sizeof(tercet_command_record)),
    .commands = {DISPATCH(BIG, 0, 0, 0, 2, 0, 0, 0), DISPATCH(LITTLE, 1, 0, 2, 2, 1, 0, 0),
                 DISPATCH(BIG, 2, 1, 4, 3, NONE, 0, 1), DISPATCH(LITTLE, 3, 1, 7, 3, NONE, 1, 1)},

    // name, engine, stack bytes, scratch bytes a worker
    .kernels_header = RECORD(KERNELS, 4, sizeof(tercet_kernel_record)),
    .kernels = {{S_DOUBLE_BIG, BIG, 128, 0},
                {S_DOUBLE_LITTLE, LITTLE, 128, 0},
                {S_FOLD_BIG, BIG, 128, 0},
                {S_FOLD_LITTLE, LITTLE, 128, 0}},

    // node name, reserved, predicted picoseconds
    .profile_header = RECORD(PROFILE, 2, sizeof(tercet_profile_record)),
    .profile = {{S_NODE_MUL, 0, 40000}, {S_NODE_ADD, 0, 60000}},

    // most workers, reserved, deepest kernel stack
    .limits_header = RECORD(LIMITS, 1, sizeof(tercet_limits_record)),
    .limits = {{TERCET_PAIR_MAX_WORKERS, 0, TERCET_PAIR_STACK_BYTES}},
};

const tercet_program tercet_pair = {.magic = TERCET_MAGIC_PROGRAM,
                                    .major = 1,
                                    .minor = 1,
                                    .features_required = 0,
                                    .table = &tercet_pair_table,
                                    .table_bytes = sizeof tercet_pair_table,
                                    .kernels = tercet_pair_kernels,
                                    .kernel_count = 4,
                                    .embedded_weights = NULL,
                                    .weights_bytes = 0,
                                    .images = NULL,
                                    .images_bytes = 0};
