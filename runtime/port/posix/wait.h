// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A 32-bit word that one side posts and the other waits for: first by
// spinning, then asleep in the kernel (a futex on Linux, a condition variable
// elsewhere). Invariants: one waiter at a time; a post is a release, the end
// of a wait is an acquire; a post makes a system call only for a sleeper.
#ifndef TERCET_PORT_POSIX_WAIT_H
#define TERCET_PORT_POSIX_WAIT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct tercet_wait_word {
  _Atomic uint32_t value;
  _Atomic uint32_t asleep;
#ifndef __linux__
  pthread_mutex_t mutex;
  pthread_cond_t condition;
#endif
} tercet_wait_word;

void tercet_wait_init(tercet_wait_word *word);
void tercet_wait_end(tercet_wait_word *word);

void tercet_wait_post(tercet_wait_word *word, uint32_t value);

// Waits until the value is not `seen`; returns it.
uint32_t tercet_wait_change(tercet_wait_word *word, uint32_t seen, uint32_t spin_ns);

// Waits until the value is `value`.
void tercet_wait_value(tercet_wait_word *word, uint32_t value, uint32_t spin_ns);

// For words of anybody's, with any number of waiters: sleeps while *word is
// `value` or less long, and wakes all that sleep on it.
void tercet_wait_sleep(const uint32_t *word, uint32_t value);
void tercet_wait_wake(const uint32_t *word);

#endif // TERCET_PORT_POSIX_WAIT_H
