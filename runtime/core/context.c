// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens a program: checks it, the machine and the weights, and lays the
// context out in the caller's memory.
#include "context.h"
#include "memory.h"

_Static_assert(sizeof(tercet_context) <= 1024, "TERCET_CONTEXT_BYTES");

typedef struct shape {
  uint32_t pools, buffers, scalars, operands, scalar_args;
  uint64_t bytes; // of the context and its arrays
} shape;

TERCET_NOINLINE static shape shape_of(const tercet_table *table) {
  shape s = {tercet_table_count(table, TERCET_RECORD_POOLS),
             tercet_table_count(table, TERCET_RECORD_BUFFERS),
             tercet_table_count(table, TERCET_RECORD_SCALARS),
             0,
             0,
             0};
  uint32_t commands = tercet_table_count(table, TERCET_RECORD_COMMANDS);
  for (uint32_t i = 0; i < commands; ++i) {
    const tercet_command_record *command = tercet_table_command(table, i);
    if (command->operand_count > s.operands)
      s.operands = command->operand_count;
    if (command->scalar_count > s.scalar_args)
      s.scalar_args = command->scalar_count;
  }
  s.bytes = sizeof(tercet_context) + ((uint64_t)s.scalars + s.scalar_args) * sizeof(int64_t) +
            ((uint64_t)s.pools + s.buffers + s.operands) * sizeof(void *);
  return s;
}

static tercet_status check(const tercet_program *program, uint64_t features, tercet_table *table,
                           tercet_error *error) {
  tercet_status status = tercet_table_parse(program, features, table, error);
  return status ? status : tercet_table_validate(program, table, error);
}

tercet_status tercet_program_check(const tercet_program *program, tercet_error *error) {
  uint64_t bytes; // is found on the way
  return tercet_context_bytes(program, &bytes, error);
}

tercet_status tercet_context_bytes(const tercet_program *program, uint64_t *bytes,
                                   tercet_error *error) {
  tercet_table table;
  if (!bytes)
    return tercet_error_set(error, TERCET_ERROR_INVALID_ARGUMENT, "bytes is NULL");
  *bytes = 0;
  tercet_status status = check(program, TERCET_FEATURES_KNOWN, &table, error);
  if (status)
    return status;
  *bytes = shape_of(&table).bytes;
  return tercet_error_set(error, TERCET_OK, "");
}

static int digests_equal(const uint8_t a[32], const uint8_t b[32]) {
  uint32_t i = 0;
  while (i < 32 && a[i] == b[i])
    ++i;
  return i == 32;
}

static tercet_status check_trailer(const tercet_weights_record *weights,
                                   const tercet_options *options, tercet_error *error) {
  tercet_weights_trailer trailer;
  if (!options->weights)
    return tercet_error_set(error, TERCET_ERROR_WEIGHTS_MISSING,
                            "program needs its weights file; set "
                            "options.weights");
  if (options->weights_bytes < sizeof trailer || options->weights_bytes > SIZE_MAX / 2)
    return tercet_error_set(error, TERCET_ERROR_WEIGHTS_TRUNCATED,
                            "weights are smaller than their trailer");
  uint64_t payload = options->weights_bytes - sizeof trailer;
  memcpy(&trailer, (const unsigned char *)options->weights + payload, sizeof trailer);
  if (trailer.magic != TERCET_MAGIC_WEIGHTS || trailer.payload_bytes != payload ||
      trailer.major != TERCET_ABI_MAJOR || weights->offset + weights->bytes > payload)
    return tercet_error_format(error, TERCET_ERROR_WEIGHTS_TRUNCATED,
                               "no valid trailer at the end of the @x bytes of weights", NULL, NULL,
                               (int64_t)options->weights_bytes, 0, 0);
  if (weights->digest_kind != trailer.digest_kind ||
      !digests_equal(weights->digest, trailer.digest))
    return tercet_error_set(error, TERCET_ERROR_WEIGHTS_MISMATCH,
                            "digest of the weights is not the program's; use "
                            "the file written by the same compilation");
  return TERCET_OK;
}

