// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Maps the window and the local memory, says what image this is, then serves
// the ring for ever: one submission after the other, its grid shared by the
// workers. Ends with the process, which the driver kills; sleeping without end
// is no leak, for the process dies with the application's (PR_SET_PDEATHSIG).
// Nothing that the window says is used before it is checked: a driver of
// another version gets a refusal, not a crash.
#include "npu.h"

#define WINDOW_DESCRIPTOR 3

static void finish_start(tercet_npu_window *window, uint32_t state, uint32_t refusal) {
  window->refusal = refusal;
  __atomic_exchange_n(&window->state, state, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&window->driver_asleep, __ATOMIC_SEQ_CST))
    npu_wake(&window->state);
  if (state == TERCET_NPU_REFUSED)
    npu_exit(3);
}

static int sizes_are_good(const tercet_npu_window *window) {
  uint32_t page = TERCET_NPU_WINDOW_PAGE - 1;
  uint64_t slots_end =
      (uint64_t)window->slots_offset + (uint64_t)window->slot_bytes * TERCET_NPU_RING;
  return window->window_bytes > page && window->window_bytes <= TERCET_NPU_WINDOW_MAX &&
         !(window->window_bytes & page) && !(window->local_bytes & page) &&
         window->local_bytes <= TERCET_NPU_LOCAL_MAX && window->workers &&
         window->workers <= TERCET_NPU_WORKERS_MAX && !(window->stack_bytes & page) &&
         window->slots_offset >= sizeof *window && !(window->slots_offset % 64) &&
         !(window->slot_bytes % 64) && window->slot_bytes >= sizeof(tercet_npu_submission) &&
         slots_end <= window->window_bytes;
}

static void introduce(tercet_npu_window *window) {
  window->architecture = TERCET_NPU_ARCHITECTURE;
  window->kernel_count = tercet_npu_kernel_count;
  for (uint32_t i = 0; i < 32; ++i)
    window->digest[i] = tercet_npu_digest[i];
}

static unsigned char *address_of(tercet_npu_window *window, tercet_npu_address address) {
  return (unsigned char *)(address.local ? TERCET_NPU_LOCAL_ADDRESS : (uintptr_t)window) +
         address.offset;
}

// As many pointers as a slot has room for operands.
static void *buffers[4096];

static void count(const npu_job *job, tercet_npu_completion *completion) {
  uint64_t packets = 0, vectors = 0;
  uint32_t most = 0;
  for (uint32_t w = 0; w < job->workers; ++w) {
    const npu_counters *counters = &job->counters[w];
    packets += counters->packets;
    vectors += counters->vector_instructions;
    if (counters->packets > most)
      most = counters->packets;
  }
  completion->packets = packets;
  completion->packets_of_one = most;
  completion->vector_instructions = vectors;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);

// Bytes of the operand that there can be at most, for the copy.
static uint64_t room_at(const tercet_npu_window *window, tercet_npu_address address) {
  uint32_t end = address.local ? window->local_bytes : window->window_bytes;
  return address.offset < end ? end - address.offset : 0;
}

static uint32_t copy(tercet_npu_window *window, const tercet_npu_submission *submission) {
  const tercet_npu_address *operands = (const tercet_npu_address *)(submission + 1);
  if (submission->operand_count != 2 || submission->scalar_count != 1)
    return TERCET_NPU_BAD_SLOT;
  int64_t bytes = *(const int64_t *)(operands + 2);
  if (bytes < 0 || (uint64_t)bytes > room_at(window, operands[0]) ||
      (uint64_t)bytes > room_at(window, operands[1]))
    return TERCET_NPU_BAD_SLOT;
  memcpy(address_of(window, operands[1]), address_of(window, operands[0]), (size_t)bytes);
  return TERCET_NPU_DONE;
}

