// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lays out the queues of a context: which engine has which queue, which queue
// signals which token, and for each queue a lane. Engines without commands have
// no queue and cost nothing. When the port has fewer queues than there are
// engines, the last engines share one, which is walked in list order: still a
// valid execution, for a thread that is behind in the list never waits for one
// that is ahead.
#include "../core/memory.h"
#include "queue_set.h"

typedef struct shape {
  uint64_t engines; // bit e: some entry has commands for engine e
  uint64_t tokens;
  uint32_t entries, queues, operands, scalar_args;
} shape;

static shape shape_of(const tercet_table *table) {
  shape s = {0, 0, tercet_table_count(table, TERCET_RECORD_ENTRIES), 0, 0, 0};
  for (uint32_t e = 0; e < s.entries; ++e) {
    const tercet_entry_record *entry = tercet_table_entry(table, e);
    s.tokens += entry->token_count;
    for (uint32_t i = 0; i < entry->command_count; ++i) {
      const tercet_command_record *command = tercet_table_command(table, entry->first_command + i);
      s.engines |= TERCET_BIT(command->engine);
      if (command->operand_count > s.operands)
        s.operands = command->operand_count;
      if (command->scalar_count > s.scalar_args)
        s.scalar_args = command->scalar_count;
    }
  }
  for (uint64_t left = s.engines; left; left &= left - 1)
    ++s.queues;
  return s;
}

static uint64_t round_up(uint64_t bytes) { return (bytes + 63) & ~(uint64_t)63; }

// Operands and scalars of a queue; on cache lines that no other queue writes.
static uint64_t argument_bytes(const shape *s) {
  return round_up((uint64_t)s->operands * sizeof(void *) +
                  (uint64_t)s->scalar_args * sizeof(int64_t));
}

static uint64_t bytes_of(const shape *s) {
  return sizeof(tercet_queue_set) + s->queues * (sizeof(tercet_queue_state) + argument_bytes(s)) +
         s->entries * sizeof(uint64_t) + s->tokens;
}

_Static_assert(sizeof(tercet_queue_set) <= 512 && sizeof(tercet_queue_state) + 63 <= 320,
               "TERCET_QUEUES_BYTES");

tercet_status tercet_queues_bytes(const tercet_context *context, uint64_t *bytes) {
  if (!context || !bytes)
    return TERCET_ERROR_INVALID_ARGUMENT;
  shape s = shape_of(&context->table);
  *bytes = bytes_of(&s);
  return TERCET_OK;
}

// Engine's rank among those that have commands.
static uint32_t rank_of(const shape *s, uint32_t engine) {
  uint32_t rank = 0;
  for (uint64_t before = s->engines & (TERCET_BIT(engine) - 1); before; before &= before - 1)
    ++rank;
  return rank;
}

static void assign_engines(tercet_queue_set *set, const shape *s) {
  const tercet_table *table = &set->context->table;
  for (uint32_t engine = 0; engine < TERCET_QUEUES_MAX; ++engine) {
    if (!(s->engines >> engine & 1))
      continue;
    uint32_t queue = rank_of(s, engine);
    if (queue >= set->count)
      queue = set->count - 1;
    set->queue_of[engine] = (uint8_t)queue;
    tercet_lane *lane = &set->states[queue].lane;
    lane->shared = lane->workers != 0; // an engine before this one has it
    uint32_t workers = tercet_table_workers(table, engine);
    if (workers > lane->workers)
      lane->workers = workers;
  }
}

static void assign_tokens(tercet_queue_set *set) {
  const tercet_table *table = &set->context->table;
  uint8_t *producer = set->producers;
  for (uint32_t e = 0; e < tercet_table_count(table, TERCET_RECORD_ENTRIES); ++e) {
    const tercet_entry_record *entry = tercet_table_entry(table, e);
    for (uint32_t i = 0; i < entry->command_count; ++i) {
      const tercet_command_record *command = tercet_table_command(table, entry->first_command + i);
      uint8_t queue = set->queue_of[command->engine];
      set->masks[e] |= TERCET_BIT(queue);
      if (command->signal_token != TERCET_NONE)
        producer[command->signal_token] = queue;
    }
    producer += entry->token_count;
  }
}

