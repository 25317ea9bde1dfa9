// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks the queues of an entry concurrently. A queue takes the commands of its
// engines in list order, waits for the tokens of other queues, runs, signals.
// Invariants: a signal is a release and the end of a wait an acquire; a waiter
// raises `asleep` before its last look at the progress and a signaller writes
// the progress before it looks at `asleep`, both sequentially consistent, so
// one sees the other; a queue that has left its loop has signalled every token,
// and who finds a token signalled by a queue that gave up finds `stop` set too,
// so that no command runs on data that was never made. A SUBMIT is only started:
// its driver then has it in hand, and a queue finishes and signals what it has
// in hand, in order, before it sleeps for a token of another queue (which may be
// waiting for one of those), before a command that is no SUBMIT or of another
// engine, and at the end.
#include "queue_set.h"
#include "relax.h"

static void sleep_while(const tercet_queue_set *set, _Atomic uint32_t *word, uint32_t value) {
  if (set->port->wait)
    set->port->wait(set->port->user, (const uint32_t *)word, value);
  else
    tercet_relax();
}

static void wake(const tercet_queue_set *set, _Atomic uint32_t *word) {
  if (set->port->wake)
    set->port->wake(set->port->user, (const uint32_t *)word);
}

// ---- Tokens -----------------------------------------------------------------

// Spins until the progress is above the token: nonzero. Or the time is over.
static int spin(const tercet_queue_state *state, uint32_t token, uint32_t spin_ns) {
  uint64_t start = 0;
  for (uint32_t turn = 1;; ++turn) {
    if (atomic_load_explicit(&state->progress, memory_order_acquire) > token)
      return 1;
    tercet_relax();
    if (turn % 32)
      continue;
    uint64_t now = tercet_port_clock_read();
    if (turn == 32)
      start = now;
    // Without a clock, 20 ns a turn.
    else if ((now ? now - start : turn * (uint64_t)20) >= spin_ns)
      return 0;
  }
}

static void await(const tercet_queue_set *set, tercet_queue_state *state, uint32_t token) {
  if (atomic_load_explicit(&state->progress, memory_order_acquire) > token ||
      spin(state, token, set->port->spin_ns))
    return;
  atomic_fetch_add(&state->asleep, 1);
  uint32_t seen;
  while ((seen = atomic_load(&state->progress)) <= token)
    sleep_while(set, &state->progress, seen);
  atomic_fetch_sub(&state->asleep, 1);
}

static void post(const tercet_queue_set *set, tercet_queue_state *state, uint32_t progress) {
  atomic_store(&state->progress, progress);
  if (atomic_load(&state->asleep))
    wake(set, &state->progress);
}

// ---- The observer -----------------------------------------------------------

static void lock(tercet_queue_set *set) {
  uint32_t free = 0;
  if (atomic_compare_exchange_strong(&set->observing, &free, 1))
    return;
  while (atomic_exchange(&set->observing, 2))
    sleep_while(set, &set->observing, 2);
}

static void unlock(tercet_queue_set *set) {
  if (atomic_exchange(&set->observing, 0) == 2)
    wake(set, &set->observing);
}

// Stands in for the application's observer during a run: one call at a time,
// and none after a stop.
static int observe(void *user, const tercet_context *context, const tercet_command_info *command) {
  tercet_queue_set *set = (tercet_queue_set *)user;
  lock(set);
  int stop = !atomic_load_explicit(&set->stop, memory_order_relaxed) &&
             set->observer(set->observer_user, context, command);
  if (stop)
    atomic_store_explicit(&set->stop, 1, memory_order_relaxed);
  unlock(set);
  return stop;
}

// ---- Walking ----------------------------------------------------------------

static const tercet_command_record *command_at(const tercet_queue_set *set, uint32_t index) {
  const tercet_table *table = &set->context->table;
  return tercet_table_command(table, tercet_table_entry(table, set->entry)->first_command + index);
}

void tercet_queues_end(void *user, uint32_t index, tercet_status status) {
  tercet_queue_state *state = (tercet_queue_state *)user;
  tercet_queue_set *set = state->set;
  uint32_t token = command_at(set, index)->signal_token;
  if (status && !state->status) {
    state->status = status;
    state->failed = index;
    state->fault = atomic_load_explicit(&state->lane.fault, memory_order_relaxed);
    atomic_store_explicit(&set->stop, 1, memory_order_relaxed);
  }
  if (!state->status && token != TERCET_NONE)
    post(set, state, token + 1);
}

