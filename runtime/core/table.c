// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the records of a table that may be newer, older, truncated or hostile.
// Everything that could overflow is computed in 64 bits from 32-bit fields.
#include "table.h"
#include "message.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tables are little-endian; this runtime reads them in place"
#endif

// Least stride of each kind; exact for the array kinds.
static const uint8_t strides[TERCET_RECORD_END] = {0,
                                                   1,
                                                   sizeof(tercet_engine_record),
                                                   sizeof(tercet_pool_record),
                                                   sizeof(tercet_buffer_record),
                                                   8,
                                                   sizeof(tercet_tensor_record),
                                                   sizeof(tercet_scalar_record),
                                                   sizeof(tercet_entry_record),
                                                   sizeof(tercet_operand_record),
                                                   4,
                                                   4,
                                                   sizeof(tercet_copy_record),
                                                   sizeof(tercet_command_record),
                                                   sizeof(tercet_kernel_record),
                                                   sizeof(tercet_profile_record),
                                                   sizeof(tercet_weights_record),
                                                   sizeof(tercet_limits_record)};

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define THIS_VERSION TEXT(TERCET_ABI_MAJOR) "." TEXT(TERCET_ABI_MINOR)

#define ARRAY_KINDS                                                                                \
  (1u << TERCET_RECORD_STRINGS | 1u << TERCET_RECORD_DIMS | 1u << TERCET_RECORD_SCALAR_REFS |      \
   1u << TERCET_RECORD_WAITS)

static tercet_status check_version(uint32_t major, uint32_t minor, uint32_t minor_min,
                                   tercet_error *error) {
  if (major == TERCET_ABI_MAJOR && minor_min <= TERCET_ABI_MINOR)
    return TERCET_OK;
  tercet_error_format(error, TERCET_ERROR_VERSION,
                      major == TERCET_ABI_MAJOR ? "artifact @x.@y needs runtime >= @x.@z, this is "
                                                : "artifact @x.@y needs runtime @x.x, this is ",
                      NULL, NULL, major, minor, minor_min);
  tercet_error_append(error, THIS_VERSION);
  return TERCET_ERROR_VERSION;
}

static tercet_status check_features(uint64_t missing, tercet_error *error) {
  static const char names[3][36] = {" (submit: needs engine drivers)", " (concurrent queues)", ""};
  if (!missing)
    return TERCET_OK;
  int bit = __builtin_ctzll(missing);
  return tercet_error_format(error, TERCET_ERROR_UNSUPPORTED_FEATURE,
                             "artifact needs program feature @x@a, which this runtime lacks",
                             names[bit < 2 ? bit : 2], NULL, bit, 0, 0);
}

static tercet_status parse_record(const tercet_record_header *record, uint32_t number,
                                  tercet_table *table, tercet_error *error) {
  uint32_t kind = record->kind & ~TERCET_RECORD_REQUIRED;
  uint64_t payload = (uint64_t)record->count * record->stride;
  if (record->count == TERCET_NONE || ((payload + 7) & ~(uint64_t)7) != record->bytes)
    return tercet_error_corrupt(error, 0, number, "record size is not count * stride");
  if (kind == 0 || kind >= TERCET_RECORD_END) {
    if (!(record->kind & TERCET_RECORD_REQUIRED))
      return TERCET_OK;
    return tercet_error_format(error, TERCET_ERROR_UNSUPPORTED_RECORD,
                               "artifact needs record kind @x, which this runtime does not know",
                               NULL, NULL, kind, 0, 0);
  }
  uint32_t least = strides[kind];
  int fits = ARRAY_KINDS >> kind & 1 ? record->stride == least
                                     : record->stride >= least && record->stride % 8 == 0;
  if (!fits)
    return tercet_error_corrupt(error, kind, TERCET_NONE, "wrong stride");
  tercet_records *known = &table->records[kind];
  if (known->stride)
    return tercet_error_corrupt(error, kind, TERCET_NONE, "record is repeated");
  known->data = (const unsigned char *)(record + 1);
  known->count = record->count;
  known->stride = record->stride;
  return TERCET_OK;
}

tercet_status tercet_table_parse(const tercet_program *program, uint64_t features,
                                 tercet_table *table, tercet_error *error) {
  if (!program)
    return tercet_error_set(error, TERCET_ERROR_INVALID_ARGUMENT, "program is NULL");
  if (program->magic != TERCET_MAGIC_PROGRAM)
    return tercet_error_set(error, TERCET_ERROR_NOT_A_PROGRAM,
                            "wrong magic number in the program descriptor");
  tercet_status status = check_version(program->major, program->minor, 0, error);
  if (status)
    return status;
  const tercet_table_header *header = (const tercet_table_header *)program->table;
  if (!header || (uintptr_t)header % 16)
    return tercet_error_corrupt(error, 0, TERCET_NONE, "table is absent or not 16-byte aligned");
  if (program->table_bytes < sizeof *header)
    return tercet_error_corrupt(error, 0, TERCET_NONE, "table is truncated");
  if (header->magic != TERCET_MAGIC_TABLE)
    return tercet_error_set(error, TERCET_ERROR_NOT_A_PROGRAM, "wrong magic number in the table");
  status = check_version(header->major, header->minor, header->minor_min, error);
  if (status)
    return status;
  status =
      check_features((program->features_required | header->features_required) & ~features, error);
  if (status)
    return status;
  uint64_t total = header->total_bytes;
  if (total < sizeof *header || total % 8 || total > program->table_bytes || total > SIZE_MAX / 2)
    return tercet_error_corrupt(error, 0, TERCET_NONE, "table is truncated");

  const unsigned char *cursor = (const unsigned char *)(header + 1);
  uint64_t left = total - sizeof *header;
  *table = (tercet_table){0};
  for (uint32_t i = 0; i < header->record_count; ++i) {
    const tercet_record_header *record = (const tercet_record_header *)cursor;
    if (left < sizeof *record || left - sizeof *record < record->bytes)
      return tercet_error_corrupt(error, 0, i, "record exceeds the table");
    status = parse_record(record, i, table, error);
    if (status)
      return status;
    uint64_t size = sizeof *record + record->bytes;
    cursor += size;
    left -= size;
  }
  if (left)
    return tercet_error_corrupt(error, 0, TERCET_NONE, "bytes after the last record");
  return TERCET_OK;
}
