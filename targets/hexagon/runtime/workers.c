// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Up to four threads that share the tiles of a grid, as the CPU's workers do.
// Helpers wait for the next job by spinning a little and then in a futex.
// Invariants: worker w is always the same thread, which its scratch and its DMA
// rely on; a job's counters are of the job only.
#include "npu.h"

enum { SYS_CLONE = 220 };
// Of the same process: VM, FS, FILES, SIGHAND, THREAD, SYSVSEM.
#define THREAD_FLAGS 0x50f00

static struct {
  npu_job *job;
  uint32_t generation; // jobs so far
  uint32_t running;    // helpers that have not finished this one
  uint32_t spin;
  int counters;
} pool;

// r0 flags, r1 top of the stack, r2 function, r3 its argument.
__asm__(".text\n.type npu_clone, @function\nnpu_clone:\n"
        "  { r6 = #220; r7 = r2; r8 = r3 }\n"
        "  { r2 = #0; r3 = #0; r4 = #0; r5 = #0 }\n"
        "  { trap0(#1) }\n"
        "  { p0 = cmp.eq(r0, #0); if (!p0.new) jumpr:nt r31 }\n"
        "  { r0 = r8; r30 = #0; r31 = #0 }\n"
        "  { callr r7 }\n"
        ".size npu_clone, .-npu_clone\n");
extern long npu_clone(long flags, void *stack, void (*body)(uint32_t worker), uint32_t worker);

// Registers of qemu-hexagon that count what a thread has done; on hardware the
// numbers are reserved, hence the flag. No assembler knows their names.
static npu_counters read_counters(void) {
  npu_counters now = {0, 0};
  if (!pool.counters)
    return now;
  register uint32_t value __asm__("r0");
  __asm__ volatile(".word 0x6a14c000 // r0 = c20" : "=r"(value));
  now.packets = value;
  __asm__ volatile(".word 0x6a16c000 // r0 = c22" : "=r"(value));
  now.vector_instructions = value;
  return now;
}

static void run_tiles(const npu_job *job, uint32_t first, uint32_t end, uint32_t worker) {
  uint32_t width = job->grid[0], height = job->grid[1];
  uint32_t x = first % width, y = first / width % height, z = first / width / height;
  for (; first < end; ++first) {
    job->kernel(&job->args, x, y, z, worker);
    if (++x == width) {
      x = 0;
      if (++y == height) {
        y = 0;
        ++z;
      }
    }
  }
}

static void run_share(npu_job *job, uint32_t worker) {
  npu_counters before = read_counters();
  if (!job->grain) {
    uint64_t tiles = job->tiles;
    run_tiles(job, (uint32_t)(tiles * worker / job->workers),
              (uint32_t)(tiles * (worker + 1) / job->workers), worker);
  } else {
    uint32_t first = __atomic_load_n(&job->next, __ATOMIC_RELAXED);
    while (first < job->tiles) {
      uint32_t left = job->tiles - first;
      uint32_t end = first + (job->grain < left ? job->grain : left);
      if (!__atomic_compare_exchange_n(&job->next, &first, end, 0, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED))
        continue;
      run_tiles(job, first, end, worker);
      first = __atomic_load_n(&job->next, __ATOMIC_RELAXED);
    }
  }
  npu_counters after = read_counters();
  job->counters[worker].packets = after.packets - before.packets; // modulo 2^32
  job->counters[worker].vector_instructions =
      after.vector_instructions - before.vector_instructions;
}

__attribute__((noreturn)) static void help(uint32_t worker) {
  for (uint32_t seen = 0;; ++seen) {
    while (npu_spin(&pool.generation, seen, pool.spin) == seen)
      npu_sleep(&pool.generation, seen, 0);
    if (worker < pool.job->workers)
      run_share(pool.job, worker);
    if (__atomic_sub_fetch(&pool.running, 1, __ATOMIC_ACQ_REL) == 0)
      npu_wake(&pool.running);
  }
}

static uint32_t helpers;

int npu_workers_start(const tercet_npu_window *window) {
  pool.counters = window->flags & TERCET_NPU_COUNTERS;
  pool.spin = window->spin;
  for (uint32_t worker = 1; worker < window->workers; ++worker) {
    unsigned char *stack = (unsigned char *)npu_map(NULL, window->stack_bytes, -1);
    if (!stack || npu_clone(THREAD_FLAGS, stack + window->stack_bytes, help, worker) <= 0)
      return 0;
    ++helpers;
  }
  return 1;
}

void npu_workers_run(npu_job *job) {
  if (job->workers == 1) {
    run_share(job, 0);
    return;
  }
  pool.job = job;
  __atomic_store_n(&pool.running, helpers, __ATOMIC_RELAXED);
  __atomic_add_fetch(&pool.generation, 1, __ATOMIC_SEQ_CST);
  npu_wake(&pool.generation);
  run_share(job, 0);
  for (;;) {
    uint32_t running = __atomic_load_n(&pool.running, __ATOMIC_ACQUIRE);
    if (!running)
      return;
    if (npu_spin(&pool.running, running, pool.spin) == running)
      npu_sleep(&pool.running, running, 0);
  }
}
