// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Images that are whole but do not do what they should when they start: one
// never answers, one refuses, one ends.
#include "targets/hexagon/runtime/npu.h"

static void nothing(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z,
                    uint32_t w) {
  (void)args, (void)x, (void)y, (void)z, (void)w;
}

// As many as kernels.c has.
const tercet_kernel_fn tercet_npu_kernels[] = {nothing, nothing, nothing, nothing, nothing,
                                               nothing, nothing, nothing, nothing};
const uint32_t tercet_npu_kernel_count = sizeof tercet_npu_kernels / sizeof *tercet_npu_kernels;
const unsigned char tercet_npu_digest[32] = {0x51, 0x7E};

// Takes the place of the server.
__attribute__((noreturn, used)) void npu_main(void) {
#if defined(REFUSE)
  tercet_npu_window *window = (tercet_npu_window *)npu_map(NULL, TERCET_NPU_WINDOW_PAGE, 3);
  window->refusal = TERCET_NPU_NO_THREADS;
  __atomic_store_n(&window->state, TERCET_NPU_REFUSED, __ATOMIC_SEQ_CST);
#elif defined(QUIT)
  npu_exit(7);
#endif
  for (;;)
    __asm__ volatile("nop");
}
