// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The NPU's own runtime: what is linked with the kernels of a program into the
// image that a Hexagon runs. Freestanding: no libc, no writable data that needs
// a loader. Contract with the compiler: its object defines the three symbols
// below; kernels may call the DMA functions and the builtins that LLVM calls,
// and nothing else.
#ifndef TERCET_NPU_RUNTIME_H
#define TERCET_NPU_RUNTIME_H

#include "tercet/npu_window.h"

// ---- By the compiler --------------------------------------------------------

// The kernels, in the order of the engine's KERNELS records. They get
// tercet_kernel_args as abi.h declares it, with the 32-bit pointers of a
// Hexagon: buffers at 0, scalars at 4, scratch at 8, scratch_stride at 16,
// fault at 24.
extern const tercet_kernel_fn tercet_npu_kernels[];
extern const uint32_t tercet_npu_kernel_count;
// Of what the kernels were compiled from; not all zero. A driver refuses an
// image whose digest is not that of the program's.
extern const unsigned char tercet_npu_digest[32];

// ---- For kernels ------------------------------------------------------------

// Starts to copy `rows` rows of row_bytes bytes; row r is at to + r * to_stride
// and from + r * from_stride. Returns a ticket. Neither side may be touched by
// this worker, or the destination by anybody, before the wait. A copy at once
// below v68, user DMA from v68 on.
int tercet_dma_start(void *to, const void *from, uint32_t row_bytes, uint32_t rows,
                     uint32_t to_stride, uint32_t from_stride);
// Waits for that copy, and for all that this worker started before it.
void tercet_dma_wait(int ticket);

// ---- Inside -----------------------------------------------------------------

// What the three files of the server share.
typedef struct npu_counters {
  uint32_t packets, vector_instructions;
} npu_counters;

typedef struct npu_job {
  tercet_kernel_fn kernel;
  tercet_kernel_args args;
  const uint32_t *grid;
  uint32_t tiles, workers, grain;
  uint32_t next; // atomic: first tile that nobody has taken, if grain
  uint32_t fault;
  npu_counters counters[TERCET_NPU_WORKERS_MAX];
} npu_job;

// Threads for workers 1 and up; 0 on failure. workers.c.
int npu_workers_start(const tercet_npu_window *window);
// Runs the job on job->workers of them, this thread being worker 0.
void npu_workers_run(npu_job *job);

// Linux system calls. start.c.
long npu_syscall(long number, long a, long b, long c, long d, long e, long f);
void *npu_map(void *address, uint32_t bytes, int descriptor); // NULL on failure
uint64_t npu_clock(void);
void npu_sleep(const uint32_t *word, uint32_t value, uint32_t nanoseconds);
void npu_wake(const uint32_t *word);
void npu_exit(int code) __attribute__((noreturn));

// Looks at *word up to `spin` times while it is `value`; what it is then.
uint32_t npu_spin(const uint32_t *word, uint32_t value, uint32_t spin);

_Static_assert(sizeof(void *) == 4, "compiled for Hexagon");
_Static_assert(offsetof(tercet_kernel_args, scratch_stride) == 16 &&
                   offsetof(tercet_kernel_args, fault) == 24,
               "tercet_kernel_args");

#endif // TERCET_NPU_RUNTIME_H
