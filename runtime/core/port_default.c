// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weak defaults of the porting header, for a platform with no port: one
// worker after another, no clock, and the CPU that the compiler was told of.
#include "tercet/port.h"

#define WEAK __attribute__((weak))

WEAK void tercet_port_parallel_for(void *user, uint32_t workers, tercet_worker_fn body,
                                   void *argument) {
  (void)user;
  for (uint32_t worker = 0; worker < workers; ++worker)
    body(argument, worker);
}

WEAK uint64_t tercet_port_clock_read(void) { return 0; }

WEAK void tercet_port_cpu_query(tercet_cpu_info *info) {
  info->isa = TERCET_ISA_NONE;
  info->vector_bits = 0;
  info->features = 0;
#include "cpu_macros.inc"
}
