// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sentence for each status. A switch and not a table, so that the numbers
// in the bands may stay sparse.
#include "tercet/runtime.h"

const char *tercet_status_string(tercet_status status) {
  switch (status) {
  case TERCET_OK:
    return "ok";
  case TERCET_ERROR_INVALID_ARGUMENT:
    return "invalid argument: null pointer or index out of range";
  case TERCET_ERROR_OUT_OF_MEMORY:
    return "the memory handed in is too small";
  case TERCET_ERROR_MISALIGNED:
    return "an address is not aligned as required";
  case TERCET_ERROR_NOT_FOUND:
    return "no such name";
  case TERCET_ERROR_NOT_BOUND:
    return "a pool, input or output has no memory bound";
  case TERCET_ERROR_NOT_BINDABLE:
    return "this pool or tensor is not bound by the application";
  case TERCET_ERROR_SCALAR_RANGE:
    return "a scalar is outside its declared range";
  case TERCET_ERROR_BUSY:
    return "the context is inside a run";
  case TERCET_ERROR_NOT_A_PROGRAM:
    return "not a compiled program (wrong magic number)";
  case TERCET_ERROR_VERSION:
    return "the program needs another version of the runtime";
  case TERCET_ERROR_CORRUPT:
    return "the program's table is corrupt";
  case TERCET_ERROR_UNSUPPORTED_FEATURE:
    return "the program needs a feature that this runtime lacks";
  case TERCET_ERROR_UNSUPPORTED_RECORD:
    return "the program needs a record that this runtime does not know";
  case TERCET_ERROR_UNSUPPORTED_COMMAND:
    return "the program has a command that this runtime cannot run";
  case TERCET_ERROR_WRONG_ISA:
    return "the program is for another instruction set";
  case TERCET_ERROR_MISSING_CPU_FEATURE:
    return "the processor lacks a feature that the program needs";
  case TERCET_ERROR_VECTOR_TOO_SHORT:
    return "the processor's vectors are shorter than the program needs";
  case TERCET_ERROR_WEIGHTS_MISSING:
    return "the program's weights file was not given";
  case TERCET_ERROR_WEIGHTS_TRUNCATED:
    return "the weights are truncated or not a weights file";
  case TERCET_ERROR_WEIGHTS_MISMATCH:
    return "the weights belong to another program";
  case TERCET_ERROR_INDEX_OUT_OF_RANGE:
    return "an index in the input data is out of range";
  case TERCET_ERROR_DIVISION_BY_ZERO:
    return "integer division by zero";
  case TERCET_ERROR_KERNEL_FAULT:
    return "a kernel reported a fault";
  case TERCET_ERROR_STOPPED:
    return "stopped by the observer";
  case TERCET_ERROR_FILE_OPEN:
    return "a file cannot be opened";
  case TERCET_ERROR_FILE_MAP:
    return "a file cannot be mapped";
  case TERCET_ERROR_THREAD_START:
    return "a thread cannot be started";
  case TERCET_ERROR_SYSTEM_MEMORY:
    return "the system has no memory left";
  }
  return "unknown status";
}