// Points the buffers of one pool into its memory.
TERCET_NOINLINE static void place_buffers(tercet_context *context, uint32_t pool,
                                          unsigned char *base) {
  context->pools[pool] = base;
  uint32_t count = tercet_table_count(&context->table, TERCET_RECORD_BUFFERS);
  for (uint32_t i = 0; i < count; ++i) {
    const tercet_buffer_record *buffer = tercet_table_buffer(&context->table, i);
    if (buffer->pool == pool)
      context->buffers[i] = base + buffer->offset;
  }
  context->pools_bound |= TERCET_BIT(pool);
}

static tercet_status bind_weights(tercet_context *context, const tercet_options *options,
                                  tercet_error *error) {
  const tercet_table *table = &context->table;
  uint32_t count = tercet_table_count(table, TERCET_RECORD_WEIGHTS);
  for (uint32_t i = 0; i < count; ++i) {
    const tercet_weights_record *weights = tercet_table_weights(table, i);
    const unsigned char *base = (const unsigned char *)context->program->embedded_weights;
    if (weights->place == TERCET_WEIGHTS_FILE) {
      tercet_status status = check_trailer(weights, options, error);
      if (status)
        return status;
      base = (const unsigned char *)options->weights;
    }
    const tercet_pool_record *pool = tercet_table_pool(table, weights->pool);
    base += weights->offset;
    tercet_status status = tercet_error_check_memory(
        error, "pool", tercet_table_name(table, pool->name), base, 0, 0, pool->alignment);
    if (status)
      return status;
    // Buffers hold writable pointers; validation has refused every write
    // access to a WEIGHTS pool.
    place_buffers(context, weights->pool, (unsigned char *)(uintptr_t)base);
  }
  return TERCET_OK;
}

static void lay_out(tercet_context *context, const shape *s) {
  int64_t *numbers = (int64_t *)(context + 1);
  context->scalars = numbers;
  context->lane.scalar_args = numbers + s->scalars;
  unsigned char **pointers = (unsigned char **)(numbers + s->scalars + s->scalar_args);
  context->pools = pointers;
  context->buffers = pointers + s->pools;
  context->lane.operands = (void **)(pointers + s->pools + s->buffers);
}

static void set_workers(tercet_context *context, const tercet_options *options) {
  uint32_t limit = tercet_table_limits(&context->table, 0)->max_workers;
  uint32_t workers = options->workers ? options->workers : 1;
  context->lane.workers = workers < limit ? workers : limit;
  context->lane.parallel_user = options->parallel_user;
  context->lane.parallel_for =
      options->parallel_for ? options->parallel_for : tercet_port_parallel_for;
}

tercet_status tercet_context_open(void *memory, uint64_t bytes, const tercet_program *program,
                                  const tercet_options *options, tercet_context **out,
                                  tercet_error *error) {
  if (out)
    *out = NULL;
  if (!out || !memory)
    return tercet_error_set(error, TERCET_ERROR_INVALID_ARGUMENT, "memory or context is NULL");
  static const tercet_options defaults = {0};
  if (!options)
    options = &defaults;
  tercet_table table;
  tercet_status status = check(program, options->features & TERCET_FEATURES_KNOWN, &table, error);
  if (status)
    return status;
  tercet_cpu_info cpu;
  if (options->cpu)
    cpu = *options->cpu;
  else
    tercet_port_cpu_query(&cpu);
  status = tercet_table_check_machine(&table, &cpu, error);
  if (status)
    return status;

  shape s = shape_of(&table);
  status =
      tercet_error_check_memory(error, "context", "", memory, bytes, s.bytes, TERCET_CONTEXT_ALIGN);
  if (status)
    return status;
  memset(memory, 0, (size_t)s.bytes);
  tercet_context *context = (tercet_context *)memory;
  context->table = table;
  context->program = program;
  context->error.index = TERCET_NONE;
  lay_out(context, &s);
  set_workers(context, options);
  for (uint32_t i = 0; i < s.scalars; ++i)
    context->scalars[i] = tercet_table_scalar(&table, i)->min;
  status = bind_weights(context, options, error);
  if (status)
    return status;
  for (uint32_t i = 0; i < s.pools; ++i) {
    const tercet_pool_record *pool = tercet_table_pool(&table, i);
    if (pool->kind != TERCET_POOL_ARENA && pool->kind != TERCET_POOL_STATE)
      continue;
    context->pools_needed |= TERCET_BIT(i);
    if (!pool->bytes) // nothing to bind, but its empty buffers need an address
      place_buffers(context, i, (unsigned char *)memory);
  }
  *out = context;
  return tercet_error_set(error, TERCET_OK, "");
}

