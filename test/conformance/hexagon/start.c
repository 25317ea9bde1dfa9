// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs compiled kernels under qemu-hexagon, without a C library. Reads jobs
// from standard input and answers each on standard output, as conformance_test.py
// says. Every buffer ends at a page that may not be touched (but for what its
// alignment leaves), and has a pattern before it that may not change. DMA is
// as late as it may be: a copy happens when it is waited for, and what it will
// overwrite is poisoned when it is started.

#include <stddef.h>
#include <stdint.h>

typedef struct {
  void *const *buffers;
  const int64_t *scalars;
  unsigned char *scratch;
  uint64_t scratch_stride;
  uint32_t *fault;
} tercet_kernel_args;

typedef void (*tercet_kernel_fn)(const tercet_kernel_args *, uint32_t, uint32_t, uint32_t,
                                 uint32_t);

extern const tercet_kernel_fn tercet_npu_kernels[];
extern const uint32_t tercet_npu_kernel_count;

enum { PAGE = 65536, FRONT = 256, MAX_BUFFERS = 16, MAX_COPIES = 8 };

static long call(long number, long a, long b, long c, long d, long e, long f) {
  register long r0 __asm__("r0") = a;
  register long r1 __asm__("r1") = b;
  register long r2 __asm__("r2") = c;
  register long r3 __asm__("r3") = d;
  register long r4 __asm__("r4") = e;
  register long r5 __asm__("r5") = f;
  register long r6 __asm__("r6") = number;
  __asm__ volatile("trap0(#1)"
                   : "+r"(r0)
                   : "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5), "r"(r6)
                   : "memory");
  return r0;
}

static void leave(int status) {
  call(94, status, 0, 0, 0, 0, 0);
  for (;;)
    ;
}

static void fail(const char *text) {
  size_t size = 0;
  while (text[size])
    ++size;
  call(64, 2, (long)text, size, 0, 0, 0);
  leave(3);
}

static int get(void *to, uint32_t size) {
  unsigned char *at = to;
  uint32_t done = 0;
  while (done < size) {
    long now = call(63, 0, (long)(at + done), size - done, 0, 0, 0);
    if (now <= 0)
      return 0;
    done += now;
  }
  return 1;
}

static void put(const void *from, uint32_t size) {
  const unsigned char *at = from;
  while (size > 0) {
    long now = call(64, 1, (long)at, size, 0, 0, 0);
    if (now <= 0)
      leave(4);
    at += now;
    size -= now;
  }
}

// Control register 20: packets of this thread. Assemblers know no name for it.
static inline uint32_t packets(void) {
  register uint32_t r0 __asm__("r0");
  __asm__ volatile(".word 0x6a14c000" : "=r"(r0)::"memory");
  return r0;
}

static uint32_t outside; // packets spent in what hardware does by itself

typedef struct {
  unsigned char *to;
  const unsigned char *from;
  uint32_t row_bytes, rows, to_stride, from_stride;
} copy;

static copy copies[MAX_COPIES];
static int started, finished;

static void move(unsigned char *restrict to, const unsigned char *restrict from, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; ++i)
    to[i] = from[i];
}

static void fill(unsigned char *to, int value, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; ++i)
    to[i] = value;
}

int tercet_dma_start(void *to, const void *from, uint32_t row_bytes, uint32_t rows,
                     uint32_t to_stride, uint32_t from_stride) {
  uint32_t before = packets();
  if (started - finished == MAX_COPIES)
    fail("too many copies under way\n");
  if (rows > 1 && to_stride < row_bytes)
    fail("rows of a copy overlap\n");
  for (uint32_t row = 0; row < rows; ++row)
    fill((unsigned char *)to + row * to_stride, 0x5a, row_bytes);
  copies[started % MAX_COPIES] = (copy){to, from, row_bytes, rows, to_stride, from_stride};
  ++started;
  outside += packets() - before;
  return started;
}

void tercet_dma_wait(int ticket) {
  uint32_t before = packets();
  if (ticket > started)
    fail("a wait for a copy that was not started\n");
  for (; finished < ticket; ++finished) {
    copy *c = &copies[finished % MAX_COPIES];
    for (uint32_t row = 0; row < c->rows; ++row)
      move(c->to + row * c->to_stride, c->from + row * c->from_stride, c->row_bytes);
  }
  outside += packets() - before;
}

#define BUILTIN(NAME, TYPE)                                                                        \
  static TYPE NAME(TYPE a, TYPE b, TYPE *rest) {                                                   \
    TYPE q = 0, r = 0;                                                                             \
    for (int i = sizeof(TYPE) * 8 - 1; i >= 0; --i) {                                              \
      r = r << 1 | (a >> i & 1);                                                                   \
      if (r >= b) {                                                                                \
        r -= b;                                                                                    \
        q |= (TYPE)1 << i;                                                                         \
      }                                                                                            \
    }                                                                                              \
    *rest = r;                                                                                     \
    return q;                                                                                      \
  }
