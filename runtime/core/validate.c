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
  uint64_t pools_with_weights; // bit p: pool p has its WEIGHTS element
  uint64_t ranks[MAX_POOLS];   // buffers seen of each IO pool
} checker;

static uint32_t count_of(const checker *c, uint32_t kind) {
  return tercet_table_count(c->table, kind);
}

static int power_of_two(uint32_t value) { return value && !(value & (value - 1)); }

static int within(uint64_t offset, uint64_t bytes, uint64_t end) {
  return offset <= end && bytes <= end - offset;
}

// ---- References -------------------------------------------------------------

// Every field that names an element, or a range of elements, of another
// record. Data instead of code: one loop checks them all.
typedef struct reference {
  uint8_t kind;   // record that refers
  uint8_t target; // record referred to
  uint8_t first;  // offset of the index, or of the range's start
  uint8_t count;  // offset of the range's length; or ONE, OPTIONAL
} reference;

enum { ONE = 255, OPTIONAL = 254 };

#define FIELD(type, name) (uint8_t)offsetof(tercet_##type##_record, name)
#define INDEX(KIND, type, name, TARGET)                                                            \
  {TERCET_RECORD_##KIND, TERCET_RECORD_##TARGET, FIELD(type, name), ONE}
#define INDEX_OR_NONE(KIND, type, name, TARGET)                                                    \
  {TERCET_RECORD_##KIND, TERCET_RECORD_##TARGET, FIELD(type, name), OPTIONAL}
#define RANGE(KIND, type, first, count, TARGET)                                                    \
  {TERCET_RECORD_##KIND, TERCET_RECORD_##TARGET, FIELD(type, first), FIELD(type, count)}

static const reference references[] = {
    INDEX(ENGINES, engine, name, STRINGS),
    INDEX(POOLS, pool, name, STRINGS),
    INDEX(TENSORS, tensor, name, STRINGS),
    INDEX(SCALARS, scalar, name, STRINGS),
    INDEX(ENTRIES, entry, name, STRINGS),
    INDEX(KERNELS, kernel, name, STRINGS),
    INDEX(PROFILE, profile, name, STRINGS),
    INDEX(BUFFERS, buffer, pool, POOLS),
    INDEX(WEIGHTS, weights, pool, POOLS),
    INDEX(TENSORS, tensor, buffer, BUFFERS),
    INDEX(OPERANDS, operand, buffer, BUFFERS),
    INDEX(KERNELS, kernel, engine, ENGINES),
    INDEX(COMMANDS, command, engine, ENGINES),
    {TERCET_RECORD_SCALAR_REFS, TERCET_RECORD_SCALARS, 0, ONE},
    INDEX_OR_NONE(SCALARS, scalar, addend, SCALARS),
    INDEX_OR_NONE(COMMANDS, command, profile_slot, PROFILE),
    INDEX_OR_NONE(COMMANDS, command, scratch_buffer, BUFFERS),
    RANGE(TENSORS, tensor, first_dim, rank, DIMS),
    RANGE(ENTRIES, entry, first_input, input_count, TENSORS),
    RANGE(ENTRIES, entry, first_output, output_count, TENSORS),
    RANGE(ENTRIES, entry, first_scalar, scalar_count, SCALARS),
    RANGE(ENTRIES, entry, first_command, command_count, COMMANDS),
    RANGE(COMMANDS, command, first_operand, operand_count, OPERANDS),
    RANGE(COMMANDS, command, first_scalar, scalar_count, SCALAR_REFS),
    RANGE(COMMANDS, command, first_wait, wait_count, WAITS)};

static tercet_status check_reference(const checker *c, const reference *r) {
  uint32_t end = count_of(c, r->target);
  for (uint32_t i = 0; i < count_of(c, r->kind); ++i) {
    const unsigned char *element = (const unsigned char *)tercet_table_at(c->table, r->kind, i);
    uint64_t first = *(const uint32_t *)(const void *)(element + r->first);
    uint64_t count = 1;
    if (r->count < OPTIONAL)
      count = *(const uint32_t *)(const void *)(element + r->count);
    if (first + count <= end || (r->count == OPTIONAL && first == TERCET_NONE))
      continue;
    tercet_error_corrupt(c->error, r->kind, i, "reference out of range: ");
    tercet_error_append(c->error, tercet_record_name(r->target));
    return TERCET_ERROR_CORRUPT;
  }
  return TERCET_OK;
}

// ---- Elements ---------------------------------------------------------------

// Each checks one element and returns what is wrong with it, or NULL.

static const char *check_engine(checker *c, const void *element, uint32_t i) {
  const tercet_engine_record *engine = (const tercet_engine_record *)element;
  (void)i;
  if (engine->image_bytes &&
      (!c->program->images || engine->image_offset % 64 ||
       !within(engine->image_offset, engine->image_bytes, c->program->images_bytes)))
    return "image out of range";
  return NULL;
}

static const char *check_buffer(checker *c, const void *element, uint32_t i) {
  const tercet_buffer_record *buffer = (const tercet_buffer_record *)element;
  const tercet_pool_record *pool = tercet_table_pool(c->table, buffer->pool);
  (void)i;
  if (!power_of_two(buffer->alignment) || buffer->alignment > pool->alignment)
    return "bad alignment";
  if (buffer->bytes > SIZE_MAX / 2)
    return "too large";
  if (pool->kind == TERCET_POOL_IO)
    return buffer->offset == c->ranks[buffer->pool]++ ? NULL : "binding index is not its rank";
  if (buffer->offset & (buffer->alignment - 1) ||
      !within(buffer->offset, buffer->bytes, pool->bytes))
    return "exceeds its pool";
  return NULL;
}

static const char *check_weights(checker *c, const void *element, uint32_t i) {
  const tercet_weights_record *weights = (const tercet_weights_record *)element;
  const tercet_pool_record *pool = tercet_table_pool(c->table, weights->pool);
  (void)i;
  if (pool->kind != TERCET_POOL_WEIGHTS || c->pools_with_weights >> weights->pool & 1)
    return "pool is of another kind or has weights already";
  c->pools_with_weights |= TERCET_BIT(weights->pool);
  if (weights->bytes != pool->bytes || weights->offset & (pool->alignment - 1) ||
      !within(weights->offset, weights->bytes, SIZE_MAX / 2))
    return "bad offset or size";
  if (weights->place == TERCET_WEIGHTS_EMBEDDED)
    return c->program->embedded_weights &&
                   within(weights->offset, weights->bytes, c->program->weights_bytes)
               ? NULL
               : "exceeds the embedded weights";
  return weights->place == TERCET_WEIGHTS_FILE ? NULL : "unknown place";
}

static const char *check_pool(checker *c, const void *element, uint32_t i) {
  const tercet_pool_record *pool = (const tercet_pool_record *)element;
  if (!power_of_two(pool->alignment) || pool->bytes > SIZE_MAX / 2)
    return "bad alignment or size";
  switch (pool->kind) {
  case TERCET_POOL_ARENA:
  case TERCET_POOL_STATE:
    return NULL;
  case TERCET_POOL_WEIGHTS:
    return c->pools_with_weights >> i & 1 ? NULL : "has no weights record";
  case TERCET_POOL_IO:
    return pool->bytes == c->ranks[i] ? NULL : "bytes is not the number of bindings";
  default:
    return "unknown kind";
  }
}

static const char *check_tensor(checker *c, const void *element, uint32_t i) {
  const tercet_tensor_record *tensor = (const tercet_tensor_record *)element;
  (void)i;
  if (tensor->rank > MAX_RANK)
    return "rank above 16";
  uint64_t bits = TERCET_ELEMENT_BITS(tensor->element);
  int overflow = !bits;
  for (uint32_t d = 0; d < tensor->rank; ++d)
    overflow |=
        __builtin_mul_overflow(bits, *tercet_table_dim(c->table, tensor->first_dim + d), &bits);
  if (overflow || bits / 8 + (bits % 8 != 0) != tensor->bytes)
    return "bytes do not match element type and dims";
  const tercet_buffer_record *buffer = tercet_table_buffer(c->table, tensor->buffer);
  uint32_t kind = tercet_table_pool(c->table, buffer->pool)->kind;
  if (tensor->bytes > buffer->bytes || kind == TERCET_POOL_WEIGHTS ||
      (kind == TERCET_POOL_IO && tensor->bytes != buffer->bytes))
    return "does not fit its buffer";
  return NULL;
}

static const char *check_scalar(checker *c, const void *element, uint32_t i) {
  const tercet_scalar_record *scalar = (const tercet_scalar_record *)element;
  (void)c, (void)i;
  return scalar->min > scalar->max ? "empty range" : NULL;
}

static const char *check_operand(checker *c, const void *element, uint32_t i) {
  const tercet_operand_record *operand = (const tercet_operand_record *)element;
  const tercet_buffer_record *buffer = tercet_table_buffer(c->table, operand->buffer);
  (void)i;
  if (!within(operand->offset, operand->bytes, buffer->bytes))
    return "exceeds its buffer";
  if (operand->access - 1u >= (TERCET_ACCESS_READ | TERCET_ACCESS_WRITE))
    return "bad access";
  if (operand->access & TERCET_ACCESS_WRITE &&
      tercet_table_pool(c->table, buffer->pool)->kind == TERCET_POOL_WEIGHTS)
    return "writes weights";
  return NULL;
}

// In an order in which each relies only on those before it.
static const struct element_check {
  const char *(*check)(checker *c, const void *element, uint32_t index);
  uint32_t kind;
} element_checks[] = {{check_engine, TERCET_RECORD_ENGINES},  {check_buffer, TERCET_RECORD_BUFFERS},
                      {check_weights, TERCET_RECORD_WEIGHTS}, {check_pool, TERCET_RECORD_POOLS},
                      {check_tensor, TERCET_RECORD_TENSORS},  {check_scalar, TERCET_RECORD_SCALARS},
                      {check_operand, TERCET_RECORD_OPERANDS}};

// ---- Records as a whole -----------------------------------------------------

static tercet_status check_counts(const checker *c) {
  uint32_t strings = count_of(c, TERCET_RECORD_STRINGS);
  const char *text = strings ? tercet_table_name(c->table, 0) : "";
  const char *wrong = NULL;
  uint32_t kind = 0;
  if (!strings || text[0] || text[strings - 1])
    kind = TERCET_RECORD_STRINGS, wrong = "first or last byte is not NUL";
  else if (count_of(c, TERCET_RECORD_LIMITS) != 1 || !tercet_table_limits(c->table, 0)->max_workers)
    kind = TERCET_RECORD_LIMITS, wrong = "not one element with max_workers";
  else if (count_of(c, TERCET_RECORD_ENGINES) > MAX_ENGINES)
    kind = TERCET_RECORD_ENGINES, wrong = "more than 64";
  else if (count_of(c, TERCET_RECORD_POOLS) > MAX_POOLS)
    kind = TERCET_RECORD_POOLS, wrong = "more than 64";
  else if (c->program->kernel_count != count_of(c, TERCET_RECORD_KERNELS) ||
           (c->program->kernel_count && !c->program->kernels))
    kind = TERCET_RECORD_KERNELS, wrong = "count is not the kernel array's";
  return wrong ? tercet_error_corrupt(c->error, kind, TERCET_NONE, wrong) : TERCET_OK;
}

tercet_status tercet_table_validate(const tercet_program *program, const tercet_table *table,
                                    tercet_error *error) {
  checker c = {program, table, error, 0, {0}};
  tercet_status status = check_counts(&c);
  for (size_t i = 0; i < sizeof references / sizeof *references && !status; ++i)
    status = check_reference(&c, &references[i]);
  if (status)
    return status;
  for (size_t k = 0; k < sizeof element_checks / sizeof *element_checks; ++k) {
    uint32_t kind = element_checks[k].kind;
    for (uint32_t i = 0; i < count_of(&c, kind); ++i) {
      const char *wrong = element_checks[k].check(&c, tercet_table_at(table, kind, i), i);
      if (wrong)
        return tercet_error_corrupt(error, kind, i, wrong);
    }
  }
  return tercet_table_validate_entries(program, table, error);
}
