// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What queues.c builds on: workers on cores of its choice, jobs for some of the
// threads only, and the order in which cores are taken.
#ifndef TERCET_PORT_POSIX_WORKERS_H
#define TERCET_PORT_POSIX_WORKERS_H

#include "tercet/posix.h"
#include <pthread.h>

// As tercet_workers_start, but the threads go where the system puts them.
tercet_status tercet_workers_create(const tercet_workers_options *options,
                                    tercet_workers **workers);

// Restricts the thread of worker w > 0 to those processors.
void tercet_workers_tie(tercet_workers *workers, uint32_t worker, const uint32_t *cpus,
                        uint32_t count);

// Calls body(argument, w) for every bit w of the mask: the lowest on the
// calling thread, each other one on the thread of worker w, which must exist.
void tercet_workers_run_some(tercet_workers *workers, uint64_t mask, tercet_worker_fn body,
                             void *argument);

// The processors that this process may run on, the fastest first, of a core's
// hardware threads all but the first behind all cores. Writes at most
// `capacity` of them and returns how many. *mixed: there are cores of
// different kinds. 0 where the system does not say. cores.c.
uint32_t tercet_cores_order(uint32_t *cpus, uint32_t capacity, int *mixed);

// Restricts a thread to those processors. A failure is ignored: it costs speed
// only. cores.c.
void tercet_cores_tie(pthread_t thread, const uint32_t *cpus, uint32_t count);

// Restricts worker `index` to the performance cores, or ties it to one of
// them. A failure is ignored. cores.c.
void tercet_cores_place(pthread_t thread, uint32_t index, int pin);

#endif // TERCET_PORT_POSIX_WORKERS_H
