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
#include "../../queues/relax.h"
#include "tercet/port.h"
#include "wait.h"
#include <limits.h>

// Spins until the value is not `seen` or the time is over.
static uint32_t spin(tercet_wait_word *word, uint32_t seen, uint32_t spin_ns) {
  uint64_t end = 0;
  for (uint32_t turn = 0;; ++turn) {
    uint32_t value = atomic_load_explicit(&word->value, memory_order_acquire);
    if (value != seen)
      return value;
    tercet_relax();
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

void tercet_wait_sleep(const uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void tercet_wait_wake(const uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
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

// One condition for all words: whoever wakes looks again.
static pthread_mutex_t any_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t any_condition = PTHREAD_COND_INITIALIZER;

void tercet_wait_sleep(const uint32_t *word, uint32_t value) {
  pthread_mutex_lock(&any_mutex);
  if (atomic_load((const _Atomic uint32_t *)word) == value)
    pthread_cond_wait(&any_condition, &any_mutex);
  pthread_mutex_unlock(&any_mutex);
}

void tercet_wait_wake(const uint32_t *word) {
  (void)word;
  pthread_mutex_lock(&any_mutex);
  pthread_cond_broadcast(&any_condition);
  pthread_mutex_unlock(&any_mutex);
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
