// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks an entry in list order on one thread, with engines beside it: a SUBMIT
// is only started, and finished when something needs it to have completed. So
// engine and CPU overlap as far as one thread can show it. Invariants: a
// command is run after all tokens in its waits, and after what its engine has
// in hand unless it is a SUBMIT too; when the walk returns no engine has
// anything in hand. `walk_queue` of runtime/queues obeys the same rules.
#include "driver_set.h"

typedef struct walk {
  tercet_context *context;
  const tercet_driver_set *set;
  uint32_t entry;
  uint32_t failed; // command
  uint32_t fault;  // of its kernel
  tercet_status status;
} walk;

static const tercet_command_record *command_at(const walk *w, uint32_t index) {
  const tercet_table *table = &w->context->table;
  return tercet_table_command(table, tercet_table_entry(table, w->entry)->first_command + index);
}

// A command has ended. Keeps the failure that is first in list order.
static void end(void *user, uint32_t index, tercet_status status) {
  walk *w = (walk *)user;
  if (!status || (w->status && w->failed < index))
    return;
  w->status = status;
  w->failed = index;
  w->fault = atomic_load_explicit(&w->context->lane.fault, memory_order_relaxed);
}

static void finish_all(walk *w, uint32_t engine) {
  while (tercet_drivers_finish(w->context, &w->context->lane, w->entry, engine))
    continue;
}

// Finishes commands of the engine up to the one that signals the token, if it
// has that in hand.
static void finish_token(walk *w, const tercet_driver_engine *engine, uint32_t token) {
  for (uint32_t left = tercet_drivers_until(w->context, engine, w->entry, token); left; --left)
    tercet_drivers_finish(w->context, &w->context->lane, w->entry, engine->engine);
}

static void await_all(walk *w, const tercet_command_record *command) {
  int submit = command->opcode == TERCET_COMMAND_SUBMIT;
  for (uint32_t i = 0; i < command->wait_count; ++i) {
    uint32_t token = *tercet_table_wait(&w->context->table, command->first_wait + i);
    for (uint32_t e = 0; e < w->set->count; ++e)
      if (!submit || w->set->engines[e].engine != command->engine)
        finish_token(w, &w->set->engines[e], token);
  }
  if (!submit)
    finish_all(w, command->engine);
}

tercet_status tercet_drivers_walk(tercet_context *context, uint32_t entry) {
  walk w = {context, tercet_driver_set_of(context), entry, 0, 0, TERCET_OK};
  uint32_t count = tercet_table_entry(&context->table, entry)->command_count;
  atomic_store_explicit(&context->lane.fault, 0, memory_order_relaxed);
  context->lane.end = end;
  context->lane.end_user = &w;
  for (uint32_t i = 0; i < count && !w.status; ++i) {
    const tercet_command_record *command = command_at(&w, i);
    await_all(&w, command);
    if (w.status)
      break;
    if (command->opcode == TERCET_COMMAND_SUBMIT)
      tercet_drivers_start(context, &context->lane, entry, i);
    else
      end(&w, i, tercet_command_run(context, &context->lane, entry, i));
  }
  for (uint32_t e = 0; e < w.set->count; ++e)
    finish_all(&w, w.set->engines[e].engine);
  if (!w.status)
    return TERCET_OK;
  tercet_command_fail(context, entry, w.failed, w.status, w.fault);
  tercet_drivers_explain(context, command_at(&w, w.failed)->engine);
  return w.status;
}
