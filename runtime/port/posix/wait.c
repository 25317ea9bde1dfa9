// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Spin, then sleep. The waiter raises `asleep` before it looks at the value
// for the last time and the poster writes the value before it looks at
// `asleep`; both sequentially consistent, so one of them sees the other.
#ifdef __linux__
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#include "tercet/port.h"
#include "wait.h"

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory"); // yield is a no-op on most cores
#elif defined(__riscv)
  __asm__ volatile(".insn i 0x0F, 0, x0, x0, 0x010" ::: "memory"); // pause
#endif
}

// Spins until the value is not `seen` or the time is over.
static uint32_t spin(tercet_wait_word *word, uint32_t seen, uint32_t spin_ns) {
  uint64_t end = 0;
  for (uint32_t turn = 0;; ++turn) {
    uint32_t value = atomic_load_explicit(&word->value, memory_order_acquire);
    if (value != seen)
      return value;
    pause_briefly();
    if (turn % 32 != 31)
      continue;
    uint64_t now = tercet_port_clock_read();
    if (!end)
      end = now + spin_ns;
    else if (now >= end)
      return value;
  }
}

#ifdef __linux__

void tercet_wait_init(tercet_wait_word *word) {
  atomic_init(&word->value, 0);
  atomic_init(&word->asleep, 0);
}

void tercet_wait_end(tercet_wait_word *word) { (void)word; }

static void sleep_while(tercet_wait_word *word, uint32_t seen) {
  syscall(SYS_futex, (uint32_t *)&word->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void wake(tercet_wait_word *word) {
  syscall(SYS_futex, (uint32_t *)&word->value, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#else

void tercet_wait_init(tercet_wait_word *word) {
  atomic_init(&word->value, 0);
  atomic_init(&word->asleep, 0);
  pthread_mutex_init(&word->mutex, NULL);
  pthread_cond_init(&word->condition, NULL);
}

void tercet_wait_end(tercet_wait_word *word) {
  pthread_cond_destroy(&word->condition);
  pthread_mutex_destroy(&word->mutex);
}

static void sleep_while(tercet_wait_word *word, uint32_t seen) {
  pthread_mutex_lock(&word->mutex);
  while (atomic_load(&word->value) == seen)
    pthread_cond_wait(&word->condition, &word->mutex);
  pthread_mutex_unlock(&word->mutex);
}

static void wake(tercet_wait_word *word) {
  pthread_mutex_lock(&word->mutex);
  pthread_cond_signal(&word->condition);
  pthread_mutex_unlock(&word->mutex);
}

#endif

void tercet_wait_post(tercet_wait_word *word, uint32_t value) {
  atomic_store(&word->value, value);
  if (atomic_load(&word->asleep))
    wake(word);
}

uint32_t tercet_wait_change(tercet_wait_word *word, uint32_t seen, uint32_t spin_ns) {
  uint32_t value = spin(word, seen, spin_ns);
  if (value != seen)
    return value;
  atomic_store(&word->asleep, 1);
  while ((value = atomic_load(&word->value)) == seen)
    sleep_while(word, seen);
  atomic_store(&word->asleep, 0);
  return value;
}

void tercet_wait_value(tercet_wait_word *word, uint32_t value, uint32_t spin_ns) {
  uint32_t now = atomic_load_explicit(&word->value, memory_order_acquire);
  while (now != value)
    now = tercet_wait_change(word, now, spin_ns);
}
