// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks the contents of the records that describe machine, memory and
// constants; entries and commands are in validate_commands.c. Each function
// checks one record against abi.h, relying only on records checked before it.
// No memory is needed, so tools can check any program.
#include "message.h"
#include "table.h"

#define MAX_POOLS 64
#define MAX_ENGINES 64
#define MAX_RANK 16

typedef struct checker {
  const tercet_program *program;
  const tercet_table *table;
  tercet_error *error;
} checker;

static tercet_status corrupt(const checker *c, uint32_t record, uint32_t index,
                             const char *text) {
  return tercet_error_corrupt(c->error, record, index, text);
}

static uint32_t count_of(const checker *c, uint32_t kind) {
  return tercet_table_count(c->table, kind);
}

static int name_ok(const checker *c, uint32_t name) {
  return name < count_of(c, TERCET_RECORD_STRINGS);
}

static int power_of_two(uint32_t value) {
  return value && !(value & (value - 1));
}

static int within(uint64_t offset, uint64_t bytes, uint64_t end) {
  return offset <= end && bytes <= end - offset;
}

static tercet_status check_strings(const checker *c) {
  uint32_t count = count_of(c, TERCET_RECORD_STRINGS);
  const char *text = tercet_table_name(c->table, 0);
  if (!count || text[0] || text[count - 1])
    return corrupt(c, TERCET_RECORD_STRINGS, TERCET_NONE,
                   "absent, or first or last byte is not NUL");
  return TERCET_OK;
}

static tercet_status check_limits(const checker *c) {
  if (count_of(c, TERCET_RECORD_LIMITS) != 1 ||
      !tercet_table_limits(c->table, 0)->max_workers)
    return corrupt(c, TERCET_RECORD_LIMITS, TERCET_NONE,
                   "needs one element with max_workers >= 1");
  return TERCET_OK;
}

static tercet_status check_engines(const checker *c) {
  uint32_t count = count_of(c, TERCET_RECORD_ENGINES);
  if (!count || count > MAX_ENGINES)
    return corrupt(c, TERCET_RECORD_ENGINES, TERCET_NONE,
                   "needs 1 to 64 engines");
  for (uint32_t i = 0; i < count; ++i) {
    const tercet_engine_record *engine = tercet_table_engine(c->table, i);
    if (!name_ok(c, engine->name))
      return corrupt(c, TERCET_RECORD_ENGINES, i, "bad name");
    if (engine->image_bytes &&
        (!c->program->images || engine->image_offset % 64 ||
         !within(engine->image_offset, engine->image_bytes,
                 c->program->images_bytes)))
      return corrupt(c, TERCET_RECORD_ENGINES, i, "image out of range");
  }
  return TERCET_OK;
}

static tercet_status check_buffer(const checker *c, uint32_t i) {
  const tercet_buffer_record *buffer = tercet_table_buffer(c->table, i);
  if (buffer->pool >= count_of(c, TERCET_RECORD_POOLS))
    return corrupt(c, TERCET_RECORD_BUFFERS, i, "pool out of range");
  const tercet_pool_record *pool = tercet_table_pool(c->table, buffer->pool);
  if (!power_of_two(buffer->alignment) || buffer->alignment > pool->alignment)
    return corrupt(c, TERCET_RECORD_BUFFERS, i, "bad alignment");
  if (buffer->bytes > SIZE_MAX / 2)
    return corrupt(c, TERCET_RECORD_BUFFERS, i, "too large");
  if (pool->kind != TERCET_POOL_IO &&
      (buffer->offset % buffer->alignment ||
       !within(buffer->offset, buffer->bytes, pool->bytes)))
    return corrupt(c, TERCET_RECORD_BUFFERS, i, "exceeds its pool");
  return TERCET_OK;
}

