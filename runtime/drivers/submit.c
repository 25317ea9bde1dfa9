// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SUBMIT commands: named to their driver, one by one or as a segment that it has
// recorded, and waited for later, with their samples and their observer. The
// first command of a segment hands all of it over, and starting the others does
// nothing. What was handed over stays in its engine's ring until it is finished,
// so that a walk that gives up can still wait for what the engine is doing. After
// the driver has lost its engine nothing is asked of it until it is opened again.
#include "../core/memory.h"
#include "driver_set.h"

tercet_driver_engine *tercet_driver_engine_find(const tercet_driver_set *set, uint32_t engine) {
  for (uint32_t i = 0; i < set->count; ++i)
    if (set->engines[i].engine == engine)
      return &set->engines[i];
  return NULL;
}

static const tercet_command_record *command_at(const tercet_context *context, uint32_t entry,
                                               uint32_t index) {
  return tercet_table_command(&context->table,
                              tercet_table_entry(&context->table, entry)->first_command + index);
}

// The kernel's number in its engine's image.
static uint32_t kernel_rank(const tercet_table *table, uint32_t kernel) {
  uint32_t engine = tercet_table_kernel(table, kernel)->engine, rank = 0;
  for (uint32_t k = 0; k < kernel; ++k)
    rank += tercet_table_kernel(table, k)->engine == engine;
  return rank;
}

static void name_operands(const tercet_context *context, tercet_driver_engine *engine,
                          const tercet_command_record *command) {
  for (uint32_t i = 0; i < command->operand_count; ++i) {
    const tercet_operand_record *operand =
        tercet_table_operand(&context->table, command->first_operand + i);
    const tercet_buffer_record *buffer = tercet_table_buffer(&context->table, operand->buffer);
    engine->operands[i] =
        (tercet_driver_operand){engine->shares[buffer->pool].memory, operand->access,
                                buffer->offset + operand->offset, operand->bytes};
  }
}

// Cache maintenance of the command's operands, where the driver wants any.
static tercet_status sync_operands(const tercet_context *context, tercet_driver_engine *engine,
                                   const tercet_command_record *command,
                                   tercet_sync_direction direction) {
  const tercet_driver *driver = &engine->driver;
  for (uint32_t i = 0; driver->table->sync && i < command->operand_count; ++i) {
    const tercet_operand_record *operand =
        tercet_table_operand(&context->table, command->first_operand + i);
    const tercet_buffer_record *buffer = tercet_table_buffer(&context->table, operand->buffer);
    const tercet_driver_share *pool = &engine->shares[buffer->pool];
    if (pool->reach != TERCET_REACH_SHARED || !operand->bytes ||
        (direction == TERCET_SYNC_FROM_ENGINE && !(operand->access & TERCET_ACCESS_WRITE)))
      continue;
    tercet_status status =
        driver->table->sync(driver->self, pool->memory, buffer->offset + operand->offset,
                            operand->bytes, direction, &engine->error);
    if (status)
      return status;
  }
  return TERCET_OK;
}

static uint64_t read_clock(const tercet_context *context) {
  return context->clock ? context->clock(context->clock_user) : tercet_port_clock_read();
}

// The command's profile sample, or NULL.
static tercet_profile_sample *sample_of(const tercet_context *context, uint32_t index) {
  return index < context->sample_capacity ? &context->samples[index] : NULL;
}

// Notes what takes the engine away.
static tercet_status note(tercet_driver_engine *engine, tercet_status status) {
  if (status == TERCET_ERROR_ENGINE_LOST || status == TERCET_ERROR_ENGINE_TIMEOUT)
    engine->ready = 0;
  return status;
}

