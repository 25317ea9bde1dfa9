// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program written by hand, byte for byte what the compiler emits as demo.o.
// It uses every kind of record of version 1.0: two entry points, four pools, a
// state, scalars, tokens, scratch, copies, profile slots. The tests corrupt
// its table; an object of it is kept as the 1.0 artifact, so its meaning must
// not change.
//
//   main(ids: i32[4]; factor) -> y: f32[4,16]:  y[i] = factor * w[ids[i]]
//   step(x: f32[8,16], total: state; position, length) -> total, snapshot:
//       total += sum of x[position .. position+length); snapshot = total
#include "abi_demo.h"

#define ROWS 10
#define COLUMNS 16
#define ROW_BYTES 64

// ---- Kernels: what codegen makes of tasks -----------------------------------

#define HIDDEN __attribute__((visibility("hidden")))

// buffers: ids (read), w (read), gathered (write). Tile x gathers one row.
HIDDEN void tercet_demo_kernel_0(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z,
                                 uint32_t worker) {
  (void)y, (void)z, (void)worker;
  const int32_t *ids = (const int32_t *)args->buffers[0];
  const float *w = (const float *)args->buffers[1];
  float *gathered = (float *)args->buffers[2];
  int32_t id = ids[x];
  if (id < 0 || id >= ROWS) { // report, then go on with a safe index
    __atomic_store_n(args->fault, TERCET_FAULT_INDEX_OUT_OF_RANGE, __ATOMIC_RELAXED);
    id = 0;
  }
  for (int i = 0; i < COLUMNS; ++i)
    gathered[(int)x * COLUMNS + i] = w[id * COLUMNS + i];
}

// buffers: padded rows, 128 bytes apart (read), y (write). scalars: factor.
// Tile (x, y) is half a row. Goes through the worker's scratch.
HIDDEN void tercet_demo_kernel_1(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z,
                                 uint32_t worker) {
  (void)z;
  const float *padded = (const float *)args->buffers[0] + y * 32 + x * 8;
  float *out = (float *)args->buffers[1] + y * COLUMNS + x * 8;
  float *scratch = (float *)(void *)(args->scratch + worker * args->scratch_stride);
  for (int i = 0; i < 8; ++i)
    scratch[i] = padded[i] * (float)args->scalars[0];
  for (int i = 0; i < 8; ++i)
    out[i] = scratch[i];
}

// buffers: x (read), total (read, write). scalars: position, length.
HIDDEN void tercet_demo_kernel_2(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z,
                                 uint32_t worker) {
  (void)x, (void)y, (void)z, (void)worker;
  const float *rows = (const float *)args->buffers[0];
  float *total = (float *)args->buffers[1];
  for (int64_t r = 0; r < args->scalars[1]; ++r)
    for (int64_t i = 0; i < COLUMNS; ++i)
      total[i] += rows[(args->scalars[0] + r) * COLUMNS + i];
}

static const tercet_kernel_fn tercet_demo_kernels[] = {tercet_demo_kernel_0, tercet_demo_kernel_1,
                                                       tercet_demo_kernel_2};

// ---- Weights: w[r][c] = r + c / 16 ------------------------------------------

#define ROW(r)                                                                                     \
  {                                                                                                \
      r + 0.0f,   r + 0.0625f, r + 0.125f, r + 0.1875f, r + 0.25f,  r + 0.3125f,                   \
      r + 0.375f, r + 0.4375f, r + 0.5f,   r + 0.5625f, r + 0.625f, r + 0.6875f,                   \
      r + 0.75f,  r + 0.8125f, r + 0.875f, r + 0.9375f}
__attribute__((aligned(64))) static const float tercet_demo_weights[ROWS][COLUMNS] = {
    ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9)};

// ---- The table --------------------------------------------------------------

// Names are offsets into this blob; the enum below counts them.
#define STRINGS                                                                                    \
  "\0cpu\0arena\0weights\0state\0io\0main\0step\0ids\0y\0x\0total\0snapshot\0"                     \
  "factor\0position\0length\0gather_rows\0scale_rows\0add_rows\0"                                  \
  "/embed/Gather\0/scale/Mul\0/sum/Add"