static void lay_out(tercet_queue_set *set, const shape *s) {
  unsigned char *next = (unsigned char *)(set->states + s->queues);
  for (uint32_t q = 0; q < set->count; ++q) {
    tercet_lane *lane = &set->states[q].lane;
    lane->scalar_args = (int64_t *)(void *)next;
    lane->operands = (void **)(void *)(lane->scalar_args + s->scalar_args);
    next += argument_bytes(s);
  }
  set->masks = (uint64_t *)(void *)next;
  set->producers = (uint8_t *)(set->masks + s->entries);
}

static void lend_workers(tercet_queue_set *set) {
  for (uint32_t q = 0; q < set->count; ++q) {
    tercet_lane *lane = &set->states[q].lane;
    const tercet_queue *queue = &set->port->queues[q];
    uint32_t workers = queue->workers ? queue->workers : 1;
    if (workers < lane->workers)
      lane->workers = workers;
    lane->parallel_for = queue->parallel_for ? queue->parallel_for : tercet_port_parallel_for;
    lane->parallel_user = queue->parallel_user;
    lane->end = tercet_queues_end;
    lane->end_user = &set->states[q];
    set->states[q].set = set;
  }
}

tercet_status tercet_queues_attach(tercet_context *context, void *memory, uint64_t bytes,
                                   const tercet_queue_port *port) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  if (!port) {
    context->walk = context->submitter ? context->submitter->walk : NULL;
    return TERCET_OK;
  }
  tercet_error *error = &context->error;
  if (!memory || !port->count || port->count > TERCET_QUEUES_MAX || !port->queues || !port->run ||
      !port->wait != !port->wake)
    return tercet_error_set(error, TERCET_ERROR_INVALID_ARGUMENT,
                            "memory is NULL or the queue port is incomplete");
  shape s = shape_of(&context->table);
  status = tercet_error_check_memory(error, "queues", "", memory, bytes, bytes_of(&s),
                                     TERCET_CONTEXT_ALIGN);
  if (status)
    return status;
  memset(memory, 0, (size_t)bytes_of(&s));
  tercet_queue_set *set = (tercet_queue_set *)memory;
  set->context = context;
  set->port = port;
  set->states = (tercet_queue_state *)(set + 1);
  set->count = s.queues < port->count ? s.queues : port->count;
  lay_out(set, &s);
  assign_engines(set, &s);
  assign_tokens(set);
  lend_workers(set);
  context->walk_user = set;
  context->walk = tercet_queues_walk;
  return TERCET_OK;
}

// ---- Engines ----------------------------------------------------------------

uint32_t tercet_engine_count(const tercet_context *context) {
  return context ? tercet_table_count(&context->table, TERCET_RECORD_ENGINES) : 0;
}

tercet_status tercet_engine_query(const tercet_context *context, uint32_t engine,
                                  tercet_engine_info *info) {
  if (!info || engine >= tercet_engine_count(context))
    return TERCET_ERROR_INVALID_ARGUMENT;
  shape s = shape_of(&context->table);
  const tercet_engine_record *record = tercet_table_engine(&context->table, engine);
  info->name = tercet_table_name(&context->table, record->name);
  info->kind = (tercet_engine_kind)record->kind;
  info->isa = (tercet_isa)record->isa;
  info->image_format = (tercet_image_format)record->image_format;
  info->workers = tercet_table_workers(&context->table, engine);
  info->queue = s.engines >> engine & 1 ? rank_of(&s, engine) : TERCET_NONE;
  return TERCET_OK;
}

uint32_t tercet_queues_count(const tercet_context *context) {
  return context ? shape_of(&context->table).queues : 0;
}
