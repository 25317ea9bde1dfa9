// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The porting header's functions on POSIX. Weak, like the core's defaults, so
// that an application may still put its own in their place. The serial
// parallel-for stays: threads are started only by tercet_workers_start.
#define _POSIX_C_SOURCE 200809L
#include "tercet/port.h"
#include <time.h>

#define WEAK __attribute__((weak))

WEAK void tercet_port_parallel_for(void *user, uint32_t workers, tercet_worker_fn body,
                                   void *argument) {
  (void)user;
  for (uint32_t worker = 0; worker < workers; ++worker)
    body(argument, worker);
}

WEAK uint64_t tercet_port_clock_read(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