// Finishes the oldest command in hand; 0 if there is none.
static int finish_one(tercet_queue_state *state) {
  tercet_queue_set *set = state->set;
  const tercet_submitter *submitter = set->context->submitter;
  return submitter && submitter->finish(set->context, &state->lane, set->entry, state->in_hand);
}

// Waits for the command's tokens, or until the run fails. The queue's own are
// signalled by now, or by commands that the engine does before this one.
static void await_all(tercet_queue_state *state, const tercet_command_record *command) {
  tercet_queue_set *set = state->set;
  if (command->opcode != TERCET_COMMAND_SUBMIT || command->engine != state->in_hand)
    while (finish_one(state))
      continue;
  state->in_hand = command->engine;
  for (uint32_t i = 0; i < command->wait_count; ++i) {
    uint32_t token = *tercet_table_wait(&set->context->table, command->first_wait + i);
    tercet_queue_state *producer = &set->states[set->entry_producers[token]];
    if (producer == state)
      continue;
    while (atomic_load_explicit(&producer->progress, memory_order_acquire) <= token &&
           finish_one(state))
      continue;
    if (state->status) // somebody may be waiting for this queue
      return;
    await(set, producer, token);
  }
}

static void walk_queue(void *argument, uint32_t queue) {
  tercet_queue_set *set = (tercet_queue_set *)argument;
  tercet_queue_state *state = &set->states[queue];
  const tercet_entry_record *entry = tercet_table_entry(&set->context->table, set->entry);
  for (uint32_t i = 0; i < entry->command_count && !state->status; ++i) {
    const tercet_command_record *command = command_at(set, i);
    if (set->queue_of[command->engine] != queue)
      continue;
    await_all(state, command);
    if (atomic_load_explicit(&set->stop, memory_order_relaxed))
      break;
    const tercet_submitter *submitter = set->context->submitter;
    if (command->opcode == TERCET_COMMAND_SUBMIT && submitter)
      submitter->start(set->context, &state->lane, set->entry, i);
    else
      tercet_queues_end(state, i, tercet_command_run(set->context, &state->lane, set->entry, i));
  }
  while (finish_one(state))
    continue;
  // Above all tokens. Changes nothing but after a break: all are signalled.
  post(set, state, UINT32_MAX);
}

static void start_run(tercet_queue_set *set, uint32_t entry) {
  const tercet_table *table = &set->context->table;
  set->entry = entry;
  set->entry_producers = set->producers;
  for (uint32_t e = 0; e < entry; ++e)
    set->entry_producers += tercet_table_entry(table, e)->token_count;
  atomic_store_explicit(&set->stop, 0, memory_order_relaxed);
  for (uint32_t q = 0; q < set->count; ++q) {
    tercet_queue_state *state = &set->states[q];
    atomic_store_explicit(&state->progress, 0, memory_order_relaxed);
    atomic_store_explicit(&state->lane.fault, 0, memory_order_relaxed);
    state->status = TERCET_OK;
  }
}

// The first failure in list order.
static tercet_status finish_run(tercet_queue_set *set) {
  const tercet_queue_state *first = NULL;
  for (uint32_t q = 0; q < set->count; ++q) {
    const tercet_queue_state *state = &set->states[q];
    if (state->status && (!first || state->failed < first->failed))
      first = state;
  }
  if (!first)
    return TERCET_OK;
  tercet_command_fail(set->context, set->entry, first->failed, first->status, first->fault);
  if (set->context->submitter)
    set->context->submitter->explain(set->context, command_at(set, first->failed)->engine);
  return first->status;
}

tercet_status tercet_queues_walk(tercet_context *context, uint32_t entry) {
  tercet_queue_set *set = (tercet_queue_set *)context->walk_user;
  uint64_t mask = set->masks[entry];
  start_run(set, entry);
  set->observer = context->observer;
  set->observer_user = context->observer_user;
  if (set->observer) {
    context->observer = observe;
    context->observer_user = set;
  }
  if (mask & (mask - 1))
    set->port->run(set->port->user, mask, walk_queue, set);
  else if (mask)
    walk_queue(set, (uint32_t)__builtin_ctzll(mask));
  context->observer = set->observer;
  context->observer_user = set->observer_user;
  return finish_run(set);
}
