// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pages for pools and the mapping of weights. Both ask for huge pages: a
// decoder reads all its weights for every token, and TLB misses are a good
// part of that time with small ones.
#define _DEFAULT_SOURCE
#include "tercet/posix.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
#define HUGE_BYTES (2u * 1024 * 1024)

static void advise(void *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
  if (bytes >= HUGE_BYTES)
    madvise(memory, bytes, MADV_HUGEPAGE);
#else
  (void)memory, (void)bytes;
#endif
}

static size_t round_up(uint64_t bytes, size_t unit) {
  return ((size_t)bytes + unit - 1) / unit * unit;
}

tercet_status tercet_pages_map(uint64_t bytes, void **memory) {
  if (!memory)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *memory = NULL;
  if (bytes > SIZE_MAX / 2)
    return TERCET_ERROR_SYSTEM_MEMORY;
  size_t wanted = round_up(bytes ? bytes : 1, PAGE_BYTES);
  size_t slack = wanted >= HUGE_BYTES ? HUGE_BYTES : 0;
  void *base =
      mmap(NULL, wanted + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    return TERCET_ERROR_SYSTEM_MEMORY;
  unsigned char *start = (unsigned char *)base;
  if (slack) { // cut to a huge-page boundary
    size_t head = (HUGE_BYTES - (uintptr_t)base % HUGE_BYTES) % HUGE_BYTES;
    if (head)
      munmap(base, head);
    start += head;
    if (slack - head)
      munmap(start + wanted, slack - head);
  }
  advise(start, wanted);
  *memory = start;
  return TERCET_OK;
}

void tercet_pages_unmap(void *memory, uint64_t bytes) {
  if (memory)
    munmap(memory, round_up(bytes ? bytes : 1, PAGE_BYTES));
}

typedef struct touch {
  unsigned char *memory;
  uint64_t pages;
  uint32_t workers;
} touch;

static void touch_share(void *argument, uint32_t worker) {
  const touch *job = (const touch *)argument;
  uint64_t end = job->pages * (worker + 1u) / job->workers;
  for (uint64_t p = job->pages * worker / job->workers; p < end; ++p) {
    volatile unsigned char *byte = job->memory + p * PAGE_BYTES;
    *byte = *byte;
  }
}

void tercet_pages_touch(tercet_workers *workers, void *memory, uint64_t bytes) {
  if (!workers || !memory || !bytes)
    return;
  touch job = {(unsigned char *)memory, (bytes - 1) / PAGE_BYTES + 1,
               tercet_workers_count(workers)};
  tercet_workers_run(workers, job.workers, touch_share, &job);
}

tercet_status tercet_weights_map(const char *path, const void **data, uint64_t *bytes) {
  if (!path || !data || !bytes)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *data = NULL;
  *bytes = 0;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return TERCET_ERROR_FILE_OPEN;
  struct stat information;
  void *base = MAP_FAILED;
  if (!fstat(file, &information) && information.st_size > 0 &&
      (uint64_t)information.st_size <= SIZE_MAX / 2)
    base = mmap(NULL, (size_t)information.st_size, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (base == MAP_FAILED)
    return TERCET_ERROR_FILE_MAP;
  advise(base, (size_t)information.st_size);
  *data = base;
  *bytes = (uint64_t)information.st_size;
  return TERCET_OK;
}

void tercet_weights_unmap(const void *data, uint64_t bytes) {
  if (data)
    munmap((void *)(uintptr_t)data, (size_t)bytes);
}
