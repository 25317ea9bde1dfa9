// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks entry points and their commands: ranges, grids, scratch, copies, and
// the token order that makes the command list a valid sequential execution.
// Runs after all other records have been checked.
#include "message.h"
#include "table.h"

typedef struct checker {
  const tercet_program *program;
  const tercet_table *table;
  const tercet_entry_record *entry;
  tercet_error *error;
  uint32_t tokens; // signalled so far in this entry
} checker;

// DISPATCH, which is for CPUs, or SUBMIT, which is for all others.
static const char *check_dispatch(const checker *c, const tercet_command_record *command) {
  uint32_t opcode = command->opcode, expected = TERCET_COMMAND_DISPATCH;
  if (tercet_table_engine(c->table, command->engine)->kind != TERCET_ENGINE_CPU)
    expected = TERCET_COMMAND_SUBMIT;
  if (opcode != expected)
    return "DISPATCH on an engine that is not a CPU, or SUBMIT on one that is";
  if (command->target >= tercet_table_count(c->table, TERCET_RECORD_KERNELS) ||
      !c->program->kernels[command->target] == (opcode == TERCET_COMMAND_DISPATCH))
    return "kernel out of range, or NULL for a CPU, or not NULL for another engine";
  uint64_t plane = (uint64_t)command->grid[0] * command->grid[1];
  uint64_t tiles = plane * command->grid[2];
  if (!tiles || plane > UINT32_MAX || tiles > UINT32_MAX)
    return "empty or too large grid";
  const tercet_kernel_record *kernel = tercet_table_kernel(c->table, command->target);
  if (kernel->engine != command->engine)
    return "kernel is for another engine";
  if (command->scratch_buffer == TERCET_NONE)
    return kernel->scratch_bytes ? "kernel needs scratch" : NULL;
  const tercet_buffer_record *buffer = tercet_table_buffer(c->table, command->scratch_buffer);
  const tercet_pool_record *pool = tercet_table_pool(c->table, buffer->pool);
  uint64_t stride = command->scratch_stride;
  uint32_t workers = tercet_table_limits(c->table, 0)->max_workers;
  if (opcode == TERCET_COMMAND_SUBMIT)
    workers = tercet_table_workers(c->table, command->engine);
  if (pool->kind != TERCET_POOL_ARENA || !(pool->engine_mask >> command->engine & 1) || !stride ||
      stride % 64 || stride < kernel->scratch_bytes || stride > buffer->bytes / workers)
    return "scratch buffer does not fit the scratch of all workers";
  return NULL;
}

// Bytes from the first byte to the last. Cannot overflow: all below 2^31.
static uint64_t hull(const tercet_copy_record *copy, const uint64_t stride[2]) {
  return (copy->count[0] - 1u) * stride[0] + (copy->count[1] - 1u) * stride[1] + copy->run_bytes;
}

static const char *check_copy(const checker *c, const tercet_command_record *command) {
  if (command->operand_count != 2)
    return "COPY without exactly two operands";
  const tercet_operand_record *source = tercet_table_operand(c->table, command->first_operand);
  const tercet_operand_record *destination =
      tercet_table_operand(c->table, command->first_operand + 1);
  if (source->access != TERCET_ACCESS_READ || destination->access != TERCET_ACCESS_WRITE)
    return "COPY needs a READ and a WRITE operand";
  if (command->target == TERCET_NONE)
    return source->bytes == destination->bytes ? NULL : "COPY of unequal sizes";
  if (command->target >= tercet_table_count(c->table, TERCET_RECORD_COPIES))
    return "copy out of range";
  const tercet_copy_record *copy = tercet_table_copy(c->table, command->target);
  const uint64_t *to = copy->destination_stride;
  if (!copy->run_bytes || !copy->count[0] || !copy->count[1] ||
      (copy->run_bytes | copy->count[0] | copy->count[1] | to[0] | to[1] | copy->source_stride[0] |
       copy->source_stride[1]) >>
          31)
    return "strided copy has a zero or too large number";
  if (hull(copy, copy->source_stride) > source->bytes || hull(copy, to) > destination->bytes)
    return "strided copy exceeds its operands";
  // Also bounds the time that a copy takes.
  if ((copy->count[1] > 1 && to[1] < copy->run_bytes) ||
      (copy->count[0] > 1 && to[0] < (copy->count[1] - 1u) * to[1] + copy->run_bytes))
    return "strided copy writes bytes twice";
  return NULL;
}

