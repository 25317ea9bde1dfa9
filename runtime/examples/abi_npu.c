// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program for a CPU and an NPU, written by hand: the NPU's code is an image
// inside the program, an arena is reached by both, and scratch is in the NPU's
// own memory. It uses what version 1.2 adds: SUBMIT. An object of it is kept as
// the 1.2 artifact, so its meaning must not change. NPU_IMAGE is the path of
// the image: abi_npu_kernels.c linked with the NPU's runtime.
//
//   main(x: i32[256]) -> y: i32[256]:  t = x + 1;  u = 2 * t;  y = u + 1
//
//   queue "cpu":  t -> signal 0, wait 1 -> y
//   queue "npu":  wait 0 -> u -> signal 1
#include "abi_npu.h"

#define HIDDEN __attribute__((visibility("hidden")))

// Of the image, padded with zeros.
#define IMAGE_BYTES 32768

// buffers: in (read), out (write). Tile x is 64 elements.
HIDDEN void tercet_npu_kernel_0(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z,
                                uint32_t worker) {
  (void)y, (void)z, (void)worker;
  const int32_t *in = (const int32_t *)args->buffers[0] + x * 64;
  int32_t *out = (int32_t *)args->buffers[1] + x * 64;
  for (int i = 0; i < 64; ++i)
    out[i] = in[i] + 1;
}

// The NPU's kernel is not one of these.
static const tercet_kernel_fn tercet_npu_kernels[] = {tercet_npu_kernel_0, 0};

__asm__(".section .rodata.tercet_npu_images, \"a\"\n"
        ".balign 64\n"
        ".globl tercet_npu_images\n.hidden tercet_npu_images\n"
        "tercet_npu_images:\n"
        ".incbin \"" NPU_IMAGE "\"\n"
        ".org tercet_npu_images + 32768\n"
        ".text\n");
extern HIDDEN const unsigned char tercet_npu_images[];

#define STRINGS "\0cpu\0npu\0arena\0tcm\0io\0main\0x\0y\0increment\0twice\0/Add\0/Mul"
enum {
  S_CPU = 1,
  S_NPU = S_CPU + 4,
  S_ARENA = S_NPU + 4,
  S_TCM = S_ARENA + 6,
  S_IO = S_TCM + 4,
  S_MAIN = S_IO + 3,
  S_X = S_MAIN + 5,
  S_Y = S_X + 2,
  S_INCREMENT = S_Y + 2,
  S_TWICE = S_INCREMENT + 10,
  S_NODE_ADD = S_TWICE + 6,
  S_NODE_MUL = S_NODE_ADD + 5,
  STRINGS_BYTES = S_NODE_MUL + 5
};
_Static_assert(sizeof(STRINGS) == STRINGS_BYTES, "names");

enum { CPU, NPU, ENGINES };
enum { POOL_ARENA, POOL_TCM, POOL_IO, POOLS };
enum { BUFFER_T, BUFFER_U, BUFFER_SCRATCH, BUFFER_X, BUFFER_Y, BUFFERS };
enum { OPERANDS = 6, COMMANDS = 3, WAITS = 2 };
#define PADDED8(bytes) (((bytes) + 7) / 8 * 8)

struct npu_table {
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
  tercet_kernel_record kernels[2];
  tercet_record_header profile_header;
  tercet_profile_record profile[2];
  tercet_record_header limits_header;
  tercet_limits_record limits[1];
};

#define RECORD(kind, count, stride)                                                                \
  {TERCET_RECORD_##kind, count, stride, PADDED8((count) * (stride))}

#if defined(__x86_64__)
#define CPU_ISA TERCET_ISA_X86_64
#elif defined(__aarch64__)
#define CPU_ISA TERCET_ISA_AARCH64
#elif defined(__riscv)
#define CPU_ISA TERCET_ISA_RISCV64
#else
#define CPU_ISA TERCET_ISA_NONE
#endif

#define NONE TERCET_NONE
#define I32 TERCET_ELEMENT_I32
#define READ TERCET_ACCESS_READ
#define WRITE TERCET_ACCESS_WRITE
#define COMMAND(opcode, engine, kernel, node, tiles, operand, stride, scratch, signal, wait,       \
                waits)                                                                             \
  {TERCET_COMMAND_##opcode,                                                                        \
   engine,                                                                                         \
   kernel,                                                                                         \
   node,                                                                                           \
   {tiles, 1, 1},                                                                                  \
   0,                                                                                              \
   operand,                                                                                        \
   2,                                                                                              \
   0,                                                                                              \
   0,                                                                                              \
   stride,                                                                                         \
   scratch,                                                                                        \
   signal,                                                                                         \
   wait,                                                                                           \
   waits,                                                                                          \
   0,                                                                                              \
   0}

