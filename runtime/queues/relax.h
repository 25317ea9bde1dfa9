// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a thread does between two looks at a word that it spins on.
#ifndef TERCET_QUEUES_RELAX_H
#define TERCET_QUEUES_RELAX_H

static inline void tercet_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory"); // yield is a no-op on most cores
#elif defined(__riscv)
  __asm__ volatile(".insn i 0x0F, 0, x0, x0, 0x010" ::: "memory"); // pause
#endif
}

#endif // TERCET_QUEUES_RELAX_H
