// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entry and system calls of the image as a Linux process (qemu-hexagon). Linux
// numbers of the generic table; a call is trap0(#1) with the number in r6. The
// window is file descriptor 3 and its size the first argument.
#include "npu.h"

enum {
  SYS_EXIT_GROUP = 94,
  SYS_FUTEX = 98,
  SYS_CLOCK_GETTIME = 113,
  SYS_MMAP2 = 222,
};

// Named by _start, so that no linker drops it.
__attribute__((visibility("hidden"))) extern const tercet_npu_image_record tercet_npu_image;
__attribute__((section(".tercet.npu"), aligned(8)))
const tercet_npu_image_record tercet_npu_image = {
    .magic = {'T', 'E', 'R', 'C', 'E', 'T', '-', 'N', 'P', 'U', '-', 'I', 'M', 'A', 'G', 'E'},
    .version = TERCET_NPU_VERSION,
    .architecture = TERCET_NPU_ARCHITECTURE,
    .kernels = (uint32_t)tercet_npu_kernels,
    .kernel_count = (uint32_t)&tercet_npu_kernel_count,
    .digest = (uint32_t)tercet_npu_digest,
};

__asm__(".text\n.globl _start\n.type _start, @function\n_start:\n"
        "  { r29 = and(r29, #-128); r30 = #0; r31 = #0 }\n"
        "  { r0 = ##tercet_npu_image }\n"
        "  { call npu_main }\n"
        ".size _start, .-_start\n");

__asm__(
    ".text\n.type npu_trap, @function\nnpu_trap:\n" // arguments as a function's; r6 on the stack
    "  { r6 = memw(r29 + #0) }\n"
    "  { trap0(#1) }\n"
    "  { jumpr r31 }\n"
    ".size npu_trap, .-npu_trap\n");

// Six arguments in r0 to r5; the number is the seventh, on the stack.
extern long npu_trap(long a, long b, long c, long d, long e, long f, long number);

long npu_syscall(long number, long a, long b, long c, long d, long e, long f) {
  return npu_trap(a, b, c, d, e, f, number);
}

void npu_exit(int code) {
  for (;;)
    npu_syscall(SYS_EXIT_GROUP, code, 0, 0, 0, 0, 0);
}

void *npu_map(void *address, uint32_t bytes, int descriptor) {
  enum { READ_WRITE = 3, SHARED = 1, PRIVATE = 2, FIXED = 0x10, ANONYMOUS = 0x20 };
  long flags = descriptor < 0 ? PRIVATE | ANONYMOUS : SHARED;
  if (address)
    flags |= FIXED;
  long result =
      npu_syscall(SYS_MMAP2, (long)address, (long)bytes, READ_WRITE, flags, descriptor, 0);
  return (unsigned long)result > -4096ul ? NULL : (void *)result;
}

uint64_t npu_clock(void) {
  enum { CLOCK_MONOTONIC = 1 };
  long time[2] = {0, 0}; // 32-bit seconds since boot
  npu_syscall(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)time, 0, 0, 0, 0);
  return (uint64_t)(uint32_t)time[0] * 1000000000u + (uint32_t)time[1];
}

// Not FUTEX_PRIVATE: the other side is another process.
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1 };

void npu_sleep(const uint32_t *word, uint32_t value, uint32_t nanoseconds) {
  long time[2] = {0, (long)nanoseconds};
  npu_syscall(SYS_FUTEX, (long)word, FUTEX_WAIT, (long)value, nanoseconds ? (long)time : 0, 0, 0);
}

void npu_wake(const uint32_t *word) {
  npu_syscall(SYS_FUTEX, (long)word, FUTEX_WAKE, 0x7fffffff, 0, 0, 0);
}

uint32_t npu_spin(const uint32_t *word, uint32_t value, uint32_t spin) {
  for (;; --spin) {
    uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (now != value || !spin)
      return now;
    __asm__ volatile("pause(#8)");
  }
}
