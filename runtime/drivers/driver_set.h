// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The drivers of a context, laid out in the caller's memory: for each bound
// engine its driver and the commands that it has in hand, and for each pool
// which driver's memory it is. Invariants: an engine's part is used by one
// thread at a time during a run, the one that walks its queue; commands are
// finished in the order in which they were started.
#ifndef TERCET_DRIVERS_DRIVER_SET_H
#define TERCET_DRIVERS_DRIVER_SET_H

#include "../core/context.h"
#include "tercet/driver.h"

// Commands that one engine may have in hand.
#define TERCET_DRIVERS_DEPTH 64u

typedef struct tercet_driver_pending {
  uint64_t ticket;
  uint32_t command; // within the entry
  uint32_t reserved;
} tercet_driver_pending;

typedef struct tercet_driver_engine {
  _Alignas(64) tercet_driver driver;
  tercet_driver_setup setup;
  tercet_driver_operand *operands; // setup.max_operands of them
  uint64_t timeout_ns;
  uint64_t submissions;
  uint32_t engine;
  uint32_t opened;
  uint32_t ready;
  uint32_t first, count; // of pending, a ring
  // Shared memory through which weights reach local memory; TERCET_NONE: there
  // are no such weights.
  uint32_t staging;
  uint64_t staging_bytes;
  void *staging_address;
  tercet_driver_pending pending[TERCET_DRIVERS_DEPTH];
  tercet_error error; // what the driver said last
} tercet_driver_engine;

typedef struct tercet_driver_pool {
  tercet_driver_engine *owner; // NULL: not a driver's
  void *address;               // for the CPU
  uint32_t memory;
  uint32_t kind; // tercet_memory_kind
} tercet_driver_pool;

typedef struct tercet_driver_set {
  _Alignas(64) tercet_context *context; // the engines come right behind
  tercet_driver_engine *engines;        // `count` bound ones
  tercet_driver_pool *pools;            // one per POOLS element
  tercet_engine_sample *samples;
  uint32_t sample_capacity;
  uint32_t count;
} tercet_driver_set;

static inline tercet_driver_set *tercet_driver_set_of(const tercet_context *context) {
  return (tercet_driver_set *)context->submitter_user;
}

// The part of a bound engine, or NULL.
tercet_driver_engine *tercet_driver_engine_find(const tercet_driver_set *set, uint32_t engine);

// A tercet_walk_fn, in list order. walk.c.
tercet_status tercet_drivers_walk(tercet_context *context, uint32_t entry);

// The rest of a tercet_submitter. submit.c.
void tercet_drivers_start(tercet_context *context, tercet_lane *lane, uint32_t entry,
                          uint32_t index);
int tercet_drivers_finish(tercet_context *context, tercet_lane *lane, uint32_t entry,
                          uint32_t engine);
void tercet_drivers_explain(tercet_context *context, uint32_t engine);

#endif // TERCET_DRIVERS_DRIVER_SET_H
