// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies that a kernel starts and waits for later. Below v68 there is no user
// DMA: the copy is done at once, so that a program that is right there has
// declared its waits but not shown that they are in the right places. From v68
// on each worker has a ring of descriptors that the DMA walks as a chain.
#include "npu.h"

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);

#if TERCET_NPU_ARCHITECTURE < 68

int tercet_dma_start(void *to, const void *from, uint32_t row_bytes, uint32_t rows,
                     uint32_t to_stride, uint32_t from_stride) {
  unsigned char *out = (unsigned char *)to;
  const unsigned char *in = (const unsigned char *)from;
  if (to_stride == row_bytes && from_stride == row_bytes) {
    row_bytes *= rows;
    rows = 1;
  }
  for (; rows; --rows, out += to_stride, in += from_stride)
    memcpy(out, in, row_bytes);
  return 0;
}

void tercet_dma_wait(int ticket) { (void)ticket; }

#else

// The descriptor of the user DMA, of one row (16 bytes used) or of many.
typedef struct descriptor {
  uint32_t next;    // address of the next one, or 0
  uint32_t control; // length of one row, 24 bits; kind << 24; ORDER; DONE
  uint32_t from, to;
  uint32_t padding; // of the many-row kind from here on
  uint32_t shape;   // rows << 16 | bytes of a row
  uint32_t strides; // to << 16 | from
  uint32_t offsets;
} descriptor;

#define KIND_ROWS (1u << 24)
#define ORDER (1u << 30)
#define DONE (1u << 31)
#define LENGTH_MAX 0xFFFFFFu
#define SHAPE_MAX 0xFFFFu

#define RING 16u
// Worker's ring, found by its thread pointer; 0 until its first copy.
typedef struct channel {
  _Alignas(64) descriptor ring[RING];
  uint32_t started;  // descriptors so far
  uint32_t finished; // known to be done
  uint32_t used;
} channel;

static channel channels[TERCET_NPU_WORKERS_MAX];

static channel *own_channel(void) {
  channel *own;
  __asm__ volatile("%0 = ugp" : "=r"(own));
  if (own)
    return own;
  uint32_t i = 0;
  while (i + 1 < TERCET_NPU_WORKERS_MAX &&
         __atomic_exchange_n(&channels[i].used, 1, __ATOMIC_RELAXED))
    ++i;
  own = &channels[i];
  __asm__ volatile("ugp = %0" ::"r"(own));
  return own;
}

// Descriptors finish in their order.
static void finish_until(channel *own, uint32_t number) {
  while ((int32_t)(own->finished - number) < 0) {
    const volatile uint32_t *control = &own->ring[own->finished % RING].control;
    while (!(*control & DONE)) {
      uint32_t state;
      __asm__ volatile("%0 = dmpoll" : "=r"(state)::"memory");
      (void)state;
    }
    ++own->finished;
  }
}

static void start(channel *own, const descriptor *what) {
  if (own->started - own->finished == RING)
    finish_until(own, own->finished + 1);
  descriptor *slot = &own->ring[own->started % RING];
  *slot = *what;
  slot->control |= ORDER;
  __asm__ volatile("syncht" ::: "memory");
  if (own->started == own->finished) {
    __asm__ volatile("dmstart(%0)" ::"r"(slot) : "memory");
  } else {
    descriptor *last = &own->ring[(own->started - 1) % RING];
    __asm__ volatile("dmlink(%0, %1)" ::"r"(last), "r"(slot) : "memory");
  }
  ++own->started;
}

static void start_row(channel *own, uint32_t to, uint32_t from, uint32_t bytes) {
  while (bytes) {
    uint32_t part = bytes < LENGTH_MAX ? bytes : LENGTH_MAX & ~127u;
    descriptor one = {.control = part, .from = from, .to = to};
    start(own, &one);
    to += part, from += part, bytes -= part;
  }
}

int tercet_dma_start(void *to, const void *from, uint32_t row_bytes, uint32_t rows,
                     uint32_t to_stride, uint32_t from_stride) {
  channel *own = own_channel();
  uint32_t out = (uint32_t)to, in = (uint32_t)from;
  if (to_stride == row_bytes && from_stride == row_bytes) {
    start_row(own, out, in, row_bytes * rows);
  } else if ((row_bytes | to_stride | from_stride) > SHAPE_MAX) {
    for (; rows; --rows, out += to_stride, in += from_stride)
      start_row(own, out, in, row_bytes);
  } else {
    while (rows) {
      uint32_t part = rows < SHAPE_MAX ? rows : SHAPE_MAX;
      descriptor many = {.control = KIND_ROWS,
                         .from = in,
                         .to = out,
                         .shape = part << 16 | row_bytes,
                         .strides = to_stride << 16 | from_stride};
      start(own, &many);
      rows -= part, out += part * to_stride, in += part * from_stride;
    }
  }
  return (int)own->started;
}

void tercet_dma_wait(int ticket) { finish_until(own_channel(), (uint32_t)ticket); }

#endif
