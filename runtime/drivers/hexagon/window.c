// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layout of the window, its ring and its doorbells. The other side may be
// broken: what it writes is read once and checked, and no wait is without end.
#ifdef __linux__
#define _GNU_SOURCE
#include "window.h"
#include "../../queues/relax.h"
#include "../failure.h"
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 50000000u // a sleeper looks up this often

static uint64_t round_up(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

static uint64_t slot_bytes(const tercet_driver_setup *setup) {
  return round_up(sizeof(tercet_npu_submission) +
                      (uint64_t)setup->max_operands * sizeof(tercet_npu_address) +
                      (uint64_t)setup->max_scalars * sizeof(int64_t),
                  64);
}

static void write_page(hexagon_window *window) {
  tercet_npu_window *page = window->page;
  memset(page, 0, sizeof *page);
  page->magic = TERCET_NPU_WINDOW_MAGIC;
  page->version = TERCET_NPU_VERSION;
  page->window_bytes = (uint32_t)window->bytes;
  page->local_bytes = (uint32_t)window->local_bytes;
  page->workers = window->workers;
  page->flags = TERCET_NPU_COUNTERS;
  page->slots_offset = window->slots_offset;
  page->slot_bytes = window->slot_bytes;
  page->stack_bytes = window->stack_bytes;
  page->spin = 50; // some 30 us in qemu
}

tercet_status hexagon_window_open(hexagon_window *window, const tercet_driver_setup *setup,
                                  uint64_t limit, uint64_t local_limit, tercet_error *error) {
  memset(window, 0, sizeof *window);
  uint64_t page = TERCET_NPU_WINDOW_PAGE, slot = slot_bytes(setup);
  window->slots_offset = (uint32_t)round_up(sizeof(tercet_npu_window), 64);
  window->slot_bytes = (uint32_t)slot;
  window->workers =
      setup->workers < TERCET_NPU_WORKERS_MAX ? setup->workers : TERCET_NPU_WORKERS_MAX;
  window->stack_bytes = (uint32_t)round_up(setup->stack_bytes + page, page);
  window->next = round_up(window->slots_offset + TERCET_NPU_RING * slot, TERCET_DRIVER_PAGE);
  if (!limit || limit > TERCET_NPU_WINDOW_MAX)
    limit = TERCET_NPU_WINDOW_MAX;
  if (!local_limit || local_limit > TERCET_NPU_LOCAL_MAX)
    local_limit = TERCET_NPU_LOCAL_MAX;
  uint64_t needed = setup->shared_bytes < TERCET_NPU_WINDOW_MAX
                        ? round_up(window->next + setup->shared_bytes, page)
                        : setup->shared_bytes;
  window->local_bytes = round_up(setup->local_bytes, page);
  if (needed > limit)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                       "engine '%s' needs a window of %llu bytes, at most %llu are allowed",
                       setup->engine, (unsigned long long)needed, (unsigned long long)limit);
  if (window->local_bytes > local_limit)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                       "engine '%s' needs %llu bytes of local memory, at most %llu are allowed",
                       setup->engine, (unsigned long long)window->local_bytes,
                       (unsigned long long)local_limit);
  window->bytes = needed;
  window->descriptor = memfd_create("tercet-npu-window", MFD_CLOEXEC);
  if (window->descriptor < 0)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "no shared memory: %s", strerror(errno));
  void *base = MAP_FAILED;
  if (!ftruncate(window->descriptor, (off_t)needed))
    base = mmap(NULL, needed, PROT_READ | PROT_WRITE, MAP_SHARED, window->descriptor, 0);
  if (base == MAP_FAILED) {
    driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "no window of %llu bytes: %s",
                (unsigned long long)needed, strerror(errno));
    close(window->descriptor);
    return TERCET_ERROR_ENGINE_MEMORY;
  }
  window->page = (tercet_npu_window *)base;
  write_page(window);
  return TERCET_OK;
}

void hexagon_window_close(hexagon_window *window) {
  if (!window->page)
    return;
  munmap(window->page, window->bytes);
  close(window->descriptor);
  window->page = NULL;
}

tercet_status hexagon_window_alloc(hexagon_window *window, tercet_memory_kind kind, uint64_t bytes,
                                   uint32_t alignment, tercet_driver_memory *memory,
                                   tercet_error *error) {
  int local = kind == TERCET_MEMORY_LOCAL;
  uint64_t *next = local ? &window->local_next : &window->next;
  uint64_t end = local ? window->local_bytes : window->bytes;
  uint64_t unit = alignment > TERCET_DRIVER_PAGE ? alignment : TERCET_DRIVER_PAGE;
  uint64_t offset = round_up(*next, unit);
  uint32_t id = 0;
  while (id < HEXAGON_MEMORIES && window->memories[id].used)
    ++id;
  // Offsets are as aligned as addresses are: both sides map at whole pages.
  if (id == HEXAGON_MEMORIES || alignment > TERCET_NPU_WINDOW_PAGE || offset > end ||
      bytes > end - offset)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                       "no %llu bytes at %u in a %s of %llu bytes, of which %llu are taken",
                       (unsigned long long)bytes, alignment, local ? "local memory" : "window",
                       (unsigned long long)end, (unsigned long long)*next);
  *next = offset + bytes;
  window->memories[id] = (hexagon_memory){kind, (uint32_t)offset, bytes, 1};
  memory->id = id;
  memory->address = local ? NULL : (unsigned char *)window->page + offset;
  return TERCET_OK;
}