__attribute__((section(".tercet.table"),
               aligned(16))) static const struct npu_table tercet_npu_table = {
    .header = {TERCET_MAGIC_TABLE, 1, 2, TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT),
               sizeof(struct npu_table), 13, 2, 0},

    .strings_header = RECORD(STRINGS, STRINGS_BYTES, 1),
    .strings = STRINGS,

    // name, kind, isa, vector_bits_min, features, image, format, workers
    .engines_header = RECORD(ENGINES, ENGINES, sizeof(tercet_engine_record)),
    .engines = {{S_CPU, TERCET_ENGINE_CPU, CPU_ISA, 0, 0, 0, 0, 0, 2},
                {S_NPU, TERCET_ENGINE_NPU, TERCET_ISA_HEXAGON, 0, 0, 0, IMAGE_BYTES,
                 TERCET_IMAGE_ELF, 2}},

    // name, kind, bytes, alignment, flags, engine mask
    .pools_header = RECORD(POOLS, POOLS, sizeof(tercet_pool_record)),
    .pools = {{S_ARENA, TERCET_POOL_ARENA, 2048, 128, 0, 3},
              {S_TCM, TERCET_POOL_ARENA, 256, 128, 0, 2},
              {S_IO, TERCET_POOL_IO, 2, 64, 0, 1}},

    // pool, flags, alignment, reserved, offset, bytes
    .buffers_header = RECORD(BUFFERS, BUFFERS, sizeof(tercet_buffer_record)),
    .buffers = {{POOL_ARENA, 0, 128, 0, 0, 1024},
                {POOL_ARENA, 0, 128, 0, 1024, 1024},
                {POOL_TCM, 0, 128, 0, 0, 256},
                {POOL_IO, 0, 64, 0, 0, 1024},
                {POOL_IO, 0, 64, 0, 1, 1024}},

    .dims_header = RECORD(DIMS, 1, 8),
    .dims = {256},

    // name, element, rank, first dim, buffer, flags, tied, reserved, bytes
    .tensors_header = RECORD(TENSORS, 2, sizeof(tercet_tensor_record)),
    .tensors = {{S_X, I32, 1, 0, BUFFER_X, 0, NONE, 0, 1024},
                {S_Y, I32, 1, 0, BUFFER_Y, 0, NONE, 0, 1024}},

    // name, flags, inputs, outputs, scalars, commands, tokens, reserved
    .entries_header = RECORD(ENTRIES, 1, sizeof(tercet_entry_record)),
    .entries = {{S_MAIN, 0, 0, 1, 1, 1, 0, 0, 0, COMMANDS, 2, 0}},

    // buffer, access, offset, bytes
    .operands_header = RECORD(OPERANDS, OPERANDS, sizeof(tercet_operand_record)),
    .operands = {{BUFFER_X, READ, 0, 1024},
                 {BUFFER_T, WRITE, 0, 1024},
                 {BUFFER_T, READ, 0, 1024},
                 {BUFFER_U, WRITE, 0, 1024},
                 {BUFFER_U, READ, 0, 1024},
                 {BUFFER_Y, WRITE, 0, 1024}},

    .waits_header = RECORD(WAITS, WAITS, 4),
    .waits = {0, 1},

    // engine, kernel, node, tiles, operands, scratch, signal, waits
    .commands_header = RECORD(COMMANDS, COMMANDS, sizeof(tercet_command_record)),
    .commands = {COMMAND(DISPATCH, CPU, 0, 0, 4, 0, 0, NONE, 0, 0, 0),
                 COMMAND(SUBMIT, NPU, 1, 1, 8, 2, 128, BUFFER_SCRATCH, 1, 0, 1),
                 COMMAND(DISPATCH, CPU, 0, 0, 4, 4, 0, NONE, NONE, 1, 1)},

    // name, engine, stack bytes, scratch bytes a worker
    .kernels_header = RECORD(KERNELS, 2, sizeof(tercet_kernel_record)),
    .kernels = {{S_INCREMENT, CPU, 128, 0}, {S_TWICE, NPU, 256, 128}},

    // node name, reserved, predicted picoseconds
    .profile_header = RECORD(PROFILE, 2, sizeof(tercet_profile_record)),
    .profile = {{S_NODE_ADD, 0, 40000}, {S_NODE_MUL, 0, 60000}},

    // most workers, reserved, deepest kernel stack of a CPU
    .limits_header = RECORD(LIMITS, 1, sizeof(tercet_limits_record)),
    .limits = {{TERCET_NPU_MAX_WORKERS, 0, TERCET_NPU_STACK_BYTES}},
};

const tercet_program tercet_npu = {.magic = TERCET_MAGIC_PROGRAM,
                                   .major = 1,
                                   .minor = 2,
                                   .features_required = TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT),
                                   .table = &tercet_npu_table,
                                   .table_bytes = sizeof tercet_npu_table,
                                   .kernels = tercet_npu_kernels,
                                   .kernel_count = 2,
                                   .embedded_weights = NULL,
                                   .weights_bytes = 0,
                                   .images = tercet_npu_images,
                                   .images_bytes = IMAGE_BYTES};
