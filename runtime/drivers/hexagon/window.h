// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The window of memory that an application shares with the NPU's process: its
// page, the ring, and the memories that are taken from it one after the other.
// Linux: an anonymous file, so that nothing has a name that could be left over.
#ifndef TERCET_DRIVERS_HEXAGON_WINDOW_H
#define TERCET_DRIVERS_HEXAGON_WINDOW_H

#include "tercet/driver.h"
#include "tercet/npu_window.h"

#define HEXAGON_MEMORIES 64u // as many as a program has pools

typedef struct hexagon_memory {
  tercet_memory_kind kind;
  uint32_t offset; // in the window, or in the local memory
  uint64_t bytes;
  int used;
} hexagon_memory;

typedef struct hexagon_window {
  tercet_npu_window *page; // NULL: closed
  int descriptor;
  uint64_t bytes;
  uint64_t local_bytes;
  uint32_t slots_offset, slot_bytes; // as told to the NPU
  uint32_t workers, stack_bytes;
  uint64_t next, local_next; // free from there
  hexagon_memory memories[HEXAGON_MEMORIES];
  uint64_t submitted, waited; // submissions since the last restart
} hexagon_window;

// A window for what the program needs, of at most `limit` bytes and with at most
// local_limit bytes of local memory. Errors: ENGINE_MEMORY.
tercet_status hexagon_window_open(hexagon_window *window, const tercet_driver_setup *setup,
                                  uint64_t limit, uint64_t local_limit, tercet_error *error);
void hexagon_window_close(hexagon_window *window);

// As in tercet_driver_table.
tercet_status hexagon_window_alloc(hexagon_window *window, tercet_memory_kind kind, uint64_t bytes,
                                   uint32_t alignment, tercet_driver_memory *memory,
                                   tercet_error *error);
void hexagon_window_free(hexagon_window *window, uint32_t memory);

// An empty ring, for a process that starts.
void hexagon_window_restart(hexagon_window *window);

// Writes the next slot and tells the NPU; nonzero: the ring is full.
int hexagon_window_submit(hexagon_window *window, const tercet_driver_submission *submission);

// Waits until *word, of the NPU's, is not `value` any more, at most until
// `deadline` (tercet_port_clock_read); what it is then. Looks up now and then:
// `stop`, if it is not zero, ends the wait.
uint32_t hexagon_window_wait(hexagon_window *window, const uint32_t *word, uint32_t value,
                             uint64_t deadline, uint32_t spin_ns, int (*stop)(void *user),
                             void *user);

// Wakes who waits so, to look at `stop`.
void hexagon_window_wake(hexagon_window *window);

#endif // TERCET_DRIVERS_HEXAGON_WINDOW_H