void hexagon_window_free(hexagon_window *window, uint32_t memory) {
  if (memory < HEXAGON_MEMORIES) // its bytes come back when the window is closed
    window->memories[memory].used = 0;
}

// ---- The ring ---------------------------------------------------------------

static void futex_wait(const uint32_t *word, uint32_t value, uint64_t nanoseconds) {
  struct timespec time = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
  syscall(SYS_futex, word, FUTEX_WAIT, value, &time, NULL, 0);
}

static void futex_wake(const uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE, 0x7FFFFFFF, NULL, NULL, 0);
}

void hexagon_window_restart(hexagon_window *window) {
  write_page(window);
  window->submitted = window->waited = 0;
}

static tercet_npu_address address_of(const hexagon_window *window, uint32_t memory,
                                     uint64_t offset) {
  const hexagon_memory *named = &window->memories[memory];
  return (tercet_npu_address){named->kind == TERCET_MEMORY_LOCAL,
                              (uint32_t)(named->offset + offset)};
}

int hexagon_window_submit(hexagon_window *window, const tercet_driver_submission *submission) {
  tercet_npu_window *page = window->page;
  if (window->submitted - window->waited == TERCET_NPU_RING)
    return 1;
  uint32_t number = (uint32_t)window->submitted;
  unsigned char *slot =
      (unsigned char *)page + window->slots_offset + number % TERCET_NPU_RING * window->slot_bytes;
  tercet_npu_submission header = {.sequence = number + 1,
                                  .kernel = submission->kernel,
                                  .grain = submission->grain,
                                  .operand_count = submission->operand_count,
                                  .scalar_count = submission->scalar_count,
                                  .scratch = {0, TERCET_NONE},
                                  .scratch_stride = submission->scratch_stride};
  memcpy(header.grid, submission->grid, sizeof header.grid);
  if (submission->scratch_memory != TERCET_NONE)
    header.scratch = address_of(window, submission->scratch_memory, submission->scratch_offset);
  memcpy(slot, &header, sizeof header);
  tercet_npu_address *operands = (tercet_npu_address *)(void *)(slot + sizeof header);
  for (uint32_t i = 0; i < submission->operand_count; ++i)
    operands[i] =
        address_of(window, submission->operands[i].memory, submission->operands[i].offset);
  if (submission->scalar_count)
    memcpy(operands + submission->operand_count, submission->scalars,
           submission->scalar_count * sizeof(int64_t));
  ++window->submitted;
  __atomic_exchange_n(&page->submitted, number + 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&page->npu_asleep, __ATOMIC_SEQ_CST))
    futex_wake(&page->submitted);
  return 0;
}

// ---- Waiting ----------------------------------------------------------------

static uint32_t spin(const uint32_t *word, uint32_t value, uint64_t end) {
  for (uint32_t turn = 1;; ++turn) {
    uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (now != value || (turn % 32 == 0 && tercet_port_clock_read() >= end))
      return now;
    tercet_relax();
  }
}

uint32_t hexagon_window_wait(hexagon_window *window, const uint32_t *word, uint32_t value,
                             uint64_t deadline, uint32_t spin_ns, int (*stop)(void *user),
                             void *user) {
  uint64_t spin_end = tercet_port_clock_read() + spin_ns;
  uint32_t now = spin(word, value, spin_end < deadline ? spin_end : deadline);
  if (now != value)
    return now;
  uint32_t *asleep = &window->page->driver_asleep;
  __atomic_exchange_n(asleep, 1, __ATOMIC_SEQ_CST);
  while ((now = __atomic_load_n(word, __ATOMIC_SEQ_CST)) == value && !stop(user)) {
    uint64_t time = tercet_port_clock_read();
    if (time >= deadline)
      break;
    futex_wait(word, value, deadline - time < LOOK_NS ? deadline - time : LOOK_NS);
  }
  __atomic_store_n(asleep, 0, __ATOMIC_SEQ_CST);
  // Once more: an answer may have come before the end.
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

void hexagon_window_wake(hexagon_window *window) {
  futex_wake(&window->page->completed);
  futex_wake(&window->page->state);
}

#else
typedef int hexagon_window_is_for_linux;
#endif
