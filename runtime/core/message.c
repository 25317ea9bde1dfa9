// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One-line error texts without stdio. Kept apart from the logic so that the
// logic stays short.
#include "message.h"

static const char record_names[][12] = {"HEADER",      "STRINGS", "ENGINES", "POOLS",    "BUFFERS",
                                        "DIMS",        "TENSORS", "SCALARS", "ENTRIES",  "OPERANDS",
                                        "SCALAR_REFS", "WAITS",   "COPIES",  "COMMANDS", "KERNELS",
                                        "PROFILE",     "WEIGHTS", "LIMITS"};

const char *tercet_record_name(uint32_t kind) { return record_names[kind]; }

TERCET_NOINLINE void tercet_error_append(tercet_error *error, const char *text) {
  if (!error)
    return;
  uint32_t end = 0;
  while (error->text[end])
    ++end;
  for (; end < TERCET_ERROR_TEXT_BYTES - 1 && *text; ++end, ++text)
    error->text[end] = *text;
  error->text[end] = 0;
}

static void append_number(tercet_error *error, int64_t value) {
  char digits[22];
  char *start = digits + sizeof digits - 1;
  uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  *start = 0;
  do {
    *--start = (char)('0' + left % 10);
    left /= 10;
  } while (left);
  if (value < 0)
    *--start = '-';
  tercet_error_append(error, start);
}

TERCET_NOINLINE tercet_status tercet_error_format(tercet_error *error, tercet_status status,
                                                  const char *text, const char *a, const char *b,
                                                  int64_t x, int64_t y, int64_t z) {
  if (!error)
    return status;
  error->status = status;
  error->record = 0;
  error->index = TERCET_NONE;
  error->text[0] = 0;
  const int64_t numbers[3] = {x, y, z};
  for (; *text; ++text) {
    if (*text != '@') {
      const char one[2] = {*text, 0};
      tercet_error_append(error, one);
      continue;
    }
    ++text;
    if (*text >= 'x')
      append_number(error, numbers[*text - 'x']);
    else
      tercet_error_append(error, *text == 'a' ? a : b);
  }
  return status;
}

TERCET_NOINLINE tercet_status tercet_error_set(tercet_error *error, tercet_status status,
                                               const char *text) {
  return tercet_error_format(error, status, text, NULL, NULL, 0, 0, 0);
}

TERCET_NOINLINE tercet_status tercet_error_corrupt(tercet_error *error, uint32_t record,
                                                   uint32_t index, const char *text) {
  tercet_error_format(error, TERCET_ERROR_CORRUPT,
                      index == TERCET_NONE ? "table: @a: @b" : "table: @a[@x]: @b",
                      record_names[record], text, index, 0, 0);
  if (error) {
    error->record = record;
    error->index = index;
  }
  return TERCET_ERROR_CORRUPT;
}

tercet_status tercet_error_check_memory(tercet_error *error, const char *kind, const char *name,
                                        const void *memory, uint64_t bytes, uint64_t bytes_needed,
                                        uint32_t alignment) {
  if (bytes < bytes_needed)
    return tercet_error_format(error, TERCET_ERROR_OUT_OF_MEMORY, "@a '@b' needs @x bytes, got @y",
                               kind, name, (int64_t)bytes_needed, (int64_t)bytes, 0);
  uint64_t off = (uintptr_t)memory % alignment;
  if (off)
    return tercet_error_format(error, TERCET_ERROR_MISALIGNED,
                               "@a '@b' needs @x-byte alignment, address is off by @y", kind, name,
                               alignment, (int64_t)off, 0);
  return TERCET_OK;
}
