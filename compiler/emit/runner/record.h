// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every command of a run has written, for tercet-compare: it reads the file
// that --record names. Only memory that the CPU sees is in it. The file's numbers
// are those of the machine that ran the program, which are little-endian.
#ifndef TERCET_RUNNER_RECORD_H
#define TERCET_RUNNER_RECORD_H

#include "tercet/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

// One after another, in the order in which commands end: this, the name's bytes,
// then for each operand that was written its length in 8 bytes and its contents.
typedef struct record_command {
  uint32_t command;
  uint32_t name_bytes; // of its nodes, without a NUL
  uint32_t operands;
  uint32_t reserved;
} record_command;

// Runs the entry once, command by command. Errors are reported on standard error;
// nonzero is returned.
int record_run(tercet_context *context, uint32_t entry, const char *path);

#ifdef __cplusplus
}
#endif

#endif // TERCET_RUNNER_RECORD_H
