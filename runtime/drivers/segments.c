// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Segments: which commands of an engine can be handed to its driver as a whole.
// A command joins the one before it in its engine's queue if both are SUBMITs
// and every token that it waits for is the engine's own, or is signalled by then
// because the engine has waited for that one or a later one of the same engine
// before (an engine's tokens are signalled in their order). So a segment starts
// no command earlier than its tokens allow, whatever the order of the list.
#include "../core/memory.h"
#include "driver_set.h"

#define MOST_ENGINES 64

static const tercet_command_record *command_at(const tercet_context *context, uint32_t entry,
                                               uint32_t index) {
  return tercet_table_command(&context->table,
                              tercet_table_entry(&context->table, entry)->first_command + index);
}

// The engine of the command, before `index`, that signals the token.
static uint32_t producer(const tercet_context *context, uint32_t entry, uint32_t index,
                         uint32_t token) {
  const tercet_command_record *command;
  do
    command = command_at(context, entry, --index);
  while (index && command->signal_token != token);
  return command->engine;
}

// Whether the command waits for something new of another engine. `known` has for
// each engine how many of its tokens, in their order, are signalled by then.
static int waits_for_others(const tercet_context *context, uint32_t entry, uint32_t index,
                            uint32_t *known) {
  const tercet_command_record *command = command_at(context, entry, index);
  int waits = 0;
  for (uint32_t w = 0; w < command->wait_count; ++w) {
    uint32_t token = *tercet_table_wait(&context->table, command->first_wait + w);
    uint32_t engine = producer(context, entry, index, token);
    if (engine == command->engine || known[engine] > token)
      continue;
    known[engine] = token + 1;
    waits = 1;
  }
  return waits;
}

static void mark_entry(const tercet_driver_set *set, uint32_t entry, uint32_t engine,
                       uint32_t *segments) {
  const tercet_context *context = set->context;
  const tercet_entry_record *record = tercet_table_entry(&context->table, entry);
  tercet_driver_mark *marks = set->marks + record->first_command;
  uint32_t known[MOST_ENGINES];
  memset(known, 0, sizeof known);
  int open = 0;
  for (uint32_t i = 0; i < record->command_count; ++i) {
    const tercet_command_record *command = command_at(context, entry, i);
    if (command->engine != engine)
      continue;
    int waits = waits_for_others(context, entry, i, known);
    int submit = command->opcode == TERCET_COMMAND_SUBMIT;
    if (submit && (!open || waits))
      ++*segments;
    if (submit)
      marks[i].segment = *segments - 1;
    open = submit;
  }
  uint32_t segment = TERCET_NONE, left = 0;
  for (uint32_t i = record->command_count; i--;) {
    const tercet_command_record *command = command_at(context, entry, i);
    if (command->engine != engine || command->opcode != TERCET_COMMAND_SUBMIT)
      continue;
    left = marks[i].segment == segment ? left + 1 : 1;
    segment = marks[i].segment;
    marks[i].left = left;
  }
}

void tercet_drivers_mark(const tercet_driver_set *set) {
  const tercet_table *table = &set->context->table;
  for (uint32_t i = 0; i < tercet_table_count(table, TERCET_RECORD_COMMANDS); ++i)
    set->marks[i] = (tercet_driver_mark){TERCET_NONE, 0};
  for (uint32_t e = 0; e < set->count; ++e) {
    uint32_t segments = 0;
    if (tercet_driver_records(set->engines[e].driver.table))
      for (uint32_t entry = 0; entry < tercet_table_count(table, TERCET_RECORD_ENTRIES); ++entry)
        mark_entry(set, entry, set->engines[e].engine, &segments);
  }
}

// Whether a command of another engine waits for the command's token.
static int is_awaited(const tercet_context *context, uint32_t entry, uint32_t index) {
  const tercet_command_record *own = command_at(context, entry, index);
  uint32_t count = tercet_table_entry(&context->table, entry)->command_count;
  if (own->signal_token == TERCET_NONE)
    return 0;
  for (uint32_t i = index + 1; i < count; ++i) {
    const tercet_command_record *command = command_at(context, entry, i);
    for (uint32_t w = 0; command->engine != own->engine && w < command->wait_count; ++w)
      if (*tercet_table_wait(&context->table, command->first_wait + w) == own->signal_token)
        return 1;
  }
  return 0;
}

static tercet_status record_entry(const tercet_driver_set *set, tercet_driver_engine *engine,
                                  uint32_t entry) {
  const tercet_context *context = set->context;
  const tercet_driver *driver = &engine->driver;
  const tercet_entry_record *record = tercet_table_entry(&context->table, entry);
  const tercet_driver_mark *marks = set->marks + record->first_command;
  uint32_t segment = TERCET_NONE, count = 0;
  for (uint32_t i = 0; i < record->command_count; ++i) {
    const tercet_command_record *command = command_at(context, entry, i);
    if (command->engine != engine->engine || marks[i].segment == TERCET_NONE)
      continue;
    if (marks[i].segment != segment)
      count = marks[i].left;
    segment = marks[i].segment;
    tercet_driver_place place = {segment, count - marks[i].left, count,
                                 marks[i].left == 1 || is_awaited(context, entry, i)};
    tercet_driver_submission submission = tercet_drivers_describe(set, engine, command);
    const uint32_t *refs = command->scalar_count
                               ? tercet_table_scalar_ref(&context->table, command->first_scalar)
                               : NULL;
    tercet_status status =
        driver->table->record(driver->self, &place, &submission, refs, &engine->error);
    if (status)
      return status;
  }
  return TERCET_OK;
}

tercet_status tercet_drivers_record(const tercet_driver_set *set, tercet_driver_engine *engine) {
  tercet_status status = TERCET_OK;
  uint32_t entries = tercet_table_count(&set->context->table, TERCET_RECORD_ENTRIES);
  if (set->marks && tercet_driver_records(engine->driver.table))
    for (uint32_t entry = 0; entry < entries && !status; ++entry)
      status = record_entry(set, engine, entry);
  return status;
}
