// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A language model written by hand, in the form that the compiler gives a
// decoder: three entry points over one state, for the tests of sessions and of
// tercet-generate. Row t of the cache holds the token at t and a number that
// depends on all tokens up to it, which is made from row t - 1; the logits are a
// scrambled function of that number. So a wrong position, a lost row or a wrong
// order changes every logit that follows.
//
//   decode(tokens: i64[1,1], cache: state; position) -> logits: f32[1,1,16], cache
//   prefill_8(tokens: i64[1,8], ...) -> logits of the last token
//   verify_3(tokens: i64[1,3], ...) -> logits: f32[1,3,16]
#include "abi_decoder.h"

#define CONTEXT TERCET_DECODER_CONTEXT
#define VOCABULARY TERCET_DECODER_VOCABULARY
#define PREFILL TERCET_DECODER_PREFILL
#define VERIFY TERCET_DECODER_VERIFY

// ---- Kernels ----------------------------------------------------------------

#define HIDDEN __attribute__((visibility("hidden")))

typedef struct cache_row {
  int64_t token;
  int64_t number;
} cache_row;

// buffers: tokens (read), cache (read, write), logits (write). scalars: position.
static void step(const tercet_kernel_args *args, int64_t length, int64_t rows) {
  const int64_t *tokens = (const int64_t *)args->buffers[0];
  cache_row *cache = (cache_row *)args->buffers[1] + args->scalars[0];
  float *logits = (float *)args->buffers[2];
  for (int64_t s = 0; s < length; ++s) {
    int64_t before = args->scalars[0] + s ? cache[s - 1].number : 1;
    cache[s].token = tokens[s];
    cache[s].number = (before * 31 + tokens[s] * 7 + 3) % 65521;
    for (int64_t v = 0; s >= length - rows && v < VOCABULARY; ++v)
      logits[(s - length + rows) * VOCABULARY + v] =
          (float)((cache[s].number * (v * v + 5) * 40503 >> 3) % 1009) / 64.0f;
  }
}

HIDDEN void tercet_decoder_kernel_0(const tercet_kernel_args *args, uint32_t x, uint32_t y,
                                    uint32_t z, uint32_t worker) {
  (void)x, (void)y, (void)z, (void)worker;
  step(args, 1, 1);
}

HIDDEN void tercet_decoder_kernel_1(const tercet_kernel_args *args, uint32_t x, uint32_t y,
                                    uint32_t z, uint32_t worker) {
  (void)x, (void)y, (void)z, (void)worker;
  step(args, PREFILL, 1);
}

HIDDEN void tercet_decoder_kernel_2(const tercet_kernel_args *args, uint32_t x, uint32_t y,
                                    uint32_t z, uint32_t worker) {
  (void)x, (void)y, (void)z, (void)worker;
  step(args, VERIFY, VERIFY);
}

static const tercet_kernel_fn tercet_decoder_kernels[] = {
    tercet_decoder_kernel_0, tercet_decoder_kernel_1, tercet_decoder_kernel_2};

// ---- The table --------------------------------------------------------------

#define STRINGS                                                                                    \
  "\0cpu\0state\0io\0decode\0prefill_8\0verify_3\0tokens\0cache.0.key\0logits\0position\0"         \
  "step_1\0step_8\0step_3"
enum {
  S_NONE,
  S_CPU = 1,
  S_STATE = S_CPU + 4,
  S_IO = S_STATE + 6,
  S_DECODE = S_IO + 3,
  S_PREFILL = S_DECODE + 7,
  S_VERIFY = S_PREFILL + 10,
  S_TOKENS = S_VERIFY + 9,
  S_CACHE = S_TOKENS + 7,
  S_LOGITS = S_CACHE + 12,
  S_POSITION = S_LOGITS + 7,
  S_STEP_1 = S_POSITION + 9,
  S_STEP_8 = S_STEP_1 + 7,
  S_STEP_3 = S_STEP_8 + 7,
  STRINGS_BYTES = S_STEP_3 + 7
};
_Static_assert(sizeof(STRINGS) == STRINGS_BYTES, "names");
_Static_assert(sizeof(cache_row) * CONTEXT == TERCET_DECODER_STATE_BYTES, "state");

