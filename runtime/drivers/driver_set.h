// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The drivers of a context, laid out in the caller's memory: for each bound
// engine its driver and the commands that it has in hand, for each pool who has
// it and what each engine knows it by, and for each command its segment.
// Invariants: an engine's part is used by one thread at a time during a run, the
// one that walks its queue; commands are finished in the order in which they
// were started.
#ifndef TERCET_DRIVERS_DRIVER_SET_H
#define TERCET_DRIVERS_DRIVER_SET_H

#include "../core/context.h"
#include "tercet/driver.h"

// Submissions and segments that one engine may have in hand.
#define TERCET_DRIVERS_DEPTH 64u

// A segment, or what is left of it; or one submission.
typedef struct tercet_driver_pending {
  uint64_t ticket;  // of the next that is to be finished
  uint32_t command; // within the entry
  uint32_t left;    // how many, that one included
} tercet_driver_pending;

typedef struct tercet_driver_engine {
  _Alignas(64) tercet_driver driver;
  tercet_driver_setup setup;
  tercet_driver_operand *operands;    // setup.max_operands of them
  struct tercet_driver_share *shares; // one per POOLS element
  uint64_t timeout_ns;
  uint64_t submissions;
  uint32_t engine;
  uint32_t opened;
  uint32_t ready;
  uint32_t first, count; // of pending, a ring
  // Commands of the entry that were handed over last: those of the engine from
  // `from` to `to`. A run begins with one that is not behind `from`.
  uint32_t entry, from, to;
  // Shared memory through which weights reach local memory; TERCET_NONE: there
  // are no such weights.
  uint32_t staging;
  uint64_t staging_bytes;
  void *staging_address;
  tercet_driver_pending pending[TERCET_DRIVERS_DEPTH];
  tercet_error error; // what the driver said last
} tercet_driver_engine;

// How an engine reaches a pool.
typedef enum tercet_driver_reach {
  TERCET_REACH_NOT = 0,
  TERCET_REACH_SHARED = TERCET_MEMORY_SHARED, // its driver's, or imported
  TERCET_REACH_LOCAL = TERCET_MEMORY_LOCAL,
  TERCET_REACH_CONSTANT = 3 // imported, never written
} tercet_driver_reach;

typedef struct tercet_driver_share {
  uint32_t memory;
  uint32_t reach;
  void *address; // for the CPU; NULL: local
} tercet_driver_share;

typedef struct tercet_driver_pool {
  tercet_driver_engine *owner; // whose driver has it; NULL: none, or WEIGHTS
} tercet_driver_pool;

// A command's segment; TERCET_NONE: it is in none.
typedef struct tercet_driver_mark {
  uint32_t segment; // of its engine
  uint32_t left;    // commands of it, this one included
} tercet_driver_mark;

typedef struct tercet_driver_set {
  _Alignas(64) tercet_context *context; // the engines come right behind
  tercet_driver_engine *engines;        // `count` bound ones
  tercet_driver_pool *pools;            // one per POOLS element
  tercet_driver_mark *marks;            // one per COMMANDS element, or NULL
  tercet_engine_sample *samples;
  uint32_t sample_capacity;
  uint32_t count;
} tercet_driver_set;

static inline tercet_driver_set *tercet_driver_set_of(const tercet_context *context) {
  return (tercet_driver_set *)context->submitter_user;
}

// Whether a driver has what came with that version.
static inline int tercet_driver_records(const tercet_driver_table *table) {
  return table->version >= 3 && table->record && table->resubmit;
}
static inline int tercet_driver_imports(const tercet_driver_table *table) {
  return table->version >= 3 && table->import;
}

// The part of a bound engine, or NULL.
tercet_driver_engine *tercet_driver_engine_find(const tercet_driver_set *set, uint32_t engine);

// pools.c. Decides who provides which pool and how much that makes for each;
// then has the drivers provide them; takes them back; puts weights into the
// memory of an engine, before its image is loaded or after.
tercet_status tercet_drivers_assign_pools(tercet_driver_set *set);
tercet_status tercet_drivers_provide_pools(tercet_driver_set *set);
void tercet_drivers_withdraw_pools(tercet_driver_set *set);
tercet_status tercet_drivers_fill(const tercet_driver_set *set, tercet_driver_engine *engine,
                                  tercet_driver_reach reach);

// segments.c. Marks the segments of all commands; then has an engine's driver
// record them.
void tercet_drivers_mark(const tercet_driver_set *set);
tercet_status tercet_drivers_record(const tercet_driver_set *set, tercet_driver_engine *engine);

// submit.c. What a command asks of a driver, but for its scalars; its operands
// are the engine's until the next.
tercet_driver_submission tercet_drivers_describe(const tercet_driver_set *set,
                                                 tercet_driver_engine *engine,
                                                 const tercet_command_record *command);
// The next command of the entry for that engine; there is one.
uint32_t tercet_drivers_next(const tercet_context *context, uint32_t entry, uint32_t index,
                             uint32_t engine);
// How many commands in hand have to be finished until that token is signalled; 0
// if none of them signals it.
uint32_t tercet_drivers_until(const tercet_context *context, const tercet_driver_engine *engine,
                              uint32_t entry, uint32_t token);

// A tercet_walk_fn, in list order. walk.c.
tercet_status tercet_drivers_walk(tercet_context *context, uint32_t entry);

// The rest of a tercet_submitter. submit.c.
void tercet_drivers_start(tercet_context *context, tercet_lane *lane, uint32_t entry,
                          uint32_t index);
int tercet_drivers_finish(tercet_context *context, tercet_lane *lane, uint32_t entry,
                          uint32_t engine);
void tercet_drivers_explain(tercet_context *context, uint32_t engine);

#endif // TERCET_DRIVERS_DRIVER_SET_H
