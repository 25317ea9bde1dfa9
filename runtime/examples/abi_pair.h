// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header that the compiler would write beside pair.o, a program with two
// engines that share the work. The program itself is abi_pair.c.
#ifndef TERCET_PAIR_H
#define TERCET_PAIR_H

#include "tercet/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const tercet_program tercet_pair;

#define TERCET_PAIR_ARENA_BYTES 1024
#define TERCET_PAIR_ARENA_ALIGN 64
#define TERCET_PAIR_STATE_BYTES 0
#define TERCET_PAIR_STATE_ALIGN 64
#define TERCET_PAIR_WEIGHTS_BYTES 0
#define TERCET_PAIR_WEIGHTS_ALIGN 64
#define TERCET_PAIR_IO_BYTES 2048
#define TERCET_PAIR_IO_ALIGN 64
#define TERCET_PAIR_CONTEXT_BYTES TERCET_CONTEXT_BYTES(2, 3, 0, 3, 0)
// Needs tercet/queues.h: engines, entries, tokens, most operands and most
// scalars of one command.
#define TERCET_PAIR_QUEUES_BYTES TERCET_QUEUES_BYTES(2, 1, 2, 3, 0)
#define TERCET_PAIR_MAX_WORKERS 2
#define TERCET_PAIR_STACK_BYTES 128

#define TERCET_PAIR_ENTRY_MAIN 0
#define TERCET_PAIR_MAIN_INPUT_X 0
#define TERCET_PAIR_MAIN_INPUT_X_BYTES 1024
#define TERCET_PAIR_MAIN_OUTPUT_Y 0
#define TERCET_PAIR_MAIN_OUTPUT_Y_BYTES 1024

#ifdef __cplusplus
}
#endif
#endif // TERCET_PAIR_H
