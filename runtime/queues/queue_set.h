// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The queues of a context, laid out in the caller's memory. The tokens of one
// queue are signalled in ascending order, so that one word a queue stands for
// all of them: token t of queue q is signalled iff q's progress is above t.
// That makes a run's reset O(queues), and gives every word that threads spin on
// a cache line of its own.
#ifndef TERCET_QUEUES_QUEUE_SET_H
#define TERCET_QUEUES_QUEUE_SET_H

#include "../core/context.h"
#include "tercet/queues.h"

#define TERCET_QUEUES_MAX 64

typedef struct tercet_queue_state {
  // Written by the queue, looked at by all that wait for its tokens.
  _Alignas(64) _Atomic uint32_t progress; // last token signalled + 1, or 0
  _Atomic uint32_t asleep;                // threads that `wait` on progress
  // The queue's own.
  _Alignas(64) tercet_lane lane;
  tercet_status status; // of the command that failed
  uint32_t failed;      // that command within the entry
  uint32_t fault;       // of its kernel
  uint32_t in_hand;     // engine whose driver may have commands of this queue
  struct tercet_queue_set *set;
} tercet_queue_state;

typedef struct tercet_queue_set {
  tercet_context *context;
  const tercet_queue_port *port;
  tercet_queue_state *states;
  uint64_t *masks;    // per entry: queues that have commands
  uint8_t *producers; // queue that signals a token; tokens of all entries
  uint32_t count;
  // Of the run.
  uint32_t entry;
  const uint8_t *entry_producers;
  tercet_observer_fn observer;
  void *observer_user;
  uint8_t queue_of[TERCET_QUEUES_MAX]; // per engine
  _Alignas(64) _Atomic uint32_t stop;  // nonzero: start no more commands
  _Atomic uint32_t observing;          // lock: 0 free, 1 held, 2 held and waited for
} tercet_queue_set;

// What there is to do when a command of a queue has ended; `queue_state` is the
// queue's. walk.c.
void tercet_queues_end(void *queue_state, uint32_t index, tercet_status status);

// A tercet_walk_fn. walk.c.
tercet_status tercet_queues_walk(tercet_context *context, uint32_t entry);

#endif // TERCET_QUEUES_QUEUE_SET_H