enum {
  S_NONE,
  S_CPU = 1,
  S_ARENA = S_CPU + 4,
  S_WEIGHTS = S_ARENA + 6,
  S_STATE = S_WEIGHTS + 8,
  S_IO = S_STATE + 6,
  S_MAIN = S_IO + 3,
  S_STEP = S_MAIN + 5,
  S_IDS = S_STEP + 5,
  S_Y = S_IDS + 4,
  S_X = S_Y + 2,
  S_TOTAL = S_X + 2,
  S_SNAPSHOT = S_TOTAL + 6,
  S_FACTOR = S_SNAPSHOT + 9,
  S_POSITION = S_FACTOR + 7,
  S_LENGTH = S_POSITION + 9,
  S_GATHER_ROWS = S_LENGTH + 7,
  S_SCALE_ROWS = S_GATHER_ROWS + 12,
  S_ADD_ROWS = S_SCALE_ROWS + 11,
  S_NODE_GATHER = S_ADD_ROWS + 9,
  S_NODE_MUL = S_NODE_GATHER + 14,
  S_NODE_ADD = S_NODE_MUL + 11,
  STRINGS_BYTES = S_NODE_ADD + 9
};
_Static_assert(sizeof(STRINGS) == STRINGS_BYTES, "names");

enum { POOL_ARENA, POOL_WEIGHTS, POOL_STATE, POOL_IO, POOLS };
enum {
  BUFFER_GATHERED,
  BUFFER_PADDED,
  BUFFER_SCRATCH,
  BUFFER_W,
  BUFFER_TOTAL,
  BUFFER_IDS,
  BUFFER_Y,
  BUFFER_X,
  BUFFER_SNAPSHOT,
  BUFFERS
};
enum { ENTRIES = 2, TENSORS = 6, SCALARS = 3, OPERANDS = 11, COMMANDS = 7 };
enum { DIMS = 7, SCALAR_REFS = 3, WAITS = 3 };
#define PADDED8(bytes) (((bytes) + 7) / 8 * 8)

// Records back to back; every payload is a multiple of 8 bytes.
struct demo_table {
  tercet_table_header header;
  tercet_record_header strings_header;
  char strings[PADDED8(STRINGS_BYTES)];
  tercet_record_header engines_header;
  tercet_engine_record engines[1];
  tercet_record_header pools_header;
  tercet_pool_record pools[POOLS];
  tercet_record_header buffers_header;
  tercet_buffer_record buffers[BUFFERS];
  tercet_record_header dims_header;
  uint64_t dims[DIMS];
  tercet_record_header tensors_header;
  tercet_tensor_record tensors[TENSORS];
  tercet_record_header scalars_header;
  tercet_scalar_record scalars[SCALARS];
  tercet_record_header entries_header;
  tercet_entry_record entries[ENTRIES];
  tercet_record_header operands_header;
  tercet_operand_record operands[OPERANDS];
  tercet_record_header scalar_refs_header;
  uint32_t scalar_refs[PADDED8(SCALAR_REFS * 4) / 4];
  tercet_record_header waits_header;
  uint32_t waits[PADDED8(WAITS * 4) / 4];
  tercet_record_header copies_header;
  tercet_copy_record copies[1];
  tercet_record_header commands_header;
  tercet_command_record commands[COMMANDS];
  tercet_record_header kernels_header;
  tercet_kernel_record kernels[3];
  tercet_record_header profile_header;
  tercet_profile_record profile[3];
  tercet_record_header weights_header;
  tercet_weights_record weights[1];
  tercet_record_header limits_header;
  tercet_limits_record limits[1];
};

