// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header that the compiler would write beside npu.o, a program for a CPU
// and an NPU. The program itself is abi_npu.c.
#ifndef TERCET_NPU_H
#define TERCET_NPU_H

#include "tercet/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const tercet_program tercet_npu;

#define TERCET_NPU_CONTEXT_BYTES TERCET_CONTEXT_BYTES(3, 5, 0, 2, 0)
#define TERCET_NPU_QUEUES_BYTES TERCET_QUEUES_BYTES(2, 1, 2, 2, 0)
// Needs tercet/driver.h: engines that are no CPUs, pools, most operands.
#define TERCET_NPU_DRIVERS_BYTES TERCET_DRIVERS_BYTES(1, 3, 2)
#define TERCET_NPU_MAX_WORKERS 2
#define TERCET_NPU_STACK_BYTES 128

#define TERCET_NPU_ENGINE_NPU 1
#define TERCET_NPU_ENTRY_MAIN 0
#define TERCET_NPU_MAIN_INPUT_X 0
#define TERCET_NPU_MAIN_INPUT_X_BYTES 1024
#define TERCET_NPU_MAIN_OUTPUT_Y 0
#define TERCET_NPU_MAIN_OUTPUT_Y_BYTES 1024

#ifdef __cplusplus
}
#endif
#endif // TERCET_NPU_H
