// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entry points as the application sees them: names, tensors, scalars, and what
// is bound to them. Also the questions that tools ask about commands.
#include "context.h"

const tercet_entry_record *tercet_entry_at(const tercet_context *context, uint32_t entry) {
  return entry < tercet_entry_count(context) ? tercet_table_entry(&context->table, entry) : NULL;
}

uint32_t tercet_entry_count(const tercet_context *context) {
  return context ? tercet_table_count(&context->table, TERCET_RECORD_ENTRIES) : 0;
}

tercet_status tercet_entry_query(const tercet_context *context, uint32_t entry,
                                 tercet_entry_info *info) {
  const tercet_entry_record *record = tercet_entry_at(context, entry);
  if (!record || !info)
    return TERCET_ERROR_INVALID_ARGUMENT;
  info->name = tercet_table_name(&context->table, record->name);
  info->input_count = record->input_count;
  info->output_count = record->output_count;
  info->scalar_count = record->scalar_count;
  info->command_count = record->command_count;
  return TERCET_OK;
}

// First of `count` elements with that name, as an index relative to `first`.
// ENTRIES, TENSORS and SCALARS all begin with their name.
static tercet_status find(const tercet_context *context, uint32_t kind, uint32_t first,
                          uint32_t count, const char *name, uint32_t *index) {
  const tercet_table *table = &context->table;
  if (!name || !index)
    return TERCET_ERROR_INVALID_ARGUMENT;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t *id = (const uint32_t *)tercet_table_at(table, kind, first + i);
    if (tercet_name_equal(tercet_table_name(table, *id), name)) {
      *index = i;
      return TERCET_OK;
    }
  }
  return TERCET_ERROR_NOT_FOUND;
}

tercet_status tercet_entry_find(const tercet_context *context, const char *name, uint32_t *entry) {
  if (!context || !entry)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *entry = 0;
  if (!name || !*name)
    return TERCET_OK;
  return find(context, TERCET_RECORD_ENTRIES, 0, tercet_entry_count(context), name, entry);
}

// ---- Tensors ----------------------------------------------------------------

// Index of a tensor in TENSORS, or TERCET_NONE.
TERCET_NOINLINE static uint32_t tensor_index(const tercet_context *context, uint32_t entry_index,
                                             tercet_direction direction, uint32_t index) {
  const tercet_entry_record *entry = tercet_entry_at(context, entry_index);
  if (!entry)
    return TERCET_NONE;
  if (direction == TERCET_INPUT)
    return index < entry->input_count ? entry->first_input + index : TERCET_NONE;
  return index < entry->output_count ? entry->first_output + index : TERCET_NONE;
}

TERCET_NOINLINE tercet_status tercet_tensor_query(const tercet_context *context, uint32_t entry,
                                                  tercet_direction direction, uint32_t index,
                                                  tercet_tensor_info *info) {
  uint32_t id = tensor_index(context, entry, direction, index);
  if (id == TERCET_NONE || !info)
    return TERCET_ERROR_INVALID_ARGUMENT;
  const tercet_table *table = &context->table;
  const tercet_tensor_record *tensor = tercet_table_tensor(table, id);
  const tercet_buffer_record *buffer = tercet_table_buffer(table, tensor->buffer);
  info->name = tercet_table_name(table, tensor->name);
  info->element = (tercet_element)tensor->element;
  info->rank = tensor->rank;
  info->dims = tensor->rank ? tercet_table_dim(table, tensor->first_dim) : NULL;
  info->bytes = tensor->bytes;
  info->alignment = buffer->alignment;
  info->flags = tensor->flags;
  info->tied = direction == TERCET_OUTPUT ? tensor->tied : TERCET_NONE;
  info->bindable = tercet_table_pool(table, buffer->pool)->kind == TERCET_POOL_IO;
  info->data = context->buffers[tensor->buffer];
  return TERCET_OK;
}

tercet_status tercet_tensor_find(const tercet_context *context, uint32_t entry,
                                 tercet_direction direction, const char *name, uint32_t *index) {
  const tercet_entry_record *record = tercet_entry_at(context, entry);
  if (!record)
    return TERCET_ERROR_INVALID_ARGUMENT;
  int input = direction == TERCET_INPUT;
  return find(context, TERCET_RECORD_TENSORS, input ? record->first_input : record->first_output,
              input ? record->input_count : record->output_count, name, index);
}

static tercet_status bind(tercet_context *context, uint32_t entry, tercet_direction direction,
                          uint32_t index, void *memory, uint64_t bytes) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  tercet_error *error = &context->error;
  tercet_tensor_info info;
  if (!memory || tercet_tensor_query(context, entry, direction, index, &info))
    return tercet_error_set(error, TERCET_ERROR_INVALID_ARGUMENT,
                            "memory is NULL, or no such entry or tensor");
  if (!info.bindable)
    return tercet_error_format(error, TERCET_ERROR_NOT_BINDABLE,
                               "'@a' lives in a pool and is not bound", info.name, NULL, 0, 0, 0);
  status = tercet_error_check_memory(error, direction == TERCET_INPUT ? "input" : "output",
                                     info.name, memory, bytes, info.bytes, info.alignment);
  uint32_t id = tensor_index(context, entry, direction, index);
  if (!status)
    context->buffers[tercet_table_tensor(&context->table, id)->buffer] = (unsigned char *)memory;
  return status;
}

