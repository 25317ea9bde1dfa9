// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One-line error texts without stdio. Kept
// apart from the logic so that the logic stays short.
#include "message.h"

static const char *const record_names[] = {
    "HEADER",  "STRINGS",  "ENGINES", "POOLS",    "BUFFERS",     "DIMS",
    "TENSORS", "SCALARS",  "ENTRIES", "OPERANDS", "SCALAR_REFS", "WAITS",
    "COPIES",  "COMMANDS", "KERNELS", "PROFILE",  "WEIGHTS",     "LIMITS"};

void tercet_error_append(tercet_error *error, const char *text) {
  if (!error)
    return;
  uint32_t end = 0;
  while (end < TERCET_ERROR_TEXT_BYTES - 1 && error->text[end])
    ++end;
  for (; end < TERCET_ERROR_TEXT_BYTES - 1 && *text; ++end, ++text)
    error->text[end] = *text;
  error->text[end] = 0;
}

void tercet_error_append_number(tercet_error *error, uint64_t value) {
  char digits[21];
  char *start = digits + sizeof digits - 1;
  *start = 0;
  do {
    *--start = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  tercet_error_append(error, start);
}

void tercet_error_append_signed(tercet_error *error, int64_t value) {
  if (value < 0)
    tercet_error_append(error, "-");
  tercet_error_append_number(error,
                             value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

tercet_status tercet_error_set(tercet_error *error, tercet_status status,
                               const char *text) {
  if (error) {
    error->status = status;
    error->record = 0;
    error->index = TERCET_NONE;
    error->text[0] = 0;
    tercet_error_append(error, text);
  }
  return status;
}

tercet_status tercet_error_corrupt(tercet_error *error, uint32_t record,
                                   uint32_t index, const char *text) {
  tercet_error_set(error, TERCET_ERROR_CORRUPT, "table: ");
  if (!error)
    return TERCET_ERROR_CORRUPT;
  error->record = record;
  error->index = index;
  tercet_error_append(error, record_names[record]);
  if (index != TERCET_NONE) {
    tercet_error_append(error, "[");
    tercet_error_append_number(error, index);
    tercet_error_append(error, "]");
  }
  tercet_error_append(error, ": ");
  tercet_error_append(error, text);
  return TERCET_ERROR_CORRUPT;
}