static uint32_t run(tercet_npu_window *window, const tercet_npu_submission *submission,
                    uint32_t number, tercet_npu_completion *completion) {
  static npu_job job;
  const tercet_npu_address *operands = (const tercet_npu_address *)(submission + 1);
  uint64_t bytes = sizeof *submission + 8 * (uint64_t)submission->operand_count +
                   8 * (uint64_t)submission->scalar_count;
  if (submission->sequence != number + 1 || bytes > window->slot_bytes ||
      submission->operand_count > sizeof buffers / sizeof *buffers)
    return TERCET_NPU_BAD_SLOT;
  if (submission->kernel == TERCET_NPU_COPY)
    return copy(window, submission);
  if (submission->kernel >= tercet_npu_kernel_count)
    return TERCET_NPU_NO_KERNEL;
  for (uint32_t i = 0; i < submission->operand_count; ++i)
    buffers[i] = address_of(window, operands[i]);
  job.kernel = tercet_npu_kernels[submission->kernel];
  job.args.buffers = buffers;
  job.args.scalars =
      submission->scalar_count ? (const int64_t *)(operands + submission->operand_count) : NULL;
  job.args.scratch =
      submission->scratch.offset == TERCET_NONE ? NULL : address_of(window, submission->scratch);
  job.args.scratch_stride = submission->scratch_stride;
  job.args.fault = &job.fault;
  job.grid = submission->grid;
  job.tiles = submission->grid[0] * submission->grid[1] * submission->grid[2];
  job.workers = job.tiles < window->workers ? job.tiles : window->workers;
  job.grain = submission->grain;
  job.next = job.fault = 0;
  npu_workers_run(&job);
  completion->fault = job.fault;
  count(&job, completion);
  return TERCET_NPU_DONE;
}

static void serve(tercet_npu_window *window, uint32_t number) {
  const tercet_npu_submission *slot =
      (const tercet_npu_submission *)((unsigned char *)window + window->slots_offset +
                                      number % TERCET_NPU_RING * window->slot_bytes);
  tercet_npu_completion *completion = &window->completions[number % TERCET_NPU_RING];
  *completion = (tercet_npu_completion){.sequence = number + 1, .start = npu_clock()};
  completion->status = run(window, slot, number, completion);
  completion->end = npu_clock();
  __atomic_exchange_n(&window->completed, number + 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&window->driver_asleep, __ATOMIC_SEQ_CST))
    npu_wake(&window->completed);
}

// Waits for more submissions than `done`.
static uint32_t await(tercet_npu_window *window, uint32_t done) {
  uint32_t now = npu_spin(&window->submitted, done, window->spin);
  if (now != done)
    return now;
  __atomic_exchange_n(&window->npu_asleep, 1, __ATOMIC_SEQ_CST);
  while ((now = __atomic_load_n(&window->submitted, __ATOMIC_SEQ_CST)) == done)
    npu_sleep(&window->submitted, done, 500000000);
  __atomic_store_n(&window->npu_asleep, 0, __ATOMIC_SEQ_CST);
  return now;
}

__attribute__((noreturn, used)) void npu_main(void) {
  // The first page says how large the whole is.
  tercet_npu_window *window =
      (tercet_npu_window *)npu_map(NULL, TERCET_NPU_WINDOW_PAGE, WINDOW_DESCRIPTOR);
  if (!window)
    npu_exit(4);
  if (window->magic != TERCET_NPU_WINDOW_MAGIC || window->version != TERCET_NPU_VERSION ||
      !sizes_are_good(window))
    finish_start(window, TERCET_NPU_REFUSED, TERCET_NPU_BAD_WINDOW);
  introduce(window);
  tercet_npu_window *whole =
      (tercet_npu_window *)npu_map(NULL, window->window_bytes, WINDOW_DESCRIPTOR);
  if (!whole)
    finish_start(window, TERCET_NPU_REFUSED, TERCET_NPU_BAD_WINDOW);
  if (whole->local_bytes && !npu_map((void *)TERCET_NPU_LOCAL_ADDRESS, whole->local_bytes, -1))
    finish_start(whole, TERCET_NPU_REFUSED, TERCET_NPU_NO_LOCAL);
  if (!npu_workers_start(whole))
    finish_start(whole, TERCET_NPU_REFUSED, TERCET_NPU_NO_THREADS);
  finish_start(whole, TERCET_NPU_READY, 0);
  for (uint32_t done = 0;;)
    for (uint32_t submitted = await(whole, done); done != submitted; ++done)
      serve(whole, done);
}