tercet_driver_submission tercet_drivers_describe(const tercet_driver_set *set,
                                                 tercet_driver_engine *engine,
                                                 const tercet_command_record *command) {
  const tercet_table *table = &set->context->table;
  tercet_driver_submission submission;
  memset(&submission, 0, sizeof submission);
  name_operands(set->context, engine, command);
  submission.kernel = kernel_rank(table, command->target);
  memcpy(submission.grid, command->grid, sizeof submission.grid);
  submission.grain = command->grain;
  submission.operand_count = command->operand_count;
  submission.operands = engine->operands;
  submission.scalar_count = command->scalar_count;
  submission.scratch_memory = TERCET_NONE;
  if (command->scratch_buffer != TERCET_NONE) {
    const tercet_buffer_record *buffer = tercet_table_buffer(table, command->scratch_buffer);
    submission.scratch_memory = engine->shares[buffer->pool].memory;
    submission.scratch_offset = buffer->offset;
    submission.scratch_stride = command->scratch_stride;
  }
  return submission;
}

static tercet_status submit_one(const tercet_context *context, const tercet_lane *lane,
                                tercet_driver_engine *engine, const tercet_command_record *command,
                                uint64_t *ticket) {
  tercet_driver_submission submission =
      tercet_drivers_describe(tercet_driver_set_of(context), engine, command);
  for (uint32_t i = 0; i < command->scalar_count; ++i)
    lane->scalar_args[i] =
        context->scalars[*tercet_table_scalar_ref(&context->table, command->first_scalar + i)];
  submission.scalars = lane->scalar_args;
  return engine->driver.table->submit(engine->driver.self, &submission, ticket, &engine->error);
}

uint32_t tercet_drivers_next(const tercet_context *context, uint32_t entry, uint32_t index,
                             uint32_t engine) {
  do
    ++index;
  while (command_at(context, entry, index)->engine != engine);
  return index;
}

// The segment that the command begins, or NULL: it is submitted alone.
static const tercet_driver_mark *segment_of(const tercet_context *context, const tercet_lane *lane,
                                            uint32_t entry, uint32_t index) {
  const tercet_driver_set *set = tercet_driver_set_of(context);
  // An observer looks at what one command has left, and where queues of several
  // engines are one, commands end in the order of the list.
  if (!set->marks || context->observer || lane->shared)
    return NULL;
  const tercet_driver_mark *mark =
      &set->marks[tercet_table_entry(&context->table, entry)->first_command + index];
  return mark->segment == TERCET_NONE ? NULL : mark;
}

static tercet_status start(tercet_context *context, tercet_lane *lane, tercet_driver_engine *engine,
                           uint32_t entry, uint32_t index) {
  const tercet_driver_set *set = tercet_driver_set_of(context);
  if (entry == engine->entry && index > engine->from && index <= engine->to)
    return TERCET_OK; // with the segment
  if (!engine->ready)
    return TERCET_ERROR_ENGINE_LOST;
  if (engine->count == TERCET_DRIVERS_DEPTH)
    return TERCET_ERROR_ENGINE_FULL;
  const tercet_driver_mark *mark = segment_of(context, lane, entry, index);
  uint32_t count = mark ? mark->left : 1, last = index;
  tercet_status status = TERCET_OK;
  uint64_t now = 0, ticket = 0;
  for (uint32_t i = 0; i < count && !status; ++i) {
    last = i ? tercet_drivers_next(context, entry, last, engine->engine) : index;
    status =
        sync_operands(context, engine, command_at(context, entry, last), TERCET_SYNC_TO_ENGINE);
    tercet_profile_sample *sample = sample_of(context, last);
    if (sample)
      sample->start = now = now ? now : read_clock(context);
  }
  uint32_t measure = (context->sample_capacity && !context->clock) || set->sample_capacity;
  if (!status && mark)
    status = engine->driver.table->resubmit(engine->driver.self, mark->segment, context->scalars,
                                            measure, &ticket, &engine->error);
  else if (!status)
    status = submit_one(context, lane, engine, command_at(context, entry, index), &ticket);
  if (status)
    return note(engine, status);
  engine->entry = entry;
  engine->from = index;
  engine->to = last;
  engine->pending[(engine->first + engine->count++) % TERCET_DRIVERS_DEPTH] =
      (tercet_driver_pending){ticket, index, count};
  return TERCET_OK;
}

