// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks the queues of an entry concurrently. A queue takes the commands of its
// engines in list order, waits for the tokens of other queues, runs, signals.
// Invariants: a signal is a release and the end of a wait an acquire; a waiter
// raises `asleep` before its last look at the progress and a signaller writes
// the progress before it looks at `asleep`, both sequentially consistent, so
// one sees the other; a queue that has left its loop has signalled every token,
// and who finds a token signalled by a queue that gave up finds `stop` set too,
// so that no command runs on data that was never made.
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

// Waits for the command's tokens. The queue's own are signalled by now.
static void await_all(const tercet_queue_set *set, uint32_t queue,
                      const tercet_command_record *command) {
  for (uint32_t i = 0; i < command->wait_count; ++i) {
    uint32_t token = *tercet_table_wait(&set->context->table, command->first_wait + i);
    uint32_t producer = set->entry_producers[token];
    if (producer != queue)
      await(set, &set->states[producer], token);
  }
}

static void walk_queue(void *argument, uint32_t queue) {
  tercet_queue_set *set = (tercet_queue_set *)argument;
  tercet_queue_state *state = &set->states[queue];
  const tercet_table *table = &set->context->table;
  const tercet_entry_record *entry = tercet_table_entry(table, set->entry);
  for (uint32_t i = 0; i < entry->command_count; ++i) {
    const tercet_command_record *command = tercet_table_command(table, entry->first_command + i);
    if (set->queue_of[command->engine] != queue)
      continue;
    await_all(set, queue, command);
    if (atomic_load_explicit(&set->stop, memory_order_relaxed))
      break;
    state->status = tercet_command_run(set->context, &state->lane, set->entry, i);
    if (state->status) {
      state->failed = i;
      atomic_store_explicit(&set->stop, 1, memory_order_relaxed);
      break;
    }
    if (command->signal_token != TERCET_NONE)
      post(set, state, command->signal_token + 1);
  }
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
  return tercet_command_fail(set->context, set->entry, first->failed, first->status,
                             atomic_load_explicit(&first->lane.fault, memory_order_relaxed));
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
