// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header that the compiler would write beside demo.o: the program, and
// every size as a constant, so that an application can declare all memory
// statically. The program itself is abi_demo.c.
#ifndef TERCET_DEMO_H
#define TERCET_DEMO_H

#include "tercet/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const tercet_program tercet_demo;

// Pools that the application provides, and the file that it maps (0: the
// weights are embedded).
#define TERCET_DEMO_ARENA_BYTES 2048
#define TERCET_DEMO_ARENA_ALIGN 64
#define TERCET_DEMO_STATE_BYTES 64
#define TERCET_DEMO_STATE_ALIGN 64
#define TERCET_DEMO_WEIGHTS_BYTES 0
#define TERCET_DEMO_WEIGHTS_ALIGN 64
// All bindable inputs and outputs of all entries, each rounded up to 64.
#define TERCET_DEMO_IO_BYTES 896
#define TERCET_DEMO_IO_ALIGN 64
// Needs tercet/runtime.h: pools, buffers, scalars, most operands and most
// scalars of one command.
#define TERCET_DEMO_CONTEXT_BYTES TERCET_CONTEXT_BYTES(4, 9, 3, 3, 2)
#define TERCET_DEMO_MAX_WORKERS 4
#define TERCET_DEMO_STACK_BYTES 256

// Entry points and their tensors.
#define TERCET_DEMO_ENTRY_MAIN 0
#define TERCET_DEMO_MAIN_INPUT_IDS 0
#define TERCET_DEMO_MAIN_INPUT_IDS_BYTES 16
#define TERCET_DEMO_MAIN_OUTPUT_Y 0
#define TERCET_DEMO_MAIN_OUTPUT_Y_BYTES 256
#define TERCET_DEMO_MAIN_SCALAR_FACTOR 0
#define TERCET_DEMO_ENTRY_STEP 1
#define TERCET_DEMO_STEP_INPUT_X 0
#define TERCET_DEMO_STEP_INPUT_X_BYTES 512
#define TERCET_DEMO_STEP_INPUT_TOTAL 1
#define TERCET_DEMO_STEP_OUTPUT_TOTAL 0
#define TERCET_DEMO_STEP_OUTPUT_SNAPSHOT 1
#define TERCET_DEMO_STEP_OUTPUT_SNAPSHOT_BYTES 64
#define TERCET_DEMO_STEP_SCALAR_POSITION 0
#define TERCET_DEMO_STEP_SCALAR_LENGTH 1

#ifdef __cplusplus
}
#endif
#endif // TERCET_DEMO_H