enum { POOL_STATE, POOL_IO, POOLS };
enum { ENTRIES = 3, BUFFERS = 7, TENSORS = 12, DIMS = 21 };
#define PADDED8(bytes) (((bytes) + 7) / 8 * 8)

struct decoder_table {
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
  tercet_scalar_record scalars[ENTRIES];
  tercet_record_header entries_header;
  tercet_entry_record entries[ENTRIES];
  tercet_record_header operands_header;
  tercet_operand_record operands[3 * ENTRIES];
  tercet_record_header scalar_refs_header;
  uint32_t scalar_refs[PADDED8(ENTRIES * 4) / 4];
  tercet_record_header commands_header;
  tercet_command_record commands[ENTRIES];
  tercet_record_header kernels_header;
  tercet_kernel_record kernels[ENTRIES];
  tercet_record_header limits_header;
  tercet_limits_record limits[1];
};

#define RECORD(kind, count, stride)                                                                \
  {TERCET_RECORD_##kind, count, stride, PADDED8((count) * (stride))}

#if defined(__x86_64__)
#define DECODER_ISA TERCET_ISA_X86_64
#elif defined(__aarch64__)
#define DECODER_ISA TERCET_ISA_AARCH64
#elif defined(__riscv)
#define DECODER_ISA TERCET_ISA_RISCV64
#else
#define DECODER_ISA TERCET_ISA_NONE
#endif

#define NONE TERCET_NONE
#define STATE_BYTES TERCET_DECODER_STATE_BYTES
#define ROW_BYTES (VOCABULARY * 4)
#define READ TERCET_ACCESS_READ
#define WRITE TERCET_ACCESS_WRITE

// Of entry e: tokens, cache, logits, cache after; buffers 1 + 2e and 2 + 2e.
#define ENTRY_TENSORS(e, length, rows)                                                             \
  {S_TOKENS, TERCET_ELEMENT_I64, 2, 3 + 6 * (e), 1 + 2 * (e), 0, NONE, 0, 8 * (length)},           \
      {S_CACHE, TERCET_ELEMENT_I64, 3, 0, 0, TERCET_TENSOR_STATE, NONE, 0, STATE_BYTES},           \
      {S_LOGITS, TERCET_ELEMENT_F32, 3, 5 + 6 * (e), 2 + 2 * (e), 0, NONE, 0, ROW_BYTES * (rows)}, \
  {                                                                                                \
    S_CACHE, TERCET_ELEMENT_I64, 3, 0, 0, TERCET_TENSOR_STATE, 1, 0, STATE_BYTES                   \
  }
#define ENTRY_OPERANDS(e, length, rows)                                                            \
  {1 + 2 * (e), READ, 0, 8 * (length)}, {0, READ | WRITE, 0, STATE_BYTES}, {                       \
    2 + 2 * (e), WRITE, 0, ROW_BYTES *(rows)                                                       \
  }
#define ENTRY_COMMAND(e)                                                                           \
  {TERCET_COMMAND_DISPATCH, 0, e, NONE, {1, 1, 1}, 0, 3 * (e), 3, e, 1, 0, NONE, NONE, 0, 0, 0, 0}

__attribute__((section(".tercet.table"),
               aligned(16))) static const struct decoder_table tercet_decoder_table = {
    .header = {TERCET_MAGIC_TABLE, 1, 0, 0, sizeof(struct decoder_table), 13, 0, 0},

    .strings_header = RECORD(STRINGS, STRINGS_BYTES, 1),
    .strings = STRINGS,

    .engines_header = RECORD(ENGINES, 1, sizeof(tercet_engine_record)),
    .engines = {{S_CPU, TERCET_ENGINE_CPU, DECODER_ISA, 0, 0, 0, 0, 0, 0}},

    .pools_header = RECORD(POOLS, POOLS, sizeof(tercet_pool_record)),
    .pools = {{S_STATE, TERCET_POOL_STATE, STATE_BYTES, 64, 0, 1},
              {S_IO, TERCET_POOL_IO, 6, 64, 0, 1}},

    .buffers_header = RECORD(BUFFERS, BUFFERS, sizeof(tercet_buffer_record)),
    .buffers = {{POOL_STATE, 0, 64, 0, 0, STATE_BYTES},
                {POOL_IO, 0, 8, 0, 0, 8},
                {POOL_IO, 0, 64, 0, 1, ROW_BYTES},
                {POOL_IO, 0, 8, 0, 2, 8 * PREFILL},
                {POOL_IO, 0, 64, 0, 3, ROW_BYTES},
                {POOL_IO, 0, 8, 0, 4, 8 * VERIFY},
                {POOL_IO, 0, 64, 0, 5, ROW_BYTES * VERIFY}},

    // The cache, then tokens (2), logits (3) and one to spare of each entry.
    .dims_header = RECORD(DIMS, DIMS, 8),
    .dims = {1, CONTEXT, 2,          1, 1, 1,      1, VOCABULARY, 0,          1, PREFILL,
             1, 1,       VOCABULARY, 0, 1, VERIFY, 1, VERIFY,     VOCABULARY, 0},

    .tensors_header = RECORD(TENSORS, TENSORS, sizeof(tercet_tensor_record)),
    .tensors = {ENTRY_TENSORS(0, 1, 1), ENTRY_TENSORS(1, PREFILL, 1),
                ENTRY_TENSORS(2, VERIFY, VERIFY)},

    .scalars_header = RECORD(SCALARS, ENTRIES, sizeof(tercet_scalar_record)),
    .scalars = {{S_POSITION, NONE, 0, CONTEXT - 1, 0},
                {S_POSITION, NONE, 0, CONTEXT - PREFILL, 0},
                {S_POSITION, NONE, 0, CONTEXT - VERIFY, 0}},

    .entries_header = RECORD(ENTRIES, ENTRIES, sizeof(tercet_entry_record)),
    .entries = {{S_DECODE, 0, 0, 2, 2, 2, 0, 1, 0, 1, 0, 0},
                {S_PREFILL, 0, 4, 2, 6, 2, 1, 1, 1, 1, 0, 0},
                {S_VERIFY, 0, 8, 2, 10, 2, 2, 1, 2, 1, 0, 0}},

    .operands_header = RECORD(OPERANDS, 3 * ENTRIES, sizeof(tercet_operand_record)),
    .operands = {ENTRY_OPERANDS(0, 1, 1), ENTRY_OPERANDS(1, PREFILL, 1),
                 ENTRY_OPERANDS(2, VERIFY, VERIFY)},

    .scalar_refs_header = RECORD(SCALAR_REFS, ENTRIES, 4),
    .scalar_refs = {0, 1, 2},

    .commands_header = RECORD(COMMANDS, ENTRIES, sizeof(tercet_command_record)),
    .commands = {ENTRY_COMMAND(0), ENTRY_COMMAND(1), ENTRY_COMMAND(2)},

    .kernels_header = RECORD(KERNELS, ENTRIES, sizeof(tercet_kernel_record)),
    .kernels = {{S_STEP_1, 0, 256, 0}, {S_STEP_8, 0, 256, 0}, {S_STEP_3, 0, 256, 0}},

    .limits_header = RECORD(LIMITS, 1, sizeof(tercet_limits_record)),
    .limits = {{4, 0, 256}},
};

const tercet_program tercet_decoder = {.magic = TERCET_MAGIC_PROGRAM,
                                       .major = 1,
                                       .minor = 0,
                                       .features_required = 0,
                                       .table = &tercet_decoder_table,
                                       .table_bytes = sizeof tercet_decoder_table,
                                       .kernels = tercet_decoder_kernels,
                                       .kernel_count = ENTRIES,
                                       .embedded_weights = NULL,
                                       .weights_bytes = 0,
                                       .images = NULL,
                                       .images_bytes = 0};