tercet_status tercet_context_enter(tercet_context *context) {
  if (!context)
    return TERCET_ERROR_INVALID_ARGUMENT;
  if (context->running)
    return tercet_error_set(&context->error, TERCET_ERROR_BUSY, "the context is inside a run");
  return TERCET_OK;
}

tercet_status tercet_context_close(tercet_context *context) {
  return context ? tercet_context_enter(context) : TERCET_OK;
}

const tercet_error *tercet_context_error(const tercet_context *context) {
  return context ? &context->error : NULL;
}

uint32_t tercet_context_workers(const tercet_context *context) {
  return context ? context->lane.workers : 0;
}

uint64_t tercet_context_stack_bytes(const tercet_context *context) {
  return context ? tercet_table_limits(&context->table, 0)->stack_bytes : 0;
}

// ---- Pools ------------------------------------------------------------------

uint32_t tercet_pool_count(const tercet_context *context) {
  return context ? tercet_table_count(&context->table, TERCET_RECORD_POOLS) : 0;
}

tercet_status tercet_pool_query(const tercet_context *context, uint32_t pool,
                                tercet_pool_info *info) {
  if (!info || pool >= tercet_pool_count(context))
    return TERCET_ERROR_INVALID_ARGUMENT;
  const tercet_pool_record *record = tercet_table_pool(&context->table, pool);
  info->name = tercet_table_name(&context->table, record->name);
  info->kind = (tercet_pool_kind)record->kind;
  info->bytes = record->bytes;
  info->alignment = record->alignment;
  info->bound = (int)(context->pools_bound >> pool & 1);
  return TERCET_OK;
}

tercet_status tercet_pool_find(const tercet_context *context, tercet_pool_kind kind, uint32_t from,
                               uint32_t *pool) {
  if (!context || !pool)
    return TERCET_ERROR_INVALID_ARGUMENT;
  for (uint32_t i = from; i < tercet_pool_count(context); ++i)
    if (tercet_table_pool(&context->table, i)->kind == (uint32_t)kind) {
      *pool = i;
      return TERCET_OK;
    }
  return TERCET_ERROR_NOT_FOUND;
}

tercet_status tercet_pool_bind(tercet_context *context, uint32_t pool, void *memory,
                               uint64_t bytes) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  tercet_error *error = &context->error;
  if (!memory || pool >= tercet_pool_count(context))
    return tercet_error_set(error, TERCET_ERROR_INVALID_ARGUMENT, "memory is NULL or no such pool");
  const tercet_pool_record *record = tercet_table_pool(&context->table, pool);
  const char *name = tercet_table_name(&context->table, record->name);
  if (!(context->pools_needed >> pool & 1))
    return tercet_error_format(error, TERCET_ERROR_NOT_BINDABLE,
                               "pool '@a' is not bound by the application", name, NULL, 0, 0, 0);
  status = tercet_error_check_memory(error, "pool", name, memory, bytes, record->bytes,
                                     record->alignment);
  if (!status)
    place_buffers(context, pool, (unsigned char *)memory);
  return status;
}

tercet_status tercet_state_reset(tercet_context *context) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  const tercet_table *table = &context->table;
  for (uint32_t i = 0; i < tercet_pool_count(context); ++i) {
    const tercet_pool_record *pool = tercet_table_pool(table, i);
    if (pool->kind != TERCET_POOL_STATE)
      continue;
    if (!context->pools[i])
      return tercet_error_set(&context->error, TERCET_ERROR_NOT_BOUND, "a state pool is not bound");
    memset(context->pools[i], 0, (size_t)pool->bytes);
  }
  return TERCET_OK;
}