void tercet_drivers_start(tercet_context *context, tercet_lane *lane, uint32_t entry,
                          uint32_t index) {
  const tercet_command_record *command = command_at(context, entry, index);
  // Attach has seen a driver for every engine with SUBMIT commands.
  tercet_driver_engine *engine =
      tercet_driver_engine_find(tercet_driver_set_of(context), command->engine);
  tercet_status status;
  do
    status = start(context, lane, engine, entry, index);
  while (status == TERCET_ERROR_ENGINE_FULL &&
         tercet_drivers_finish(context, lane, entry, command->engine));
  if (status)
    lane->end(lane->end_user, index, status);
  else if (context->observer)
    while (tercet_drivers_finish(context, lane, entry, command->engine))
      continue;
}

static void write_samples(const tercet_context *context, uint32_t index,
                          const tercet_driver_completion *done) {
  const tercet_driver_set *set = tercet_driver_set_of(context);
  tercet_profile_sample *sample = sample_of(context, index);
  if (sample && !context->clock && done->end)
    *sample = (tercet_profile_sample){done->start, done->end};
  else if (sample)
    sample->end = read_clock(context);
  if (index < set->sample_capacity)
    set->samples[index] =
        (tercet_engine_sample){done->packets, done->packets_of_one, done->vector_instructions};
}

static tercet_status finish(tercet_context *context, tercet_lane *lane,
                            tercet_driver_engine *engine, uint32_t entry, uint64_t ticket,
                            uint32_t index) {
  if (!engine->ready)
    return TERCET_ERROR_ENGINE_LOST;
  tercet_driver_completion done;
  memset(&done, 0, sizeof done);
  tercet_status status = engine->driver.table->wait(engine->driver.self, ticket, engine->timeout_ns,
                                                    &done, &engine->error);
  if (status)
    return note(engine, status);
  ++engine->submissions;
  write_samples(context, index, &done);
  if (done.fault) {
    atomic_store_explicit(&lane->fault, done.fault, memory_order_relaxed);
    return tercet_fault_status(done.fault);
  }
  status =
      sync_operands(context, engine, command_at(context, entry, index), TERCET_SYNC_FROM_ENGINE);
  if (!status && context->observer) {
    tercet_command_info info;
    tercet_command_query(context, entry, index, &info);
    if (context->observer(context->observer_user, context, &info))
      status = TERCET_ERROR_STOPPED;
  }
  return status;
}

int tercet_drivers_finish(tercet_context *context, tercet_lane *lane, uint32_t entry,
                          uint32_t engine_index) {
  tercet_driver_engine *engine =
      tercet_driver_engine_find(tercet_driver_set_of(context), engine_index);
  if (!engine || !engine->count)
    return 0;
  tercet_driver_pending *oldest = &engine->pending[engine->first];
  uint64_t ticket = oldest->ticket++;
  uint32_t index = oldest->command;
  if (--oldest->left) {
    oldest->command = tercet_drivers_next(context, entry, index, engine_index);
  } else {
    engine->first = (engine->first + 1) % TERCET_DRIVERS_DEPTH;
    --engine->count;
  }
  lane->end(lane->end_user, index, finish(context, lane, engine, entry, ticket, index));
  return 1;
}

uint32_t tercet_drivers_until(const tercet_context *context, const tercet_driver_engine *engine,
                              uint32_t entry, uint32_t token) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < engine->count; ++i) {
    const tercet_driver_pending *pending =
        &engine->pending[(engine->first + i) % TERCET_DRIVERS_DEPTH];
    uint32_t index = pending->command;
    for (uint32_t left = pending->left; left; --left) {
      ++count;
      if (command_at(context, entry, index)->signal_token == token)
        return count;
      if (left > 1)
        index = tercet_drivers_next(context, entry, index, engine->engine);
    }
  }
  return 0;
}

void tercet_drivers_explain(tercet_context *context, uint32_t engine_index) {
  const tercet_driver_engine *engine =
      tercet_driver_engine_find(tercet_driver_set_of(context), engine_index);
  if (!engine || context->error.status / 100 != 7 || !engine->error.text[0])
    return;
  tercet_error_append(&context->error, ": ");
  tercet_error_append(&context->error, engine->error.text);
}