static tercet_status check_pools(const checker *c) {
  uint32_t pools = count_of(c, TERCET_RECORD_POOLS);
  uint32_t buffers = count_of(c, TERCET_RECORD_BUFFERS);
  if (pools > MAX_POOLS)
    return corrupt(c, TERCET_RECORD_POOLS, TERCET_NONE, "more than 64 pools");
  for (uint32_t i = 0; i < pools; ++i) {
    const tercet_pool_record *pool = tercet_table_pool(c->table, i);
    if (!name_ok(c, pool->name))
      return corrupt(c, TERCET_RECORD_POOLS, i, "bad name");
    if (pool->kind < TERCET_POOL_ARENA || pool->kind > TERCET_POOL_IO)
      return corrupt(c, TERCET_RECORD_POOLS, i, "unknown kind");
    if (!power_of_two(pool->alignment) || pool->bytes > SIZE_MAX / 2)
      return corrupt(c, TERCET_RECORD_POOLS, i, "bad alignment or size");
  }
  for (uint32_t i = 0; i < buffers; ++i) {
    tercet_status status = check_buffer(c, i);
    if (status)
      return status;
  }
  for (uint32_t i = 0; i < pools; ++i) {
    const tercet_pool_record *pool = tercet_table_pool(c->table, i);
    if (pool->kind != TERCET_POOL_IO)
      continue;
    uint64_t rank = 0;
    for (uint32_t b = 0; b < buffers; ++b) {
      const tercet_buffer_record *buffer = tercet_table_buffer(c->table, b);
      if (buffer->pool == i && buffer->offset != rank++)
        return corrupt(c, TERCET_RECORD_BUFFERS, b,
                       "binding index is not its rank");
    }
    if (rank != pool->bytes)
      return corrupt(c, TERCET_RECORD_POOLS, i,
                     "bytes is not the number of bindings");
  }
  return TERCET_OK;
}

static tercet_status check_weights(const checker *c) {
  uint32_t count = count_of(c, TERCET_RECORD_WEIGHTS);
  uint32_t pools = count_of(c, TERCET_RECORD_POOLS);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const tercet_weights_record *weights = tercet_table_weights(c->table, i);
    if (weights->pool >= pools)
      return corrupt(c, TERCET_RECORD_WEIGHTS, i, "pool out of range");
    const tercet_pool_record *pool = tercet_table_pool(c->table, weights->pool);
    if (pool->kind != TERCET_POOL_WEIGHTS || seen >> weights->pool & 1)
      return corrupt(c, TERCET_RECORD_WEIGHTS, i,
                     "pool is of another kind or has weights already");
    seen |= TERCET_BIT(weights->pool);
    if (weights->place != TERCET_WEIGHTS_EMBEDDED &&
        weights->place != TERCET_WEIGHTS_FILE)
      return corrupt(c, TERCET_RECORD_WEIGHTS, i, "unknown place");
    if (weights->bytes != pool->bytes || weights->offset % pool->alignment ||
        !within(weights->offset, weights->bytes, SIZE_MAX / 2))
      return corrupt(c, TERCET_RECORD_WEIGHTS, i, "bad offset or size");
    if (weights->place == TERCET_WEIGHTS_EMBEDDED &&
        (!c->program->embedded_weights ||
         !within(weights->offset, weights->bytes, c->program->weights_bytes)))
      return corrupt(c, TERCET_RECORD_WEIGHTS, i,
                     "exceeds the embedded weights");
  }
  for (uint32_t i = 0; i < pools; ++i)
    if (tercet_table_pool(c->table, i)->kind == TERCET_POOL_WEIGHTS &&
        !(seen >> i & 1))
      return corrupt(c, TERCET_RECORD_POOLS, i, "has no weights record");
  return TERCET_OK;
}

static tercet_status check_tensor(const checker *c, uint32_t i) {
  const tercet_tensor_record *tensor = tercet_table_tensor(c->table, i);
  if (!name_ok(c, tensor->name))
    return corrupt(c, TERCET_RECORD_TENSORS, i, "bad name");
  if (tensor->buffer >= count_of(c, TERCET_RECORD_BUFFERS))
    return corrupt(c, TERCET_RECORD_TENSORS, i, "buffer out of range");
  if (tensor->rank > MAX_RANK ||
      !within(tensor->first_dim, tensor->rank, count_of(c, TERCET_RECORD_DIMS)))
    return corrupt(c, TERCET_RECORD_TENSORS, i, "dims out of range");
  uint64_t bits = TERCET_ELEMENT_BITS(tensor->element);
  int overflow = !bits;
  for (uint32_t d = 0; d < tensor->rank; ++d)
    overflow |= __builtin_mul_overflow(
        bits, *tercet_table_dim(c->table, tensor->first_dim + d), &bits);
  if (overflow || bits / 8 + (bits % 8 != 0) != tensor->bytes)
    return corrupt(c, TERCET_RECORD_TENSORS, i,
                   "bytes do not match element type and dims");
  const tercet_buffer_record *buffer =
      tercet_table_buffer(c->table, tensor->buffer);
  uint32_t kind = tercet_table_pool(c->table, buffer->pool)->kind;
  if (tensor->bytes > buffer->bytes || kind == TERCET_POOL_WEIGHTS ||
      (kind == TERCET_POOL_IO && tensor->bytes != buffer->bytes))
    return corrupt(c, TERCET_RECORD_TENSORS, i, "does not fit its buffer");
  return TERCET_OK;
}

