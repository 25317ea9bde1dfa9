// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sentence for each status: a table, because the numbers are sparse and
// code is dearer than constants on the smallest machines.
#include "tercet/runtime.h"

typedef struct sentence {
  uint16_t status;
  char text[62];
} sentence;

static const sentence sentences[] = {
    {TERCET_OK, "ok"},
    {TERCET_ERROR_INVALID_ARGUMENT, "invalid argument: null pointer or index out of range"},
    {TERCET_ERROR_OUT_OF_MEMORY, "the memory handed in is too small"},
    {TERCET_ERROR_MISALIGNED, "an address is not aligned as required"},
    {TERCET_ERROR_NOT_FOUND, "no such name"},
    {TERCET_ERROR_NOT_BOUND, "a pool, input or output has no memory bound"},
    {TERCET_ERROR_NOT_BINDABLE, "this pool or tensor is not bound by the application"},
    {TERCET_ERROR_SCALAR_RANGE, "a scalar is outside its declared range"},
    {TERCET_ERROR_BUSY, "the context is inside a run"},
    {TERCET_ERROR_STATE_FULL, "the sequence would be longer than the context length"},
    {TERCET_ERROR_STATE_MISMATCH, "the saved session is of another program, or damaged"},
    {TERCET_ERROR_NOT_A_PROGRAM, "not a compiled program (wrong magic number)"},
    {TERCET_ERROR_VERSION, "the program needs another version of the runtime"},
    {TERCET_ERROR_CORRUPT, "the program's table is corrupt"},
    {TERCET_ERROR_UNSUPPORTED_FEATURE, "the program needs a feature that this runtime lacks"},
    {TERCET_ERROR_UNSUPPORTED_RECORD, "the program needs a record that this runtime does not know"},
    {TERCET_ERROR_UNSUPPORTED_COMMAND, "the program has a command that this runtime cannot run"},
    {TERCET_ERROR_WRONG_ISA, "the program is for another instruction set"},
    {TERCET_ERROR_MISSING_CPU_FEATURE, "the processor lacks a feature that the program needs"},
    {TERCET_ERROR_VECTOR_TOO_SHORT, "the processor's vectors are shorter than the program needs"},
    {TERCET_ERROR_WEIGHTS_MISSING, "the program's weights file was not given"},
    {TERCET_ERROR_WEIGHTS_TRUNCATED, "the weights are truncated or not a weights file"},
    {TERCET_ERROR_WEIGHTS_MISMATCH, "the weights belong to another program"},
    {TERCET_ERROR_INDEX_OUT_OF_RANGE, "an index in the input data is out of range"},
    {TERCET_ERROR_DIVISION_BY_ZERO, "integer division by zero"},
    {TERCET_ERROR_KERNEL_FAULT, "a kernel reported a fault"},
    {TERCET_ERROR_STOPPED, "stopped by the observer"},
    {TERCET_ERROR_FILE_OPEN, "a file cannot be opened"},
    {TERCET_ERROR_FILE_MAP, "a file cannot be mapped"},
    {TERCET_ERROR_THREAD_START, "a thread cannot be started"},
    {TERCET_ERROR_SYSTEM_MEMORY, "the system has no memory left"},
    {TERCET_ERROR_ENGINE_LOST, "an engine stopped working; it can be opened again"},
    {TERCET_ERROR_ENGINE_TIMEOUT, "an engine took too long; it can be opened again"},
    {TERCET_ERROR_ENGINE_IMAGE, "the code for an engine was refused"},
    {TERCET_ERROR_ENGINE_MEMORY, "the memory that an engine can reach is too small"},
    {TERCET_ERROR_ENGINE_ABSENT, "an engine, or its emulator, is not there"},
    {TERCET_ERROR_ENGINE_REFUSED, "an engine answered with an error"},
    {TERCET_ERROR_ENGINE_FULL, "an engine's queue is full"}};

const char *tercet_status_string(tercet_status status) {
  for (size_t i = 0; i < sizeof sentences / sizeof *sentences; ++i)
    if (sentences[i].status == (uint32_t)status)
      return sentences[i].text;
  return "unknown status";
}