BUILTIN(divide32, uint32_t)
BUILTIN(divide64, uint64_t)
uint32_t __hexagon_udivsi3(uint32_t a, uint32_t b) { return divide32(a, b, &(uint32_t){0}); }
uint32_t __hexagon_umodsi3(uint32_t a, uint32_t b) {
  uint32_t rest;
  divide32(a, b, &rest);
  return rest;
}
uint64_t __hexagon_udivdi3(uint64_t a, uint64_t b) { return divide64(a, b, &(uint64_t){0}); }

void *memcpy(void *to, const void *from, size_t bytes) {
  move(to, from, bytes);
  return to;
}
void *memset(void *to, int value, size_t bytes) {
  fill(to, value, bytes);
  return to;
}

/// Memory before a page that faults; the greatest address of that alignment.
static unsigned char *guarded(uint32_t bytes, uint32_t alignment, unsigned char **mapping,
                              uint32_t *mapped) {
  uint32_t size = (bytes + FRONT + 128 + PAGE - 1) / PAGE * PAGE;
  long base = call(222, 0, size + PAGE, 3, 0x22, -1, 0); // mmap, private and anonymous
  if (base < 0 && base > -4096)
    fail("no memory\n");
  if (call(226, base + size, PAGE, 0, 0, 0, 0) != 0) // mprotect
    fail("no guard page\n");
  *mapping = (unsigned char *)base;
  *mapped = size + PAGE;
  uint32_t at = (base + size - bytes) / alignment * alignment;
  // Whole pages before it would hide that a small buffer is left too far.
  fill((unsigned char *)(at - FRONT), 0xa5, FRONT);
  uint32_t behind = base + size - at - bytes;
  fill((unsigned char *)(at + bytes), 0xa5, behind);
  return (unsigned char *)at;
}

static void check(const unsigned char *at, uint32_t bytes, const unsigned char *end) {
  for (int i = 1; i <= FRONT; ++i)
    if (at[-i] != 0xa5)
      fail("a kernel wrote before a buffer\n");
  for (const unsigned char *p = at + bytes; p < end; ++p)
    if (*p != 0xa5)
      fail("a kernel wrote behind a buffer\n");
}

static void job(void) {
  struct {
    uint32_t kernel, grid[3], scratch, buffers;
  } head;
  if (!get(&head, sizeof head))
    leave(0);
  if (head.kernel >= tercet_npu_kernel_count || head.buffers > MAX_BUFFERS)
    fail("no such kernel\n");
  uint32_t sizes[MAX_BUFFERS + 1], alignments[MAX_BUFFERS + 1], mapped[MAX_BUFFERS + 1];
  void *buffers[MAX_BUFFERS + 1];
  unsigned char *mappings[MAX_BUFFERS + 1];
  for (uint32_t i = 0; i < head.buffers; ++i) {
    if (!get(&sizes[i], 4) || !get(&alignments[i], 4))
      fail("a job ends early\n");
    buffers[i] = guarded(sizes[i], alignments[i], &mappings[i], &mapped[i]);
  }
  // Of two workers the second, so that the stride is used.
  uint32_t last = head.buffers;
  sizes[last] = 2 * head.scratch;
  buffers[last] = guarded(sizes[last], 128, &mappings[last], &mapped[last]);
  fill(buffers[last], 0xcd, sizes[last]);
  for (uint32_t i = 0; i < head.buffers; ++i)
    if (!get(buffers[i], sizes[i]))
      fail("a job ends early\n");
  uint32_t fault = 0, spent = 0;
  tercet_kernel_args args = {buffers, 0, buffers[last], head.scratch, &fault};
  for (uint32_t z = 0; z < head.grid[2]; ++z)
    for (uint32_t y = 0; y < head.grid[1]; ++y)
      for (uint32_t x = 0; x < head.grid[0]; ++x) {
        outside = 0;
        uint32_t before = packets();
        tercet_npu_kernels[head.kernel](&args, x, y, z, 1);
        spent += packets() - before - outside;
        if (started != finished)
          fail("a kernel left a copy under way\n");
      }
  for (uint32_t i = 0; i < head.scratch; ++i)
    if (((unsigned char *)buffers[last])[i] != 0xcd)
      fail("a kernel wrote another worker's scratch\n");
  for (uint32_t i = 0; i <= last; ++i)
    check(buffers[i], sizes[i], mappings[i] + mapped[i] - PAGE);
  put(&spent, 4);
  put(&fault, 4);
  for (uint32_t i = 0; i < head.buffers; ++i)
    put(buffers[i], sizes[i]);
  for (uint32_t i = 0; i <= last; ++i)
    call(215, (long)mappings[i], mapped[i], 0, 0, 0, 0); // munmap
}

void _start(void) {
  for (;;)
    job();
}