tercet_status tercet_input_bind(tercet_context *context, uint32_t entry, uint32_t index,
                                const void *memory, uint64_t bytes) {
  return bind(context, entry, TERCET_INPUT, index, (void *)(uintptr_t)memory, bytes);
}

tercet_status tercet_output_bind(tercet_context *context, uint32_t entry, uint32_t index,
                                 void *memory, uint64_t bytes) {
  return bind(context, entry, TERCET_OUTPUT, index, memory, bytes);
}

// ---- Scalars ----------------------------------------------------------------

TERCET_NOINLINE tercet_status tercet_scalar_query(const tercet_context *context, uint32_t entry,
                                                  uint32_t index, tercet_scalar_info *info) {
  const tercet_entry_record *record = tercet_entry_at(context, entry);
  if (!record || index >= record->scalar_count || !info)
    return TERCET_ERROR_INVALID_ARGUMENT;
  uint32_t id = record->first_scalar + index;
  const tercet_scalar_record *scalar = tercet_table_scalar(&context->table, id);
  info->name = tercet_table_name(&context->table, scalar->name);
  info->min = scalar->min;
  info->max = scalar->max;
  info->value = context->scalars[id];
  return TERCET_OK;
}

tercet_status tercet_scalar_find(const tercet_context *context, uint32_t entry, const char *name,
                                 uint32_t *index) {
  const tercet_entry_record *record = tercet_entry_at(context, entry);
  if (!record)
    return TERCET_ERROR_INVALID_ARGUMENT;
  return find(context, TERCET_RECORD_SCALARS, record->first_scalar, record->scalar_count, name,
              index);
}

tercet_status tercet_scalar_set(tercet_context *context, uint32_t entry, uint32_t index,
                                int64_t value) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  tercet_error *error = &context->error;
  tercet_scalar_info info;
  if (tercet_scalar_query(context, entry, index, &info))
    return tercet_error_set(error, TERCET_ERROR_INVALID_ARGUMENT, "no such entry or scalar");
  uint32_t id = tercet_entry_at(context, entry)->first_scalar + index;
  if (value >= info.min && value <= info.max) {
    context->scalars[id] = value;
    return TERCET_OK;
  }
  return tercet_error_format(error, TERCET_ERROR_SCALAR_RANGE,
                             "scalar '@a' must be in [@x, @y], got @z", info.name, NULL, info.min,
                             info.max, value);
}

// ---- Commands ---------------------------------------------------------------

static const tercet_command_record *command_of(const tercet_context *context, uint32_t entry,
                                               uint32_t command) {
  const tercet_entry_record *record = tercet_entry_at(context, entry);
  if (!record || command >= record->command_count)
    return NULL;
  return tercet_table_command(&context->table, record->first_command + command);
}

tercet_status tercet_command_query(const tercet_context *context, uint32_t entry, uint32_t command,
                                   tercet_command_info *info) {
  const tercet_command_record *record = command_of(context, entry, command);
  if (!record || !info)
    return TERCET_ERROR_INVALID_ARGUMENT;
  const tercet_table *table = &context->table;
  uint32_t engine = tercet_table_engine(table, record->engine)->name;
  // What has a kernel and a grid.
  int dispatch =
      record->opcode == TERCET_COMMAND_DISPATCH || record->opcode == TERCET_COMMAND_SUBMIT;
  info->entry = entry;
  info->command = command;
  info->opcode = (tercet_opcode)record->opcode;
  info->engine = tercet_table_name(table, engine);
  info->kernel =
      tercet_table_name(table, dispatch ? tercet_table_kernel(table, record->target)->name : 0);
  info->node = tercet_table_name(table, 0);
  info->predicted_ps = 0;
  if (record->profile_slot != TERCET_NONE) {
    const tercet_profile_record *slot = tercet_table_profile(table, record->profile_slot);
    info->node = tercet_table_name(table, slot->name);
    info->predicted_ps = slot->predicted_ps;
  }
  info->operand_count = record->operand_count;
  info->tiles = record->grid[0] * record->grid[1] * record->grid[2];
  return TERCET_OK;
}

tercet_status tercet_operand_query(const tercet_context *context, uint32_t entry, uint32_t command,
                                   uint32_t operand, tercet_operand_info *info) {
  const tercet_command_record *record = command_of(context, entry, command);
  if (!record || operand >= record->operand_count || !info)
    return TERCET_ERROR_INVALID_ARGUMENT;
  const tercet_operand_record *access =
      tercet_table_operand(&context->table, record->first_operand + operand);
  unsigned char *base = context->buffers[access->buffer];
  info->buffer = access->buffer;
  info->access = access->access;
  info->offset = access->offset;
  info->bytes = access->bytes;
  info->data = base ? base + access->offset : NULL;
  return TERCET_OK;
}