static tercet_status check_scalars(const checker *c) {
  uint32_t count = count_of(c, TERCET_RECORD_SCALARS);
  for (uint32_t i = 0; i < count; ++i) {
    const tercet_scalar_record *scalar = tercet_table_scalar(c->table, i);
    if (!name_ok(c, scalar->name) || scalar->min > scalar->max ||
        (scalar->addend != TERCET_NONE && scalar->addend >= count))
      return corrupt(c, TERCET_RECORD_SCALARS, i, "bad name, range or addend");
  }
  for (uint32_t i = 0; i < count_of(c, TERCET_RECORD_SCALAR_REFS); ++i)
    if (*tercet_table_scalar_ref(c->table, i) >= count)
      return corrupt(c, TERCET_RECORD_SCALAR_REFS, i, "scalar out of range");
  return TERCET_OK;
}

static tercet_status check_kernels(const checker *c) {
  uint32_t count = count_of(c, TERCET_RECORD_KERNELS);
  if (c->program->kernel_count != count || (count && !c->program->kernels))
    return corrupt(c, TERCET_RECORD_KERNELS, TERCET_NONE,
                   "count differs from the kernel array's");
  for (uint32_t i = 0; i < count; ++i) {
    const tercet_kernel_record *kernel = tercet_table_kernel(c->table, i);
    if (!name_ok(c, kernel->name) ||
        kernel->engine >= count_of(c, TERCET_RECORD_ENGINES))
      return corrupt(c, TERCET_RECORD_KERNELS, i, "bad name or engine");
  }
  for (uint32_t i = 0; i < count_of(c, TERCET_RECORD_PROFILE); ++i)
    if (!name_ok(c, tercet_table_profile(c->table, i)->name))
      return corrupt(c, TERCET_RECORD_PROFILE, i, "bad name");
  return TERCET_OK;
}

static tercet_status check_operand(const checker *c, uint32_t i) {
  const tercet_operand_record *operand = tercet_table_operand(c->table, i);
  if (operand->buffer >= count_of(c, TERCET_RECORD_BUFFERS))
    return corrupt(c, TERCET_RECORD_OPERANDS, i, "buffer out of range");
  const tercet_buffer_record *buffer =
      tercet_table_buffer(c->table, operand->buffer);
  if (!within(operand->offset, operand->bytes, buffer->bytes))
    return corrupt(c, TERCET_RECORD_OPERANDS, i, "exceeds its buffer");
  uint32_t access = operand->access;
  if (!access || access & ~(uint32_t)(TERCET_ACCESS_READ | TERCET_ACCESS_WRITE))
    return corrupt(c, TERCET_RECORD_OPERANDS, i, "bad access");
  if (access & TERCET_ACCESS_WRITE &&
      tercet_table_pool(c->table, buffer->pool)->kind == TERCET_POOL_WEIGHTS)
    return corrupt(c, TERCET_RECORD_OPERANDS, i, "writes weights");
  return TERCET_OK;
}

tercet_status tercet_table_validate(const tercet_program *program,
                                    const tercet_table *table,
                                    tercet_error *error) {
  static tercet_status (*const checks[])(const checker *) = {
      check_strings, check_limits,  check_engines, check_pools,
      check_weights, check_scalars, check_kernels};
  const checker c = {program, table, error};
  tercet_status status = TERCET_OK;
  for (size_t i = 0; i < sizeof checks / sizeof *checks && !status; ++i)
    status = checks[i](&c);
  for (uint32_t i = 0; i < count_of(&c, TERCET_RECORD_TENSORS) && !status; ++i)
    status = check_tensor(&c, i);
  for (uint32_t i = 0; i < count_of(&c, TERCET_RECORD_OPERANDS) && !status; ++i)
    status = check_operand(&c, i);
  return status ? status : tercet_table_validate_entries(program, table, error);
}