static const char *check_arguments(const checker *c, const tercet_command_record *command) {
  for (uint32_t i = 0; i < command->operand_count; ++i) {
    const tercet_operand_record *operand =
        tercet_table_operand(c->table, command->first_operand + i);
    uint32_t pool = tercet_table_buffer(c->table, operand->buffer)->pool;
    if (!(tercet_table_pool(c->table, pool)->engine_mask >> command->engine & 1))
      return "engine cannot address an operand's pool";
  }
  for (uint32_t i = 0; i < command->scalar_count; ++i) {
    uint32_t scalar = *tercet_table_scalar_ref(c->table, command->first_scalar + i);
    if (scalar - c->entry->first_scalar >= c->entry->scalar_count)
      return "scalar of another entry";
  }
  return NULL;
}

static const char *check_tokens(checker *c, const tercet_command_record *command) {
  for (uint32_t i = 0; i < command->wait_count; ++i)
    if (*tercet_table_wait(c->table, command->first_wait + i) >= c->tokens)
      return "waits for a token that no earlier command signals";
  if (command->signal_token != TERCET_NONE && command->signal_token != c->tokens++)
    return "tokens are not numbered in the order of their signals";
  return NULL;
}

static const char *check_command(checker *c, const tercet_command_record *command) {
  const char *text = check_arguments(c, command);
  if (!text)
    text = check_tokens(c, command);
  if (text)
    return text;
  switch (command->opcode) {
  case TERCET_COMMAND_SUBMIT:
    if (!(c->program->features_required & TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT)))
      return "SUBMIT without its feature";
    // Fall through.
  case TERCET_COMMAND_DISPATCH:
    return check_dispatch(c, command);
  case TERCET_COMMAND_COPY:
    return check_copy(c, command);
  case TERCET_COMMAND_SIGNAL:
  case TERCET_COMMAND_WAIT:
    return NULL;
  default:
    return "unknown opcode";
  }
}

static const char *check_entry(const checker *c, uint32_t commands_before) {
  const tercet_entry_record *entry = c->entry;
  if (entry->first_command < commands_before)
    return "commands overlap those of an earlier entry";
  for (uint32_t i = 0; i < entry->scalar_count; ++i) {
    const tercet_scalar_record *scalar = tercet_table_scalar(c->table, entry->first_scalar + i);
    if (scalar->addend != TERCET_NONE &&
        scalar->addend - entry->first_scalar >= entry->scalar_count)
      return "scalar's addend belongs to another entry";
  }
  for (uint32_t i = 0; i < entry->output_count; ++i) {
    const tercet_tensor_record *output = tercet_table_tensor(c->table, entry->first_output + i);
    if (output->tied == TERCET_NONE) {
      if (output->flags & TERCET_TENSOR_STATE)
        return "state output without a tied input";
      continue;
    }
    if (output->tied >= entry->input_count ||
        tercet_table_tensor(c->table, entry->first_input + output->tied)->buffer != output->buffer)
      return "output is tied to an input in another buffer";
  }
  return NULL;
}

tercet_status tercet_table_validate_entries(const tercet_program *program,
                                            const tercet_table *table, tercet_error *error) {
  uint32_t count = tercet_table_count(table, TERCET_RECORD_ENTRIES);
  if (!count)
    return tercet_error_corrupt(error, TERCET_RECORD_ENTRIES, TERCET_NONE, "no entry point");
  uint32_t before = 0;
  for (uint32_t i = 0; i < count; ++i) {
    checker c = {program, table, tercet_table_entry(table, i), error, 0};
    const char *text = check_entry(&c, before);
    if (text)
      return tercet_error_corrupt(error, TERCET_RECORD_ENTRIES, i, text);
    uint32_t end = c.entry->first_command + c.entry->command_count;
    for (uint32_t k = c.entry->first_command; k < end; ++k) {
      text = check_command(&c, tercet_table_command(table, k));
      if (text)
        return tercet_error_corrupt(error, TERCET_RECORD_COMMANDS, k, text);
    }
    if (c.tokens != c.entry->token_count)
      return tercet_error_corrupt(error, TERCET_RECORD_ENTRIES, i,
                                  "token_count is not the number of signals");
    before = end;
  }
  return TERCET_OK;
}
