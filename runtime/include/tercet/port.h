// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All that the core asks of a platform: three functions, each with a weak
// definition, so that a port replaces only what it can do better by defining a
// strong one. Invariant: the core calls nothing else but memcpy, memset and
// memmove. docs/runtime/porting.md walks through a port.
#ifndef TERCET_PORT_H
#define TERCET_PORT_H

#include "tercet/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

// What the CPU that runs this code can do.
typedef struct tercet_cpu_info {
  tercet_isa isa;
  uint32_t vector_bits; // SVE or RVV vector length; 0: none or not known
  uint64_t features;    // TERCET_BIT(TERCET_<ISA>_<FEATURE>_BIT) of that isa
} tercet_cpu_info;

// Fills *info. The weak default of the core reports what the runtime itself
// was compiled for (safe, but blind to more); port/posix asks the CPU and the
// operating system.
void tercet_port_cpu_query(tercet_cpu_info *info);

// A worker's share of a command; never fails.
typedef void (*tercet_worker_fn)(void *argument, uint32_t worker);

// Calls body(argument, w) exactly once for every w < workers, concurrently or
// not, and returns when all have returned; everything that they wrote is then
// visible to the caller, and what the caller wrote before is visible to them.
// Calls of one w never overlap. `user` is options.parallel_user. This is the
// type of options.parallel_for, by which an application lends its own threads.
typedef void (*tercet_parallel_for_fn)(void *user, uint32_t workers, tercet_worker_fn body,
                                       void *argument);

// Used when options.parallel_for is NULL. The weak default calls the workers
// one after another on the calling thread. `user` is options.parallel_user.
void tercet_port_parallel_for(void *user, uint32_t workers, tercet_worker_fn body, void *argument);

// Monotonic time in nanoseconds, for profiles. The weak default returns 0.
uint64_t tercet_port_clock_read(void);

#ifdef __cplusplus
}
#endif
#endif // TERCET_PORT_H