#define RECORD(kind, count, stride)                                                                \
  {TERCET_RECORD_##kind, count, stride, PADDED8((count) * (stride))}

#if defined(__x86_64__)
#define DEMO_ISA TERCET_ISA_X86_64
#elif defined(__aarch64__)
#define DEMO_ISA TERCET_ISA_AARCH64
#elif defined(__riscv)
#define DEMO_ISA TERCET_ISA_RISCV64
#else
#define DEMO_ISA TERCET_ISA_NONE
#endif

#define NONE TERCET_NONE
#define F32 TERCET_ELEMENT_F32
#define READ TERCET_ACCESS_READ
#define WRITE TERCET_ACCESS_WRITE

__attribute__((section(".tercet.table"),
               aligned(16))) static const struct demo_table tercet_demo_table = {
    .header = {TERCET_MAGIC_TABLE, 1, 0, 0, sizeof(struct demo_table), 17, 0, 0},

    .strings_header = RECORD(STRINGS, STRINGS_BYTES, 1),
    .strings = STRINGS,

    // name, kind, isa, vector_bits_min, features, image (none)
    .engines_header = RECORD(ENGINES, 1, sizeof(tercet_engine_record)),
    .engines = {{S_CPU, TERCET_ENGINE_CPU, DEMO_ISA, 0, 0, 0, 0, 0, 0}},

    // name, kind, bytes, alignment, flags, engine mask
    .pools_header = RECORD(POOLS, POOLS, sizeof(tercet_pool_record)),
    .pools = {{S_ARENA, TERCET_POOL_ARENA, TERCET_DEMO_ARENA_BYTES, 64, 0, 1},
              {S_WEIGHTS, TERCET_POOL_WEIGHTS, 640, 64, 0, 1},
              {S_STATE, TERCET_POOL_STATE, TERCET_DEMO_STATE_BYTES, 64, 0, 1},
              {S_IO, TERCET_POOL_IO, 4, 64, 0, 1}},

    // pool, flags, alignment, reserved, offset, bytes. `scratch` reuses
    // the place of `gathered`, which is dead by then.
    .buffers_header = RECORD(BUFFERS, BUFFERS, sizeof(tercet_buffer_record)),
    .buffers = {{POOL_ARENA, 0, 64, 0, 0, 256},
                {POOL_ARENA, 0, 64, 0, 256, 512},
                {POOL_ARENA, 0, 64, 0, 0, 256},
                {POOL_WEIGHTS, 0, 64, 0, 0, 640},
                {POOL_STATE, 0, 64, 0, 0, 64},
                {POOL_IO, 0, 4, 0, 0, 16},
                {POOL_IO, 0, 64, 0, 1, 256},
                {POOL_IO, 0, 64, 0, 2, 512},
                {POOL_IO, 0, 64, 0, 3, 64}},

    .dims_header = RECORD(DIMS, DIMS, 8),
    .dims = {4, 4, 16, 8, 16, 16, 16},

    // name, element, rank, first dim, buffer, flags, tied, reserved, bytes
    .tensors_header = RECORD(TENSORS, TENSORS, sizeof(tercet_tensor_record)),
    .tensors = {{S_IDS, TERCET_ELEMENT_I32, 1, 0, BUFFER_IDS, 0, NONE, 0, 16},
                {S_Y, F32, 2, 1, BUFFER_Y, 0, NONE, 0, 256},
                {S_X, F32, 2, 3, BUFFER_X, 0, NONE, 0, 512},
                {S_TOTAL, F32, 1, 5, BUFFER_TOTAL, TERCET_TENSOR_STATE, NONE, 0, 64},
                {S_TOTAL, F32, 1, 5, BUFFER_TOTAL, TERCET_TENSOR_STATE, 1, 0, 64},
                {S_SNAPSHOT, F32, 1, 6, BUFFER_SNAPSHOT, 0, NONE, 0, 64}},

    // name, addend, min, max, sum_max: position + length <= 8
    .scalars_header = RECORD(SCALARS, SCALARS, sizeof(tercet_scalar_record)),
    .scalars = {{S_FACTOR, NONE, -4, 4, 0}, {S_POSITION, 2, 0, 7, 8}, {S_LENGTH, NONE, 1, 8, 0}},

    // name, flags, inputs, outputs, scalars, commands, tokens, reserved
    .entries_header = RECORD(ENTRIES, ENTRIES, sizeof(tercet_entry_record)),
    .entries = {{S_MAIN, 0, 0, 1, 1, 1, 0, 1, 0, 5, 3, 0},
                {S_STEP, 0, 2, 2, 4, 2, 1, 2, 5, 2, 1, 0}},

    // buffer, access, offset, bytes
    .operands_header = RECORD(OPERANDS, OPERANDS, sizeof(tercet_operand_record)),
    .operands = {{BUFFER_IDS, READ, 0, 16},
                 {BUFFER_W, READ, 0, 640},
                 {BUFFER_GATHERED, WRITE, 0, 256},
                 {BUFFER_GATHERED, READ, 0, 256},
                 {BUFFER_PADDED, WRITE, 0, 448},
                 {BUFFER_PADDED, READ, 0, 448},
                 {BUFFER_Y, WRITE, 0, 256},
                 {BUFFER_X, READ, 0, 512},
                 {BUFFER_TOTAL, READ | WRITE, 0, 64},
                 {BUFFER_TOTAL, READ, 0, 64},
                 {BUFFER_SNAPSHOT, WRITE, 0, 64}},

    .scalar_refs_header = RECORD(SCALAR_REFS, SCALAR_REFS, 4),
    .scalar_refs = {0, 1, 2},

    .waits_header = RECORD(WAITS, WAITS, 4),
    .waits = {0, 1, 0},

    // Four rows of 64 bytes, put 128 bytes apart.
    .copies_header = RECORD(COPIES, 1, sizeof(tercet_copy_record)),
    .copies = {{ROW_BYTES, {1, 4}, {0, ROW_BYTES}, {0, 2 * ROW_BYTES}}},

    // opcode, engine, target, profile slot, grid, grain, operands,
    // scalars, scratch stride, scratch buffer, signal, waits
    .commands_header = RECORD(COMMANDS, COMMANDS, sizeof(tercet_command_record)),
    .commands =
        {{TERCET_COMMAND_DISPATCH, 0, 0, 0, {4, 1, 1}, 1, 0, 3, 0, 0, 0, NONE, 0, 0, 0, 0, 0},
         {TERCET_COMMAND_COPY, 0, 0, NONE, {0, 0, 0}, 0, 3, 2, 0, 0, 0, NONE, 1, 0, 1, 0, 0},
         {TERCET_COMMAND_WAIT, 0, NONE, NONE, {0, 0, 0}, 0, 0, 0, 0, 0, 0, NONE, NONE, 1, 1, 0, 0},
         {TERCET_COMMAND_DISPATCH,
          0,
          1,
          1,
          {2, 4, 1},
          0,
          5,
          2,
          0,
          1,
          64,
          BUFFER_SCRATCH,
          NONE,
          0,
          0,
          0,
          0},
         {TERCET_COMMAND_SIGNAL, 0, NONE, NONE, {0, 0, 0}, 0, 0, 0, 0, 0, 0, NONE, 2, 0, 0, 0, 0},
         {TERCET_COMMAND_DISPATCH, 0, 2, 2, {1, 1, 1}, 0, 7, 2, 1, 2, 0, NONE, 0, 0, 0, 0, 0},
         {TERCET_COMMAND_COPY, 0, NONE, NONE, {0, 0, 0}, 0, 9, 2, 0, 0, 0, NONE, NONE, 2, 1, 0, 0}},

    // name, engine, stack bytes, scratch bytes a worker
    .kernels_header = RECORD(KERNELS, 3, sizeof(tercet_kernel_record)),
    .kernels = {{S_GATHER_ROWS, 0, 128, 0}, {S_SCALE_ROWS, 0, 256, 32}, {S_ADD_ROWS, 0, 128, 0}},

    // node name, reserved, predicted picoseconds
    .profile_header = RECORD(PROFILE, 3, sizeof(tercet_profile_record)),
    .profile = {{S_NODE_GATHER, 0, 40000}, {S_NODE_MUL, 0, 60000}, {S_NODE_ADD, 0, 80000}},

    // pool, place, offset, bytes, digest kind, reserved, digest
    .weights_header = RECORD(WEIGHTS, 1, sizeof(tercet_weights_record)),
    .weights = {{POOL_WEIGHTS, TERCET_WEIGHTS_EMBEDDED, 0, 640, TERCET_DIGEST_NONE, 0, {0}}},

    // most workers, reserved, deepest kernel stack
    .limits_header = RECORD(LIMITS, 1, sizeof(tercet_limits_record)),
    .limits = {{TERCET_DEMO_MAX_WORKERS, 0, TERCET_DEMO_STACK_BYTES}},
};

const tercet_program tercet_demo = {.magic = TERCET_MAGIC_PROGRAM,
                                    .major = 1,
                                    .minor = 0,
                                    .features_required = 0,
                                    .table = &tercet_demo_table,
                                    .table_bytes = sizeof tercet_demo_table,
                                    .kernels = tercet_demo_kernels,
                                    .kernel_count = 3,
                                    .embedded_weights = tercet_demo_weights,
                                    .weights_bytes = sizeof tercet_demo_weights,
                                    .images = NULL,
                                    .images_bytes = 0};
